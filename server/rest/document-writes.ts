/** Writes of one document: by its `_id`, under preconditions, once. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { rawDocument } from '../../pkg/bson/build.ts'
import { bsonType } from '../../pkg/bson/type.ts'
import { documentFields, documentOf, getField, numberOf, objectIdValue, type Value } from '../../pkg/bson/value.ts'
import { BsonWriter } from '../../pkg/bson/writer.ts'
import type { Caller } from './caller.ts'
import { bodyOf, cursorOf, documentText, etagOf, idOf, idPath, namesEtag, sendText } from './content.ts'
import { type OnceOnly, onceOnly } from './idempotency.ts'
import { mergePatch } from './merge-patch.ts'
import { CommandProblem, HttpProblem, refuseWriteErrors } from './problem.ts'
import { parametersOf } from './route.ts'

/** How often an update by If-Match or a merge patch looks again when others write the document meanwhile. */
const attemptsMax = 20

export async function insert(caller: Caller, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { database, collection } = parametersOf(request)
  const once = onceOnly(caller, request)
  const given = bodyOf(request)
  const document = withIdFirst(given, getField(given, '_id') ?? once?.newId ?? newId(caller))
  const documents = [rawDocument(document)]
  refuseWriteErrors(await caller.run(database, { insert: collection, documents, ...once?.fields }))
  const location = `/v1/databases/${encodeURIComponent(database)}/collections/${encodeURIComponent(collection)}/documents/`
  reply.header('location', location + idPath(getField(document, '_id')!)).header('etag', etagOf(document))
  return answer(request, reply, document, 201)
}

function newId(caller: Caller): Value {
  return objectIdValue(caller.database.objectIds.next())
}

/** The document with this `_id` as its first field, and all others as they are. */
function withIdFirst(document: Uint8Array, id: Value): Uint8Array {
  const writer = new BsonWriter(document.length + id.end - id.start + 8)
  writer.beginDocument()
  writer.value('_id', id)
  for (const field of documentFields(document)) if (field.name !== '_id') writer.value(field.name, field)
  writer.end()
  return writer.finish()
}

/** What a write answers: the document, unless the client prefers less. */
function answer(request: FastifyRequest, reply: FastifyReply, document: Uint8Array, status: number): FastifyReply {
  if (/\breturn=minimal\b/.test(String(request.headers['prefer'] ?? ''))) {
    reply.header('preference-applied', 'return=minimal')
    return status === 201 ? reply.code(201).send() : reply.code(204).send()
  }
  return sendText(reply, documentText(request, document), status)
}

export function noSuchDocument(id: string): HttpProblem {
  const hint = /^-?\d+$/.test(id) ? '; if its _id is a number, say ?idType=int' : ''
  return new HttpProblem(404, 'DocumentNotFound', `there is no document with the _id '${id}'${hint}`)
}

async function current(caller: Caller, request: FastifyRequest, key: Value): Promise<Uint8Array | undefined> {
  const { database, collection } = parametersOf(request)
  const reply = await caller.run(database, { find: collection, filter: { _id: key }, limit: 1, singleBatch: true })
  const [found] = cursorOf(reply).documents
  return found === undefined ? undefined : documentOf(found).slice()
}

/** A filter that matches the document only as long as its bytes are these. */
function exactly(key: Value, document: Uint8Array): Record<string, unknown> {
  return { _id: key, $expr: { $eq: ['$$ROOT', { $literal: rawDocument(document) }] } }
}

/** What the preconditions of a request ask of the document as it is; undefined: nothing. Throws a problem 412. */
function checkPreconditions(request: FastifyRequest, document: Uint8Array | undefined): void {
  const etag = document === undefined ? undefined : etagOf(document)
  const wanted = request.headers['if-match']
  if (wanted !== undefined && !namesEtag(wanted, etag, 'strong'))
    throw new HttpProblem(412, 'PreconditionFailed', `the document's ETag is ${etag ?? 'none: it is not there'}`)
  const unwanted = request.headers['if-none-match']
  if (unwanted !== undefined && namesEtag(unwanted, etag, 'weak'))
    throw new HttpProblem(412, 'PreconditionFailed', `the document is there, with the ETag ${etag}`)
}

function isConditional(request: FastifyRequest): boolean {
  return request.headers['if-match'] !== undefined || request.headers['if-none-match'] !== undefined
}

async function findAndModify(
  caller: Caller,
  request: FastifyRequest,
  once: OnceOnly | undefined,
  command: Readonly<Record<string, unknown>>,
): Promise<{ readonly document: Uint8Array | undefined; readonly made: boolean }> {
  const { database, collection } = parametersOf(request)
  const reply = await caller.run(database, { findAndModify: collection, ...command, ...once?.fields })
  const value = getField(reply, 'value')
  const outcome = getField(reply, 'lastErrorObject')
  const made = outcome !== undefined && getField(documentOf(outcome), 'upserted') !== undefined
  return { document: value?.type === bsonType.document ? documentOf(value) : undefined, made }
}

export async function replace(caller: Caller, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { id } = parametersOf(request)
  const key = idOf(id, (request.query as { idType?: string }).idType)
  const replacement = withIdOfPath(bodyOf(request), key, id)
  const update = rawDocument(replacement)
  const once = onceOnly(caller, request)
  if (!isConditional(request) || once?.isAgain === true) {
    const { document, made } = await findAndModify(caller, request, once, {
      query: { _id: key },
      update,
      upsert: true,
      new: true,
    })
    return sendDocument(request, reply, document!, made ? 201 : 200)
  }
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const before = await current(caller, request, key)
    checkPreconditions(request, before)
    const query = before === undefined ? { _id: key, $alwaysFalse: 1 } : exactly(key, before)
    try {
      const upsert = before === undefined
      const { document, made } = await findAndModify(caller, request, once, { query, update, upsert, new: true })
      if (document !== undefined) return sendDocument(request, reply, document, made ? 201 : 200)
    } catch (error) {
      // Somebody made it meanwhile: look again.
      if (!(error instanceof CommandProblem) || error.codeName !== 'DuplicateKey') throw error
    }
  }
  throw tooContended()
}

function withIdOfPath(document: Uint8Array, key: Value, id: string): Uint8Array {
  const own = getField(document, '_id')
  if (own !== undefined && !sameValue(own, key))
    throw new HttpProblem(400, 'ImmutableField', `the document's _id is not the one in the path, '${id}'`)
  return withIdFirst(document, key)
}

function sameValue(a: Value, b: Value): boolean {
  if (a.type !== b.type || a.end - a.start !== b.end - b.start) return false
  for (let i = 0; i < a.end - a.start; i++) if (a.bytes[a.start + i] !== b.bytes[b.start + i]) return false
  return true
}

function sendDocument(
  request: FastifyRequest,
  reply: FastifyReply,
  document: Uint8Array,
  status: number,
): FastifyReply {
  reply.header('etag', etagOf(document))
  return answer(request, reply, document, status)
}

function tooContended(): HttpProblem {
  return new HttpProblem(
    409,
    'WriteConflict',
    'the document is changed by others faster than by this request: try again',
  )
}

export async function patch(caller: Caller, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { id } = parametersOf(request)
  const key = idOf(id, (request.query as { idType?: string }).idType)
  const body = bodyOf(request)
  const type = String(request.headers['content-type'])
  const isUpdate =
    type.startsWith('application/vnd.lauradb.update+json') ||
    (type.startsWith('application/json') && [...documentFields(body)][0]?.name.startsWith('$') === true)
  const once = onceOnly(caller, request)
  if (once?.isAgain === true || (isUpdate && !isConditional(request))) {
    // Of a merge patch that was done before only the outcome is asked for: as an update it changes nothing.
    const update = isUpdate ? rawDocument(body) : []
    const { document } = await findAndModify(caller, request, once, { query: { _id: key }, update, new: true })
    if (document === undefined) throw noSuchDocument(id)
    return sendDocument(request, reply, document, 200)
  }
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const before = await current(caller, request, key)
    if (before === undefined) throw noSuchDocument(id)
    checkPreconditions(request, before)
    const update = rawDocument(isUpdate ? body : withIdOfPath(mergePatch(before, body), key, id))
    const { document } = await findAndModify(caller, request, once, { query: exactly(key, before), update, new: true })
    if (document !== undefined) return sendDocument(request, reply, document, 200)
  }
  throw tooContended()
}

export async function remove(caller: Caller, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { database, collection, id } = parametersOf(request)
  const key = idOf(id, (request.query as { idType?: string }).idType)
  const once = onceOnly(caller, request)
  const isChecked = isConditional(request) && once?.isAgain !== true
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    let query: Record<string, unknown> = { _id: key }
    if (isChecked) {
      const before = await current(caller, request, key)
      if (before === undefined) throw noSuchDocument(id)
      checkPreconditions(request, before)
      query = exactly(key, before)
    }
    const deletes = [{ q: query, limit: 1 }]
    const done = await caller.run(database, { delete: collection, deletes, ...once?.fields })
    refuseWriteErrors(done)
    if (numberOf(getField(done, 'n')!) === 1) return reply.code(204).send()
    if (!isChecked) throw noSuchDocument(id)
  }
  throw tooContended()
}
