/** Databases, collections and indexes as resources. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { stringifyExtendedJsonValue } from '../../pkg/bson/ejson.ts'
import { documentFields, documentOf, getField } from '../../pkg/bson/value.ts'
import type { Caller } from './caller.ts'
import { bodyOf, cursorOf, elementsOf, optionalBodyOf, replyText, sendText, valueText } from './content.ts'
import { HttpProblem } from './problem.ts'
import { textField } from './query-routes.ts'
import { anyObject, parametersOf, type Routes } from './route.ts'
import * as shapes from './shapes.ts'

const databases = '/v1/databases'
const database = `${databases}/:database`
const collections = `${database}/collections`
const collection = `${collections}/:collection`
const indexes = `${collection}/indexes`
const tag = 'catalog'

export function addCatalogRoutes(routes: Routes): void {
  routes.add(
    'GET',
    databases,
    { tag, summary: 'The databases', answers: { 200: '{databases, totalSize}' }, answer: shapes.databases },
    async (caller, request, reply) =>
      sendText(reply, replyText(request, await caller.run('admin', { listDatabases: 1 }))),
  )
  routes.add('GET', database, { tag, summary: 'What a database holds' }, async (caller, request, reply) =>
    sendText(reply, replyText(request, await caller.run(parametersOf(request).database, { dbStats: 1 }))),
  )
  routes.add(
    'DELETE',
    database,
    { tag, summary: 'Drop a database', answers: { 204: 'it is gone' } },
    async (caller, request, reply) => {
      await caller.run(parametersOf(request).database, { dropDatabase: 1 })
      return reply.code(204).send()
    },
  )
  routes.add(
    'GET',
    collections,
    { tag, summary: 'The collections of a database', answers: { 200: '{collections}' }, answer: shapes.collections },
    async (caller, request, reply) => {
      const listed = cursorOf(await caller.run(parametersOf(request).database, { listCollections: 1 })).documents
      return sendText(reply, `{"collections":[${listed.map((each) => valueText(request, each)).join(',')}]}`)
    },
  )
  routes.add(
    'POST',
    collections,
    {
      tag,
      summary: 'Make a collection, view or time series',
      description: `{name, ...options of MongoDB's create}`,
      body: anyObject,
      answers: { 201: 'the collection' },
      answer: shapes.collection,
    },
    makeCollection,
  )
  routes.add(
    'GET',
    collection,
    { tag, summary: 'A collection with its options', answer: shapes.collection },
    describeCollection,
  )
  routes.add(
    'GET',
    `${collection}/stats`,
    { tag, summary: 'What a collection holds' },
    async (caller, request, reply) => {
      const parameters = parametersOf(request)
      return sendText(
        reply,
        replyText(request, await caller.run(parameters.database, { collStats: parameters.collection })),
      )
    },
  )
  routes.add(
    'PATCH',
    collection,
    {
      tag,
      summary: `Change a collection's options`,
      description: `the fields of MongoDB's collMod, and name to rename it`,
      body: anyObject,
      answer: shapes.collection,
    },
    changeCollection,
  )
  routes.add(
    'DELETE',
    collection,
    { tag, summary: 'Drop a collection', answers: { 204: 'it is gone' } },
    async (caller, request, reply) => {
      const parameters = parametersOf(request)
      await caller.run(parameters.database, { drop: parameters.collection })
      return reply.code(204).send()
    },
  )
  routes.add(
    'GET',
    indexes,
    { tag, summary: 'The indexes of a collection', answers: { 200: '{indexes}' }, answer: shapes.indexes },
    async (caller, request, reply) => {
      const parameters = parametersOf(request)
      const listed = cursorOf(await caller.run(parameters.database, { listIndexes: parameters.collection })).documents
      return sendText(reply, `{"indexes":[${listed.map((each) => valueText(request, each)).join(',')}]}`)
    },
  )
  routes.add(
    'POST',
    indexes,
    {
      tag,
      summary: 'Build an index',
      description: `{key: {field: 1}, name, unique, ...}; without a name it gets MongoDB's usual one`,
      body: anyObject,
      answers: { 201: 'the index' },
      answer: shapes.index,
    },
    makeIndex,
  )
  routes.add(
    'DELETE',
    `${indexes}/:index`,
    { tag, summary: 'Drop an index', answers: { 204: 'it is gone' } },
    async (caller, request, reply) => {
      const parameters = parametersOf(request)
      await caller.run(parameters.database, { dropIndexes: parameters.collection, index: parameters.index })
      return reply.code(204).send()
    },
  )
}

async function makeCollection(caller: Caller, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const parameters = parametersOf(request)
  const options: Record<string, unknown> = {}
  const body = bodyOf(request)
  const name = textField(getField(body, 'name'), 'name')
  for (const field of documentFields(body)) if (field.name !== 'name') options[field.name] = field
  await caller.run(parameters.database, { create: name, ...options })
  const place = `/v1/databases/${encodeURIComponent(parameters.database)}/collections/${encodeURIComponent(name)}`
  reply.header('location', place)
  return sendText(reply, await collectionText(caller, request, name), 201)
}

async function collectionText(caller: Caller, request: FastifyRequest, name: string): Promise<string> {
  const listed = await caller.run(parametersOf(request).database, { listCollections: 1, filter: { name } })
  const [found] = cursorOf(listed).documents
  if (found === undefined) throw new HttpProblem(404, 'NamespaceNotFound', `there is no collection '${name}'`)
  return valueText(request, found)
}

async function describeCollection(caller: Caller, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  return sendText(reply, await collectionText(caller, request, parametersOf(request).collection))
}

async function changeCollection(caller: Caller, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const parameters = parametersOf(request)
  const changes: Record<string, unknown> = {}
  const body = optionalBodyOf(request)
  for (const field of documentFields(body)) if (field.name !== 'name') changes[field.name] = field
  if (Object.keys(changes).length > 0)
    await caller.run(parameters.database, { collMod: parameters.collection, ...changes })
  const renamed = getField(body, 'name')
  const name = renamed === undefined ? parameters.collection : textField(renamed, 'name')
  if (name !== parameters.collection)
    await caller.run('admin', {
      renameCollection: `${parameters.database}.${parameters.collection}`,
      to: `${parameters.database}.${name}`,
    })
  return sendText(reply, await collectionText(caller, request, name))
}

async function makeIndex(caller: Caller, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const parameters = parametersOf(request)
  const index: Record<string, unknown> = {}
  for (const field of documentFields(bodyOf(request))) index[field.name] = field
  index['name'] ??= defaultName(bodyOf(request))
  await caller.run(parameters.database, { createIndexes: parameters.collection, indexes: [index] })
  const listed = cursorOf(await caller.run(parameters.database, { listIndexes: parameters.collection })).documents
  const wanted = index['name']
  const made = listed.find((each) => {
    const name = getField(documentOf(each), 'name')!
    return typeof wanted === 'string'
      ? textField(name, 'name') === wanted
      : valueText(request, name) === valueText(request, wanted as typeof name)
  })
  return sendText(reply, made === undefined ? '{}' : valueText(request, made), 201)
}

/** `{a: 1, b: -1}` is `a_1_b_-1`, as the drivers have it. */
function defaultName(body: Uint8Array): string {
  const texts = elementsOf(body, 'key').map(({ name, type, bytes, start }) => {
    const direction = JSON.parse(stringifyExtendedJsonValue(type, bytes, start, { relaxed: true })) as number | string
    return `${name}_${direction}`
  })
  return texts.join('_')
}
