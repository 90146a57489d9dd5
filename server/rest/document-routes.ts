/** Documents as resources: made, read, replaced, patched and deleted by their `_id`. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { rawDocument } from '../../pkg/bson/build.ts'
import { documentOf } from '../../pkg/bson/value.ts'
import type { Caller } from './caller.ts'
import {
  bodyOf,
  cursorOf,
  documentParameter,
  documentText,
  etagOf,
  idOf,
  namesEtag,
  replyText,
  sendText,
  varyByAccept,
} from './content.ts'
import { insert, noSuchDocument, patch, remove, replace } from './document-writes.ts'
import { refuseIdempotencyKey } from './idempotency.ts'
import { pageSizeDefault, sendPage } from './paging.ts'
import { HttpProblem, refuseWriteErrors } from './problem.ts'
import { anyObject, jsonText, parametersOf, type Routes } from './route.ts'
import * as shapes from './shapes.ts'

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

async function find(caller: Caller, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { database, collection } = parametersOf(request)
  const query = request.query as Record<string, string | number | undefined>
  const pageSize = Number(query['pageSize'])
  const commandReply = await caller.run(database, {
    find: collection,
    filter: documentParameter('filter', query['filter'] as string | undefined),
    sort: documentParameter('sort', query['sort'] as string | undefined),
    projection: documentParameter('projection', query['projection'] as string | undefined),
    hint: hintOf(query['hint'] as string | undefined),
    skip: query['skip'],
    limit: query['limit'],
    batchSize: pageSize,
  })
  return sendPage(request, reply, { database, collection, pageSize }, commandReply)
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
  refuseIdempotencyKey(request)
  const { database, collection } = parametersOf(request)
  const { upsert } = request.query as { upsert?: boolean }
  const update = { q: filterOfMany(request), u: rawDocument(bodyOf(request)), multi: true, upsert: upsert === true }
  const done = await caller.run(database, { update: collection, updates: [update] })
  refuseWriteErrors(done)
  return sendText(reply, replyText(request, done, { n: 'matched', nModified: 'modified' }))
}

async function deleteMany(caller: Caller, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  refuseIdempotencyKey(request)
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
  if (known !== undefined && namesEtag(known, etag, 'weak')) {
    varyByAccept(reply)
    return reply.code(304).send()
  }
  return sendText(reply, documentText(request, document))
}
