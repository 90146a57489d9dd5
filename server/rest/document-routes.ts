/** Documents as resources: made, read, replaced, patched and deleted by their `_id`. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { rawDocument } from '../../pkg/bson/build.ts'
import { bsonType } from '../../pkg/bson/type.ts'
import { documentFields, documentOf, getField, numberOf, objectIdValue, type Value } from '../../pkg/bson/value.ts'
import { BsonWriter } from '../../pkg/bson/writer.ts'
import type { Caller } from './caller.ts'
import {
  bodyOf,
  cursorOf,
  documentParameter,
  documentText,
  etagOf,
  idOf,
  idPath,
  namesEtag,
  replyText,
  sendText,
} from './content.ts'
import { mergePatch } from './merge-patch.ts'
import { pageSizeDefault, sendPage } from './paging.ts'
import { CommandProblem, HttpProblem, refuseWriteErrors } from './problem.ts'
import { anyObject, jsonText, parametersOf, type Routes } from './route.ts'
import * as shapes from './shapes.ts'
import { writeOnce } from './transactions.ts'

const documents = '/v1/databases/:database/collections/:collection/documents'
const one = `${documents}/:id`
const tag = 'documents'
const idType = {
  type: 'string',
  enum: ['objectId', 'uuid', 'string', 'int', 'long', 'double', 'decimal', 'ejson'],
  description:
    'what the id in the path is; without it 24 hexadecimal digits are an ObjectId, and anything else a string',
}
const precondition = {
  'if-match': { type: 'string', description: 'goes on only if the document has this ETag' },
  'idempotency-key': { type: 'string', description: 'the same key again gets the first answer and writes nothing' },
}
const prefer = { type: 'string', description: 'return=minimal: an answer without the document' }
/** How often an update by If-Match or a merge patch looks again when others write the document meanwhile. */
const attemptsMax = 20

export function addDocumentRoutes(routes: Routes): void {
  routes.add(
    'POST',
    documents,
    {
      tag,
      summary: 'Insert a document',
      description: 'A document without _id gets an ObjectId. An array of documents is for the bulk and import routes.',
      headers: { 'idempotency-key': precondition['idempotency-key'], prefer },
      body: anyObject,
      answers: { 201: 'the document, or with Prefer: return=minimal only where it is' },
    },
    insert,
  )
  routes.add(
    'GET',
    documents,
    {
      tag,
      summary: 'Find documents',
      query: {
        filter: jsonText,
        sort: jsonText,
        projection: jsonText,
        skip: { type: 'integer', minimum: 0 },
        limit: { type: 'integer', minimum: 0, description: 'documents at most; 0: all' },
        pageSize: { type: 'integer', minimum: 1, maximum: 100_000, default: pageSizeDefault },
        hint: { type: 'string', description: 'name of an index, or its key pattern' },
      },
      answers: { 200: '{documents, next}: a page, and the token of the next one, which a Link header has too' },
      answer: shapes.page,
    },
    find,
  )
  routes.add(
    'PATCH',
    documents,
    {
      tag,
      summary: 'Update all documents that match',
      query: { filter: { ...jsonText, description: 'which documents; {} for all' }, upsert: { type: 'boolean' } },
      body: anyObject,
      bodyTypes: ['application/json', 'application/vnd.lauradb.update+json'],
      answers: { 200: '{matched, modified, upserted}' },
      answer: shapes.updated,
    },
    updateMany,
  )
  routes.add(
    'DELETE',
    documents,
    {
      tag,
      summary: 'Delete all documents that match',
      query: { filter: { ...jsonText, description: 'which documents; {} for all' } },
      answers: { 200: '{deleted}' },
      answer: shapes.deleted,
    },
    deleteMany,
  )
  routes.add(
    'GET',
    one,
    {
      tag,
      summary: 'Read a document',
      query: { idType, projection: jsonText },
      headers: { 'if-none-match': { type: 'string' } },
      answers: { 200: 'the document', 304: 'it still has the ETag that the client knows' },
    },
    read,
  )
  routes.add(
    'PUT',
    one,
    {
      tag,
      summary: 'Replace a document, or make it',
      description:
        'With If-Match only the version that is meant is replaced; with If-None-Match: * only a new document is made.',
      query: { idType },
      headers: { ...precondition, 'if-none-match': { type: 'string' }, prefer },
      body: anyObject,
      answers: {
        200: 'the document as it is now',
        201: 'the document that was made',
        204: 'it is replaced: with Prefer: return=minimal',
      },
    },
    replace,
  )
  routes.add(
    'PATCH',
    one,
    {
      tag,
      summary: 'Change a document',
      description:
        'application/merge-patch+json: RFC 7396, null removes a field. application/vnd.lauradb.update+json: update operators such as ' +
        '{"$inc": {"n": 1}}. application/json is the one or the other by whether its first field begins with $.',
      query: { idType },
      headers: { ...precondition, prefer },
      body: anyObject,
      bodyTypes: ['application/json', 'application/merge-patch+json', 'application/vnd.lauradb.update+json'],
      answers: { 200: 'the document as it is now', 204: 'it is changed: with Prefer: return=minimal' },
    },
    patch,
  )
  routes.add(
    'DELETE',
    one,
    { tag, summary: 'Delete a document', query: { idType }, headers: precondition, answers: { 204: 'it is gone' } },
    remove,
  )
}

async function insert(caller: Caller, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { database, collection } = parametersOf(request)
  const document = withId(bodyOf(request), caller)
  writeOnce(caller, request)
  refuseWriteErrors(await caller.run(database, { insert: collection, documents: [rawDocument(document)] }))
  const location = `/v1/databases/${encodeURIComponent(database)}/collections/${encodeURIComponent(collection)}/documents/`
  reply.header('location', location + idPath(getField(document, '_id')!)).header('etag', etagOf(document))
  return answer(request, reply, document, 201)
}

/** The document with its `_id` first, as it will be stored; one without gets an ObjectId, so that the answer can say where it is. */
function withId(document: Uint8Array, caller: Caller): Uint8Array {
  return withIdFirst(document, getField(document, '_id') ?? objectIdValue(caller.database.objectIds.next()))
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

async function find(caller: Caller, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { database, collection } = parametersOf(request)
  const query = request.query as Record<string, string | number | undefined>
  const commandReply = await caller.run(database, {
    find: collection,
    filter: documentParameter('filter', query['filter'] as string | undefined),
    sort: documentParameter('sort', query['sort'] as string | undefined),
    projection: documentParameter('projection', query['projection'] as string | undefined),
    hint: hintOf(query['hint'] as string | undefined),
    skip: query['skip'],
    limit: query['limit'],
    batchSize: Number(query['pageSize']),
  })
  return sendPage(request, reply, { database, collection }, commandReply)
}

function hintOf(hint: string | undefined): unknown {
  return hint?.startsWith('{') === true ? documentParameter('hint', hint) : hint
}

function filterOfMany(request: FastifyRequest): ReturnType<typeof rawDocument> {
  const { filter } = request.query as { filter?: string }
  const document = documentParameter('filter', filter)
  if (document === undefined)
    throw new HttpProblem(428, 'FilterRequired', `say which documents by the parameter 'filter'; all of them are {}`)
  return document
}

async function updateMany(caller: Caller, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { database, collection } = parametersOf(request)
  const { upsert } = request.query as { upsert?: boolean }
  const update = { q: filterOfMany(request), u: rawDocument(bodyOf(request)), multi: true, upsert: upsert === true }
  const done = await caller.run(database, { update: collection, updates: [update] })
  refuseWriteErrors(done)
  return sendText(reply, replyText(request, done, { n: 'matched', nModified: 'modified' }))
}

async function deleteMany(caller: Caller, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { database, collection } = parametersOf(request)
  const done = await caller.run(database, { delete: collection, deletes: [{ q: filterOfMany(request), limit: 0 }] })
  refuseWriteErrors(done)
  return sendText(reply, replyText(request, done, { n: 'deleted' }))
}

async function read(caller: Caller, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { database, collection, id } = parametersOf(request)
  const query = request.query as { idType?: string; projection?: string }
  const key = idOf(id, query.idType)
  if (query.projection === undefined) {
    const found = caller.readById(database, collection, key)
    if (found === false) throw noSuchDocument(id)
    if (found !== undefined) return sendRead(request, reply, found)
  }
  const commandReply = await caller.run(database, {
    find: collection,
    filter: { _id: key },
    projection: documentParameter('projection', query.projection),
    limit: 1,
    singleBatch: true,
  })
  const [found] = cursorOf(commandReply).documents
  if (found === undefined) throw noSuchDocument(id)
  return sendRead(request, reply, documentOf(found))
}

function sendRead(request: FastifyRequest, reply: FastifyReply, document: Uint8Array): FastifyReply {
  const etag = etagOf(document)
  reply.header('etag', etag)
  const known = request.headers['if-none-match']
  if (known !== undefined && namesEtag(known, etag)) return reply.code(304).send()
  return sendText(reply, documentText(request, document))
}

function noSuchDocument(id: string): HttpProblem {
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
  if (wanted !== undefined && !namesEtag(wanted, etag))
    throw new HttpProblem(412, 'PreconditionFailed', `the document's ETag is ${etag ?? 'none: it is not there'}`)
  const unwanted = request.headers['if-none-match']
  if (unwanted !== undefined && namesEtag(unwanted, etag))
    throw new HttpProblem(412, 'PreconditionFailed', `the document is there, with the ETag ${etag}`)
}

function isConditional(request: FastifyRequest): boolean {
  return request.headers['if-match'] !== undefined || request.headers['if-none-match'] !== undefined
}

async function findAndModify(
  caller: Caller,
  request: FastifyRequest,
  command: Readonly<Record<string, unknown>>,
): Promise<{ readonly document: Uint8Array | undefined; readonly made: boolean }> {
  const { database, collection } = parametersOf(request)
  const reply = await caller.run(database, { findAndModify: collection, ...command })
  const value = getField(reply, 'value')
  const outcome = getField(reply, 'lastErrorObject')
  const made = outcome !== undefined && getField(documentOf(outcome), 'upserted') !== undefined
  return { document: value?.type === bsonType.document ? documentOf(value) : undefined, made }
}

async function replace(caller: Caller, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { id } = parametersOf(request)
  const key = idOf(id, (request.query as { idType?: string }).idType)
  const replacement = withIdOfPath(bodyOf(request), key, id)
  const update = rawDocument(replacement)
  if (!isConditional(request)) {
    writeOnce(caller, request)
    const { document, made } = await findAndModify(caller, request, {
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
      const { document, made } = await findAndModify(caller, request, { query, update, upsert, new: true })
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

async function patch(caller: Caller, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { id } = parametersOf(request)
  const key = idOf(id, (request.query as { idType?: string }).idType)
  const body = bodyOf(request)
  const type = String(request.headers['content-type'])
  const isUpdate =
    type.startsWith('application/vnd.lauradb.update+json') ||
    (type.startsWith('application/json') && [...documentFields(body)][0]?.name.startsWith('$') === true)
  if (isUpdate && !isConditional(request)) {
    writeOnce(caller, request)
    const { document } = await findAndModify(caller, request, {
      query: { _id: key },
      update: rawDocument(body),
      new: true,
    })
    if (document === undefined) throw noSuchDocument(id)
    return sendDocument(request, reply, document, 200)
  }
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const before = await current(caller, request, key)
    if (before === undefined) throw noSuchDocument(id)
    checkPreconditions(request, before)
    const update = rawDocument(isUpdate ? body : withIdOfPath(mergePatch(before, body), key, id))
    const { document } = await findAndModify(caller, request, { query: exactly(key, before), update, new: true })
    if (document !== undefined) return sendDocument(request, reply, document, 200)
  }
  throw tooContended()
}

async function remove(caller: Caller, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { database, collection, id } = parametersOf(request)
  const key = idOf(id, (request.query as { idType?: string }).idType)
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    let query: Record<string, unknown> = { _id: key }
    if (isConditional(request)) {
      const before = await current(caller, request, key)
      if (before === undefined) throw noSuchDocument(id)
      checkPreconditions(request, before)
      query = exactly(key, before)
    } else writeOnce(caller, request)
    const done = await caller.run(database, { delete: collection, deletes: [{ q: query, limit: 1 }] })
    refuseWriteErrors(done)
    if (numberOf(getField(done, 'n')!) === 1) return reply.code(204).send()
    if (!isConditional(request)) throw noSuchDocument(id)
  }
  throw tooContended()
}
