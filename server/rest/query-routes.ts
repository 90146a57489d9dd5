/** Queries that need a body, and what they are about: find, aggregate, count, distinct, explain, bulk writes, cursors. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { buildDocument } from '../../pkg/bson/build.ts'
import { bsonType } from '../../pkg/bson/type.ts'
import {
  documentFields,
  documentOf,
  getField,
  isNumber,
  numberOf,
  readString,
  type Value,
} from '../../pkg/bson/value.ts'
import { bulkCommand, bulkCounts, bulkOperations } from '../bulk-operations.ts'
import type { Caller } from './caller.ts'
import {
  bodyOf,
  documentParameter,
  documentText,
  elementsOf,
  fieldsOf,
  optionalBodyOf,
  replyText,
  sendText,
  valueText,
} from './content.ts'
import { onceOnly } from './idempotency.ts'
import { closeCursor, nextPage, pageSizeDefault, sendPage } from './paging.ts'
import { HttpProblem } from './problem.ts'
import { anyObject, jsonText, parametersOf, type Routes } from './route.ts'
import * as shapes from './shapes.ts'

const collectionPath = '/v1/databases/:database/collections/:collection'
const databasePath = '/v1/databases/:database'
const tag = 'queries'

const findFields = [
  'filter',
  'sort',
  'projection',
  'skip',
  'limit',
  'pageSize',
  'hint',
  'collation',
  'let',
  'min',
  'max',
  'maxTimeMS',
  'comment',
  'allowDiskUse',
]
const aggregateFields = ['pipeline', 'pageSize', 'hint', 'collation', 'let', 'maxTimeMS', 'comment', 'allowDiskUse']

export function addQueryRoutes(routes: Routes): void {
  routes.add(
    'POST',
    `${collectionPath}/find`,
    {
      tag,
      summary: 'Find documents, with a body',
      body: anyObject,
      description: `Fields: ${findFields.join(', ')}.`,
      answers: { 200: '{documents, next}' },
      answer: shapes.page,
    },
    async (caller, request, reply) => {
      const { database, collection } = parametersOf(request)
      const { pageSize: asked, ...fields } = fieldsOf(optionalBodyOf(request), findFields)
      const found = await caller.run(database, { find: collection, ...fields, batchSize: asked ?? pageSizeDefault })
      return sendPage(request, reply, { database, collection, pageSize: numberField(asked, pageSizeDefault) }, found)
    },
  )
  for (const path of [`${collectionPath}/aggregate`, `${databasePath}/aggregate`])
    routes.add(
      'POST',
      path,
      {
        tag,
        summary: 'Run an aggregation pipeline',
        body: anyObject,
        description: `Fields: ${aggregateFields.join(', ')}.`,
        answers: { 200: '{documents, next}' },
        answer: shapes.page,
      },
      aggregate,
    )
  routes.add(
    'GET',
    `${collectionPath}/count`,
    {
      tag,
      summary: 'Count documents',
      query: { filter: jsonText },
      answers: { 200: '{count}' },
      answer: shapes.counted,
    },
    async (caller, request, reply) => {
      const { database, collection } = parametersOf(request)
      const { filter } = request.query as { filter?: string }
      const counted = await caller.run(database, { count: collection, query: documentParameter('filter', filter) })
      return sendText(reply, replyText(request, counted, { n: 'count' }))
    },
  )
  routes.add(
    'GET',
    `${collectionPath}/distinct`,
    {
      tag,
      summary: 'The distinct values of a field',
      query: { key: { type: 'string', description: 'a dotted path' }, filter: jsonText },
      answers: { 200: '{values}' },
      answer: shapes.values,
    },
    async (caller, request, reply) => {
      const { database, collection } = parametersOf(request)
      const { key, filter } = request.query as { key?: string; filter?: string }
      if (key === undefined) throw new HttpProblem(400, 'MissingField', `the parameter 'key' is required`)
      const found = await caller.run(database, {
        distinct: collection,
        key,
        query: documentParameter('filter', filter),
      })
      const texts = elementsOf(found, 'values').map((value) => valueText(request, value))
      return sendText(reply, `{"values":[${texts.join(',')}]}`)
    },
  )
  routes.add(
    'POST',
    `${collectionPath}/explain`,
    {
      tag,
      summary: 'How a query would be, or was, run',
      description:
        "One of find, aggregate, count, distinct with that command's fields, and verbosity: queryPlanner, executionStats or allPlansExecution.",
      body: anyObject,
    },
    explain,
  )
  routes.add(
    'POST',
    `${collectionPath}/bulk`,
    {
      tag,
      summary: 'Several writes in one request',
      description:
        '{operations: [{insertOne: {document}} | {updateOne|updateMany: {filter, update, upsert, arrayFilters, hint, collation, sort}} | ' +
        '{replaceOne: {filter, replacement, upsert, hint, collation, sort}} | {deleteOne|deleteMany: {filter, hint, collation}}], ordered}.',
      headers: { 'idempotency-key': { type: 'string' } },
      body: anyObject,
      answers: { 200: '{inserted, matched, modified, deleted, upserted, errors}' },
      answer: shapes.bulkWritten,
    },
    bulk,
  )
  routes.add(
    'GET',
    '/v1/cursors/:cursor',
    {
      tag,
      summary: 'The next page of a result',
      query: {
        pageSize: { type: 'integer', minimum: 1, maximum: 100_000, description: 'without it that of the first page' },
      },
      answers: { 200: '{documents, next}' },
      answer: shapes.page,
    },
    (caller, request, reply) =>
      nextPage(caller, request, reply, parametersOf(request).cursor, (request.query as { pageSize?: number }).pageSize),
  )
  routes.add(
    'DELETE',
    '/v1/cursors/:cursor',
    { tag, summary: 'Close a result that is not read to its end', answers: { 204: 'it is closed' } },
    async (caller, request, reply) => {
      await closeCursor(caller, parametersOf(request).cursor)
      return reply.code(204).send()
    },
  )
  routes.add(
    'POST',
    `${databasePath}/command`,
    {
      tag,
      summary: 'Run a command of the database',
      body: anyObject,
      description: 'Its first field names the command.',
    },
    async (caller, request, reply) => {
      const command: Record<string, unknown> = {}
      for (const field of documentFields(bodyOf(request))) command[field.name] = field
      return sendText(reply, replyText(request, await caller.run(parametersOf(request).database, command)))
    },
  )
}

async function aggregate(caller: Caller, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { database, collection } = parametersOf(request)
  const { pageSize: asked, ...fields } = fieldsOf(bodyOf(request), aggregateFields)
  const cursor = { batchSize: asked ?? pageSizeDefault }
  const found = await caller.run(database, { aggregate: collection ?? 1, ...fields, cursor })
  const pageSize = numberField(asked, pageSizeDefault)
  return sendPage(request, reply, { database, collection: collection ?? '$cmd.aggregate', pageSize }, found)
}

const explained = ['find', 'aggregate', 'count', 'distinct'] as const

async function explain(caller: Caller, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { database, collection } = parametersOf(request)
  const fields = fieldsOf(bodyOf(request), [...explained, 'verbosity'])
  const name = explained.find((each) => fields[each] !== undefined)
  const command = name === undefined ? undefined : fields[name]
  if (name === undefined || command?.type !== bsonType.document)
    throw new HttpProblem(400, 'BadValue', `the body names one of ${explained.join(', ')}, with a document`)
  const inner: Record<string, unknown> = { [name]: collection }
  for (const field of documentFields(command.bytes, command.start)) inner[field.name] = field
  if (name === 'aggregate') inner['cursor'] = {}
  const plan = await caller.run(database, { explain: inner, verbosity: fields['verbosity'] ?? 'queryPlanner' })
  return sendText(reply, replyText(request, plan))
}

async function bulk(caller: Caller, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { database, collection } = parametersOf(request)
  const { operations, ordered } = fieldsOf(bodyOf(request), ['operations', 'ordered'])
  const writes = bulkOperations(operations)
  const once = onceOnly(caller, request, writes.length)
  const command = bulkCommand(`${database}.${collection}`, writes, ordered ?? true)
  const done = await caller.run('admin', { ...command, ...once?.fields })
  const errors = elementsOf(documentOf(getField(done, 'cursor')!), 'firstBatch').map((each) => valueText(request, each))
  const summary = documentText(request, buildDocument({ ...bulkCounts(done) }))
  return sendText(reply, `${summary.slice(0, -1)},"errors":[${errors.join(',')}]}`)
}

/** A number of a body, or what is given when it is not there. */
export function numberField(value: Value | undefined, otherwise: number): number {
  return value === undefined || !isNumber(value.type) ? otherwise : numberOf(value)
}

/** A text of a body. Throws a problem 400 when it is none. */
export function textField(value: Value | undefined, name: string): string {
  if (value?.type === bsonType.string) return readString(value.bytes, value.start)
  throw new HttpProblem(400, 'BadValue', `'${name}' must be a string`)
}
