/**
 * A client that is generated from the running server's `/openapi.json` does every operation against it. The generated file is kept
 * (`testdata/openapi-client.ts`), so that the compiler holds the calls here against its types; `vitest -u` writes it anew.
 */
import { HttpError, ok } from '@oazapfts/runtime'
import { Validator } from '@seriousme/openapi-schema-validator'
import { generateSource } from 'oazapfts'
import { beforeAll, expect, it } from 'vitest'
import { OpenapiCheck } from './openapi-check.ts'
import { runningServer } from './running-server.ts'
import * as api from './testdata/openapi-client.ts'

const server = runningServer()
const database = 'described'
const head = `/** The client that \`oazapfts\` makes from /openapi.json; one file because the generator writes one. */
// @ts-nocheck: its own calls are not made for exactOptionalPropertyTypes; what it exports is checked where it is used.
`
let described: OpenapiCheck

beforeAll(async () => {
  described = await OpenapiCheck.of(server.httpUri)
  api.defaults.baseUrl = server.httpUri
  api.defaults.fetch = checkedFetch
})

/** Holds every answer that the client gets against the description. */
async function checkedFetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const response = await fetch(input, init)
  const { pathname: path } = new URL(String(input))
  const { status, headers } = response
  const type = headers.get('content-type') ?? ''
  const text = type.startsWith('text/event-stream') ? await firstEvent(response) : await response.text()
  described.check({ method: init?.method ?? 'GET', path, status, headers, text })
  // The client takes every type with json in its name for JSON, lines of it as well.
  const shown = type.startsWith('application/x-ndjson') ? 'text/plain' : type
  return new Response(text === '' ? null : text, {
    status,
    headers: { ...Object.fromEntries(headers), 'content-type': shown },
  })
}

/** A stream of events never ends by itself. */
async function firstEvent(response: Response): Promise<string> {
  let text = ''
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk
    if (/^data: .*\n\n/m.test(text)) break
  }
  return text
}

it('the description is OpenAPI 3.1', async () => {
  const document = (await (await fetch(`${server.httpUri}/openapi.json`)).json()) as Record<string, unknown>
  expect(document['openapi']).toMatch(/^3\.1\./)
  expect(await new Validator().validate(document)).toEqual({ valid: true })
})

it('the client that is generated is the one that is used here', async () => {
  const source = await generateSource(`${server.httpUri}/openapi.json`)
  // Without the version, which changes with every release, and where the generator is to be found.
  await expect(head + source.replace(/^ \* (?:\d+\.\d+\.\d+|See .*)\n/gm, '')).toMatchFileSnapshot(
    'testdata/openapi-client.ts',
  )
})

it('does every operation', async () => {
  const collection = 'items'
  await catalog()
  await documents(collection)
  await queries(collection)
  await transfer(collection)
  await changes(collection)
  await transactions(collection)
  await drops(collection)
  expect([...described.seen.keys()].sort()).toEqual(described.operationIds.sort())
})

async function catalog(): Promise<void> {
  const made = await ok(api.postDatabasesByDatabaseCollections(database, { name: 'made', validationLevel: 'moderate' }))
  expect(made).toMatchObject({ name: 'made', type: 'collection', options: { validationLevel: 'moderate' } })
  const changed = await ok(api.patchDatabasesByDatabaseCollectionsByCollection(database, 'made', { name: 'renamed' }))
  expect(changed.name).toBe('renamed')
  expect((await ok(api.getDatabasesByDatabaseCollectionsByCollection(database, 'renamed'))).type).toBe('collection')
  const { collections } = await ok(api.getDatabasesByDatabaseCollections(database))
  expect(collections.map(({ name }) => name)).toEqual(['renamed'])
  const { databases } = await ok(api.getDatabases())
  expect(databases.map(({ name }) => name)).toContain(database)
  const exact = await ok(api.getDatabases({ ejson: 'canonical' }))
  expect(exact.databases[0]!.sizeOnDisk).toEqual({ $numberLong: expect.stringMatching(/^\d+$/) })
  expect(await ok(api.getDatabasesByDatabase(database))).toMatchObject({ db: database, collections: 1 })
  expect(await ok(api.getDatabasesByDatabaseCollectionsByCollectionStats(database, 'renamed'))).toMatchObject({
    count: 0,
  })
  const index = await ok(
    api.postDatabasesByDatabaseCollectionsByCollectionIndexes(database, 'renamed', { key: { a: 1 }, unique: true }),
  )
  expect(index).toEqual({ v: 2, key: { a: 1 }, name: 'a_1', unique: true })
  const { indexes } = await ok(api.getDatabasesByDatabaseCollectionsByCollectionIndexes(database, 'renamed'))
  expect(indexes.map(({ name }) => name)).toEqual(['_id_', 'a_1'])
  await ok(api.deleteDatabasesByDatabaseCollectionsByCollectionIndexesByIndex(database, 'renamed', 'a_1'))
  const gone = api.deleteDatabasesByDatabaseCollectionsByCollectionIndexesByIndex(database, 'renamed', 'a_1')
  expect(await ok(gone).catch((error: unknown) => error)).toMatchObject({
    status: 404,
    data: { codeName: 'IndexNotFound' },
  })
}

async function documents(collection: string): Promise<void> {
  const made = await ok(
    api.postDatabasesByDatabaseCollectionsByCollectionDocuments(database, collection, { _id: 'a', n: 1 }),
  )
  expect(made).toEqual({ _id: 'a', n: 1 })
  const again = api.postDatabasesByDatabaseCollectionsByCollectionDocuments(database, collection, { _id: 'a' })
  const refused: unknown = await ok(again).catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(HttpError)
  expect(refused).toMatchObject({ status: 409, data: { code: 11000, keyValue: { _id: 'a' } } })
  const silent = { _id: 'silent' }
  const minimal = { prefer: 'return=minimal' }
  await ok(api.postDatabasesByDatabaseCollectionsByCollectionDocuments(database, collection, silent, minimal))
  const place = [database, collection, 'b'] as const
  const put = api.putDatabasesByDatabaseCollectionsByCollectionDocumentsById
  expect(await put(...place, { n: 2 })).toMatchObject({ status: 201, data: { _id: 'b', n: 2 } })
  expect(await put(...place, { n: 3 })).toMatchObject({ status: 200, data: { _id: 'b', n: 3 } })
  expect(await put(...place, { n: 3 }, minimal)).toMatchObject({ status: 204 })
  const patch = api.patchDatabasesByDatabaseCollectionsByCollectionDocumentsById
  expect(await ok(patch(...place, { $inc: { n: 4 } }))).toEqual({ _id: 'b', n: 7 })
  expect(await patch(...place, { n: 8 }, minimal)).toMatchObject({ status: 204 })
  const read = await api.getDatabasesByDatabaseCollectionsByCollectionDocumentsById(...place)
  expect(read).toMatchObject({ status: 200, data: { _id: 'b', n: 8 } })
  const ifNoneMatch = read.headers.get('etag')!
  const unchanged = api.getDatabasesByDatabaseCollectionsByCollectionDocumentsById(...place, { ifNoneMatch })
  expect((await unchanged).status).toBe(304)
  const remove = api.deleteDatabasesByDatabaseCollectionsByCollectionDocumentsById
  expect((await remove(...place, { ifMatch: '"other"' })).status).toBe(412)
  expect((await remove(...place, { ifMatch: ifNoneMatch })).status).toBe(204)
  const updated = api.patchDatabasesByDatabaseCollectionsByCollectionDocuments
  expect(await ok(updated(database, collection, { $set: { seen: true } }, { filter: '{}' }))).toEqual({
    matched: 2,
    modified: 2,
  })
  const upsert = { filter: '{"_id":"u"}', upsert: true }
  expect(await ok(updated(database, collection, { $set: { n: 0 } }, upsert))).toMatchObject({
    matched: 1,
    modified: 0,
    upserted: [{ index: 0, _id: 'u' }],
  })
  expect((await updated(database, collection, { $set: { n: 0 } })).status).toBe(428)
  const deleted = api.deleteDatabasesByDatabaseCollectionsByCollectionDocuments(database, collection, { filter: '{}' })
  expect(await ok(deleted)).toEqual({ deleted: 3 })
}

async function queries(collection: string): Promise<void> {
  const operations = Array.from({ length: 30 }, (_, i) => ({ insertOne: { document: { _id: i, a: i % 3 } } }))
  const written = await ok(
    api.postDatabasesByDatabaseCollectionsByCollectionBulk(database, collection, {
      operations: [...operations, { insertOne: { document: { _id: 0 } } }, { deleteOne: { filter: { _id: 29 } } }],
      ordered: false,
    }),
  )
  expect(written).toMatchObject({ inserted: 30, deleted: 1, errors: [{ code: 11000 }] })
  const first = await ok(
    api.getDatabasesByDatabaseCollectionsByCollectionDocuments(database, collection, {
      filter: '{"a":{"$lt":2}}',
      sort: '{"_id":-1}',
      projection: '{"a":0}',
      skip: 1,
      limit: 15,
      pageSize: 10,
      hint: '_id_',
    }),
  )
  expect(first.documents.map(({ _id }) => _id as number)).toEqual([27, 25, 24, 22, 21, 19, 18, 16, 15, 13])
  const second = await ok(api.getCursorsByCursor(first.next!, { pageSize: 10 }))
  expect(second).toEqual({ documents: [12, 10, 9, 7, 6].map((_id) => ({ _id })), next: null })
  const find = api.postDatabasesByDatabaseCollectionsByCollectionFind
  const found = await ok(find(database, collection, { filter: { a: 2 }, pageSize: 3 }))
  expect(found.documents).toHaveLength(3)
  expect((await api.deleteCursorsByCursor(found.next!)).status).toBe(204)
  expect((await api.getCursorsByCursor(found.next!)).status).toBe(410)
  const pipeline = [{ $group: { _id: '$a', n: { $sum: 1 } } }, { $sort: { _id: 1 } }]
  const aggregate = api.postDatabasesByDatabaseCollectionsByCollectionAggregate
  expect((await ok(aggregate(database, collection, { pipeline }))).documents).toEqual([
    { _id: 0, n: 10 },
    { _id: 1, n: 10 },
    { _id: 2, n: 9 },
  ])
  const series = { pipeline: [{ $documents: [{ x: 1 }] }] }
  expect((await ok(api.postDatabasesByDatabaseAggregate(database, series))).documents).toEqual([{ x: 1 }])
  const filter = '{"a":2}'
  const count = api.getDatabasesByDatabaseCollectionsByCollectionCount
  expect(await ok(count(database, collection, { filter }))).toEqual({ count: 9 })
  expect(await ok(count(database, collection, { ejson: 'canonical' }))).toEqual({ count: { $numberInt: '29' } })
  const distinct = api.getDatabasesByDatabaseCollectionsByCollectionDistinct
  expect(await ok(distinct(database, collection, { key: 'a', filter }))).toEqual({ values: [2] })
  const explain = { find: { filter: { a: 1 } }, verbosity: 'executionStats' }
  const explained = await ok(api.postDatabasesByDatabaseCollectionsByCollectionExplain(database, collection, explain))
  expect(explained['executionStats']).toMatchObject({ nReturned: 10 })
  expect(await ok(api.postDatabasesByDatabaseCommand(database, { hello: 1 }))).toMatchObject({
    isWritablePrimary: true,
  })
  // @ts-expect-error: counting has no pages
  await count(database, collection, { pageSize: 1 })
  // @ts-expect-error: there are two forms of Extended JSON
  expect((await count(database, collection, { ejson: 'other' })).status).toBe(400)
}

async function transfer(collection: string): Promise<void> {
  const headers = { 'content-type': 'application/x-ndjson' }
  const lines = '{"_id":100}\n{"_id":101}\n{"_id":100}\n'
  const imported = api.postDatabasesByDatabaseCollectionsByCollectionImport
  // The client writes every body as JSON.
  const raw = (input: string | URL | Request, init?: RequestInit) =>
    checkedFetch(input, { ...init, body: lines, headers })
  expect(await ok(imported(database, collection, lines, {}, { fetch: raw }))).toEqual({
    inserted: 2,
    failed: 1,
    errors: [{ document: 2, code: 11000, errmsg: expect.stringContaining('duplicate key') }],
  })
  const query = { filter: '{"_id":{"$gte":100}}', sort: '{"_id":1}' }
  const exported = await ok(api.getDatabasesByDatabaseCollectionsByCollectionExport(database, collection, query))
  expect(exported).toBe('{"_id":100}\n{"_id":101}\n')
}

async function changes(collection: string): Promise<void> {
  const now = { $timestamp: { t: Math.floor(Date.now() / 1000), i: 0 } }
  await ok(api.postDatabasesByDatabaseCollectionsByCollectionDocuments(database, collection, { e: 1 }))
  const at = {
    startAtOperationTime: JSON.stringify(now),
    pipeline: '[{"$match":{"fullDocument.e":1}}]',
    fullDocument: 'updateLookup' as const,
  }
  const all = [
    await ok(api.getChanges(at)),
    await ok(api.getDatabasesByDatabaseChanges(database, at)),
    await ok(api.getDatabasesByDatabaseCollectionsByCollectionChanges(database, collection, at)),
  ]
  for (const events of all) expect(events).toMatch(/^id: \S+\nevent: insert\ndata: \{.*"fullDocument":\{.*"e":1\}/m)
}

async function transactions(collection: string): Promise<void> {
  const insert = (_id: string, lauraTransaction: string) =>
    api.postDatabasesByDatabaseCollectionsByCollectionDocuments(database, collection, { _id }, { lauraTransaction })
  const read = (id: string) => api.getDatabasesByDatabaseCollectionsByCollectionDocumentsById(database, collection, id)
  const kept = await ok(api.postTransactions({}))
  await ok(insert('kept', kept.id))
  expect((await read('kept')).status).toBe(404)
  expect((await api.postTransactionsByTransactionCommit(kept.id)).status).toBe(204)
  expect((await read('kept')).status).toBe(200)
  const options = { isolation: 'serializable', readLocks: true, readConcern: { level: 'local' } } as const
  const dropped = await ok(api.postTransactions(options))
  await ok(insert('dropped', dropped.id))
  expect((await api.deleteTransactionsByTransaction(dropped.id)).status).toBe(204)
  expect((await read('dropped')).status).toBe(404)
  expect((await api.postTransactionsByTransactionCommit(dropped.id)).status).toBe(404)
}

async function drops(collection: string): Promise<void> {
  expect((await api.deleteDatabasesByDatabaseCollectionsByCollection(database, collection)).status).toBe(204)
  expect((await api.getDatabasesByDatabaseCollectionsByCollection(database, collection)).status).toBe(404)
  expect((await api.deleteDatabasesByDatabase(database)).status).toBe(204)
}
