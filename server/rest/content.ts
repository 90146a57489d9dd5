/** Bodies and parameters: Extended JSON in, Extended JSON out, documents as BSON bytes between the two. */
import { hash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { DatabaseError } from '../../pkg/base/errors.ts'
import { buildDocument, rawDocument } from '../../pkg/bson/build.ts'
import { parseExtendedJson, stringifyExtendedJson, stringifyExtendedJsonValue } from '../../pkg/bson/ejson.ts'
import { bsonType } from '../../pkg/bson/type.ts'
import { documentFields, documentOf, getField, objectIdValue, stringValue, type Value } from '../../pkg/bson/value.ts'
import { HttpProblem } from './problem.ts'

/** The media types whose bodies are documents. */
export const documentTypes = [
  'application/json',
  'application/ejson',
  'application/merge-patch+json',
  'application/vnd.lauradb.update+json',
]

/** The body as the bytes of a document. Errors: a problem 400 without one, FailedToParse with line and column. */
export function bodyOf(request: FastifyRequest): Uint8Array {
  const { body } = request
  if (!(body instanceof Uint8Array) || body.length === 0)
    throw new HttpProblem(400, 'EmptyBody', 'the request must have a document as its body')
  return parseExtendedJson(body)
}

/** The body, or an empty document when there is none. */
export function optionalBodyOf(request: FastifyRequest): Uint8Array {
  return request.body instanceof Uint8Array && request.body.length > 0 ? bodyOf(request) : buildDocument({})
}

/** The fields of a body that may be there; one that is not among `names` is refused. */
export function fieldsOf(body: Uint8Array, names: readonly string[]): Record<string, Value> {
  const fields: Record<string, Value> = {}
  for (const field of documentFields(body)) {
    if (!names.includes(field.name))
      throw new HttpProblem(400, 'UnknownField', `the body has a field '${field.name}'; known are ${names.join(', ')}`)
    fields[field.name] = field
  }
  return fields
}

/** A query parameter that is a document in Extended JSON. */
export function documentParameter(name: string, text: string | undefined): ReturnType<typeof rawDocument> | undefined {
  if (text === undefined || text === '') return undefined
  try {
    return rawDocument(parseExtendedJson(text))
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    throw new HttpProblem(400, error.codeName, `the parameter '${name}': ${error.message}`)
  }
}

/** Whether numbers and dates go out with their exact types: `?ejson=canonical` or `Accept: application/ejson; mode=canonical`. */
export function isRelaxed(request: FastifyRequest): boolean {
  const { ejson } = request.query as { ejson?: string }
  if (ejson !== undefined) return ejson !== 'canonical'
  return !/mode\s*=\s*"?canonical/i.test(request.headers.accept ?? '')
}

export function documentText(request: FastifyRequest, bytes: Uint8Array, start = 0): string {
  return stringifyExtendedJson(bytes, { relaxed: isRelaxed(request) }, start)
}

export function valueText(request: FastifyRequest, value: Value): string {
  return stringifyExtendedJsonValue(value.type, value.bytes, value.start, { relaxed: isRelaxed(request) })
}

/** Tells caches that the form of an answer depends on what the client accepts. */
export function varyByAccept(reply: FastifyReply): void {
  const vary = reply.getHeader('vary')
  reply.header('vary', vary === undefined ? 'accept' : `${String(vary)}, accept`)
}

/** Answers with JSON text, whose form depends on what the client accepts. */
export function sendText(reply: FastifyReply, text: string, status = 200): FastifyReply {
  varyByAccept(reply)
  return reply.code(status).type('application/json; charset=utf-8').send(text)
}

/** What a client need not be told: the fields that every reply of a command has. */
const ofEveryReply: ReadonlySet<string> = new Set(['ok', '$clusterTime', 'operationTime'])

/** A command's reply, as JSON text of its own fields. */
export function replyText(
  request: FastifyRequest,
  reply: Uint8Array,
  renamed: Readonly<Record<string, string>> = {},
): string {
  const shown: Record<string, unknown> = {}
  for (const field of documentFields(reply))
    if (!ofEveryReply.has(field.name)) shown[renamed[field.name] ?? field.name] = field
  return documentText(request, buildDocument(shown))
}

/** The strong validator of a document: of its bytes, so that it changes with every change and with nothing else. */
export function etagOf(bytes: Uint8Array): string {
  return `"${hash('sha256', bytes, 'base64url').slice(0, 22)}"`
}

/**
 * Whether a header names `etag`; `*` names any. If-Match compares strongly (RFC 9110, 8.8.3.2): a weak name means that something may have
 * changed, and never matches; If-None-Match compares weakly.
 */
export function namesEtag(header: string, etag: string | undefined, comparison: 'strong' | 'weak'): boolean {
  if (etag === undefined) return false
  return header.split(',').some((part) => {
    const name = part.trim()
    return name === '*' || name === etag || (comparison === 'weak' && name === `W/${etag}`)
  })
}

const objectIdPattern = /^[0-9a-f]{24}$/i
const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/**
 * The `_id` that a path segment names: 24 hexadecimal digits are an ObjectId, anything else a string, unless `idType` says
 * otherwise (`ejson`: the segment is a value in Extended JSON).
 */
export function idOf(segment: string, idType: string | undefined): Value {
  if (idType === undefined)
    return objectIdPattern.test(segment)
      ? objectIdValue(Uint8Array.from(Buffer.from(segment, 'hex')))
      : stringValue(segment)
  const text = ((): string => {
    switch (idType) {
      case 'objectId':
        if (objectIdPattern.test(segment)) return JSON.stringify({ $oid: segment })
        throw new HttpProblem(400, 'BadValue', `'${segment}' is not 24 hexadecimal digits`)
      case 'uuid':
        if (uuidPattern.test(segment)) return JSON.stringify({ $uuid: segment })
        throw new HttpProblem(400, 'BadValue', `'${segment}' is not a UUID`)
      case 'string':
        return JSON.stringify(segment)
      case 'int':
        return JSON.stringify({ $numberInt: segment })
      case 'long':
        return JSON.stringify({ $numberLong: segment })
      case 'double':
        return JSON.stringify({ $numberDouble: segment })
      case 'decimal':
        return JSON.stringify({ $numberDecimal: segment })
      case 'ejson':
        return segment
      default:
        throw new HttpProblem(400, 'BadValue', `unknown idType '${idType}'`)
    }
  })()
  return getField(parseExtendedJson(`{"_id":${text}}`), '_id')!
}

/** The path segment that names a document by its `_id`, with the `idType` it needs. */
export function idPath(id: Value): string {
  const text = stringifyExtendedJsonValue(id.type, id.bytes, id.start, { relaxed: true })
  if (id.type === bsonType.objectId) return (JSON.parse(text) as { $oid: string }).$oid
  if (id.type === bsonType.string) {
    const string = JSON.parse(text) as string
    return `${encodeURIComponent(string)}${objectIdPattern.test(string) ? '?idType=string' : ''}`
  }
  if (id.type === bsonType.int32) return `${text}?idType=int`
  return `${encodeURIComponent(text)}?idType=ejson`
}

/** The elements of a field that is an array or a document; none of anything else. */
export function elementsOf(bytes: Uint8Array, name: string): ({ readonly name: string } & Value)[] {
  const found = getField(bytes, name)
  const holds = found?.type === bsonType.array || found?.type === bsonType.document
  return holds ? [...documentFields(found.bytes, found.start)] : []
}

/** The `cursor` of a reply: its batch's documents, and the id, 0 when there is no more. */
export function cursorOf(reply: Uint8Array): { readonly documents: Value[]; readonly id: bigint } {
  const cursor = documentOf(getField(reply, 'cursor')!)
  const documents = [...elementsOf(cursor, 'firstBatch'), ...elementsOf(cursor, 'nextBatch')]
  const id = getField(cursor, 'id')!
  return { documents, id: new DataView(id.bytes.buffer, id.bytes.byteOffset + id.start, 8).getBigInt64(0, true) }
}
