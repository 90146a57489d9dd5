import { Binary } from 'bson'
import { expect, test } from 'vitest'
import { decodeDocument } from '../bson/convert.ts'
import { openServer, type TestServer } from './testdata/server.ts'

async function withDocuments(count: number): Promise<TestServer> {
  const server = await openServer()
  await server.run({ insert: 'c', documents: Array.from({ length: count }, (_, _id) => ({ _id, x: _id % 7 })) })
  return server
}

const admin = { $db: 'admin' }

test('a collection is made capped in place, and loses its secondary indexes', async () => {
  const server = await withDocuments(5000)
  await server.run({ createIndexes: 'c', indexes: [{ key: { x: 1 }, name: 'x_1' }] })
  await server.run({ convertToCapped: 'c', size: 4096 })
  const left = await server.all({ find: 'c' })
  expect(left.length).toBeLessThan(200)
  expect(left.at(-1)).toEqual({ _id: 4999, x: 4999 % 7 })
  expect(await server.run({ collStats: 'c' })).toMatchObject({ capped: true, maxSize: 4096, nindexes: 1 })
})

test('a collection is cloned as capped; the source stays as it is', async () => {
  const server = await withDocuments(500)
  await server.run({ cloneCollectionAsCapped: 'c', toCollection: 'd', size: 1024 })
  const clone = await server.all({ find: 'd' })
  expect(clone).toEqual((await server.all({ find: 'c' })).slice(500 - clone.length))
  expect(await server.run({ count: 'c' })).toMatchObject({ n: 500 })
  expect(await server.reply({ cloneCollectionAsCapped: 'c', toCollection: 'd', size: 1024 })).toMatchObject({
    code: 48,
  })
})

test('the profiler keeps what its level says, and tells of slow operations', async () => {
  const slow: Record<string, unknown>[] = []
  const server = await openServer({ onSlowOperation: (operation) => slow.push(decodeDocument(operation)) })
  await server.run({ insert: 'c', documents: [{ _id: 1 }] })
  await server.run({ profile: -1 })
  expect(await server.reply({ listIndexes: 'system.profile' })).toMatchObject({ code: 26 })
  expect(await server.run({ profile: 2 })).toMatchObject({ was: 0, slowms: 100, sampleRate: 1 })
  expect(await server.run({ listIndexes: 'system.profile' })).toMatchObject({ ok: 1 })
  await server.run({ find: 'c' })
  expect(await server.run({ profile: 0 })).toMatchObject({ was: 2 })
  await server.run({ find: 'c' })
  const kept = await server.all({ find: 'system.profile', filter: { ns: 'test.c' } })
  expect(kept).toHaveLength(1)
  expect(kept[0]).toMatchObject({ op: 'query', command: { find: 'c' } })
  expect(slow).toEqual([])
  await server.run({ profile: 0, slowms: -1 })
  await server.run({ count: 'c' })
  expect(slow.at(-1)).toMatchObject({ ns: 'test.c', command: { count: 'c' } })
  expect(await server.run({ collStats: 'system.profile' })).toMatchObject({ capped: true })
})

test('with a filter the profiler keeps what matches, however quick', async () => {
  const server = await withDocuments(3)
  await server.run({ profile: 1, filter: { op: 'query' } })
  await server.run({ count: 'c' })
  await server.run({ find: 'c' })
  await server.run({ profile: 0 })
  expect(await server.all({ find: 'system.profile', projection: { op: 1, _id: 0 } })).toEqual([{ op: 'query' }])
})

test('top counts by collection and kind', async () => {
  const server = await withDocuments(3)
  await server.run({ find: 'c' })
  await server.run({ find: 'c' })
  const { totals } = (await server.run({ top: 1, ...admin })) as { totals: Record<string, unknown> }
  expect(totals['test.c']).toMatchObject({ queries: { count: 2 }, insert: { count: 1 }, total: { count: 3 } })
})

test('equal data has equal digests, and other data others', async () => {
  const [one, two] = [await withDocuments(50), await withDocuments(50)]
  const digest = async (server: TestServer) => (await server.run({ dbHash: 1 }))['md5']
  expect(await digest(one)).toBe(await digest(two))
  await two.run({ update: 'c', updates: [{ q: { _id: 3 }, u: { $set: { x: 'other' } } }] })
  expect(await digest(one)).not.toBe(await digest(two))
})

test('writes wait while the fsync lock is held, reads do not', async () => {
  const server = await withDocuments(1)
  expect(await server.run({ fsync: 1, lock: true, ...admin })).toMatchObject({ lockCount: 1 })
  expect(await server.run({ fsync: 1, lock: true, ...admin })).toMatchObject({ lockCount: 2 })
  let done = false
  const insert = server.connect(2).run({ insert: 'c', documents: [{ _id: 'late' }] })
  const noted = insert.then(() => {
    done = true
  })
  expect(await server.run({ count: 'c' })).toMatchObject({ n: 1 })
  expect(await server.run({ fsyncUnlock: 1, ...admin })).toMatchObject({ lockCount: 1 })
  expect(done).toBe(false)
  const limited = { insert: 'c', documents: [{}], maxTimeMS: 20 }
  expect(await server.connect(3).reply(limited)).toMatchObject({ ok: 0, code: 50 })
  await server.run({ fsyncUnlock: 1, ...admin })
  await noted
  expect(await server.run({ count: 'c' })).toMatchObject({ n: 2 })
  expect(await server.reply({ fsyncUnlock: 1, ...admin })).toMatchObject({ ok: 0, code: 20 })
})

test('index filters are kept by the shape of the query', async () => {
  const server = await withDocuments(1)
  const set = (query: object, indexes: unknown[]) => server.run({ planCacheSetFilter: 'c', query, indexes })
  await set({ x: 1 }, [{ x: 1 }])
  await set({ x: 2 }, ['x_1'])
  await set({ x: { $gt: 1 } }, [{ x: 1 }])
  const filters = async () => (await server.run({ planCacheListFilters: 'c' }))['filters']
  expect(await filters()).toMatchObject([{ query: { x: 2 }, indexes: ['x_1'] }, { query: { x: { $gt: 1 } } }])
  await server.run({ planCacheClearFilters: 'c', query: { x: 99 } })
  expect(await filters()).toMatchObject([{ query: { x: { $gt: 1 } } }])
  await server.run({ planCacheClearFilters: 'c' })
  expect(await filters()).toEqual([])
  expect(await server.reply({ planCacheSetFilter: 'c', query: { x: 1 }, indexes: [] })).toMatchObject({ code: 2 })
})

test('data is measured between two keys', async () => {
  const server = await withDocuments(10)
  const measured = await server.run({ dataSize: 'test.c', keyPattern: { _id: 1 }, min: { _id: 2 }, max: { _id: 5 } })
  expect(measured).toMatchObject({ numObjects: 3 })
  const noIndex = { dataSize: 'test.c', keyPattern: { x: 1 }, min: { x: 1 }, max: { x: 2 } }
  expect(await server.reply(noIndex)).toMatchObject({ ok: 0, code: 96 })
})

test('views are made, shown and changed, and cannot be written', async () => {
  const server = await withDocuments(1)
  await server.run({ create: 'v', viewOn: 'c', pipeline: [{ $match: { x: 1 } }] })
  const listed = { cursor: { firstBatch: [{ name: 'v', type: 'view', options: { viewOn: 'c' } }] } }
  expect(await server.run({ listCollections: 1, filter: { type: 'view' } })).toMatchObject(listed)
  expect(await server.run({ insert: 'v', documents: [{}] })).toMatchObject({ n: 0, writeErrors: [{ code: 166 }] })
  expect(await server.reply({ collMod: 'v', viewOn: 'v', pipeline: [] })).toMatchObject({ ok: 0, code: 5 })
  await server.run({ create: 'w', viewOn: 'v' })
  expect(await server.reply({ collMod: 'v', viewOn: 'w', pipeline: [] })).toMatchObject({ ok: 0, code: 5 })
})

test('filemd5 digests the chunks of a file in their order, and refuses a file with a gap', async () => {
  const server = await openServer()
  const chunk = (_id: number, n: number, text: string) => ({ _id, files_id: 7, n, data: new Binary(Buffer.from(text)) })
  await server.run({ insert: 'fs.chunks', documents: [chunk(1, 1, 'world'), chunk(2, 0, 'hello ')] })
  const md5 = '5eb63bbbe01eeed093cb22bb8f5acdc3'
  expect(await server.run({ filemd5: 7, root: 'fs' })).toMatchObject({ numChunks: 2, md5 })
  expect(await server.run({ filemd5: 8 })).toMatchObject({ numChunks: 0, md5: 'd41d8cd98f00b204e9800998ecf8427e' })
  await server.run({ delete: 'fs.chunks', deletes: [{ q: { n: 0 }, limit: 1 }] })
  expect(await server.reply({ filemd5: 7 })).toMatchObject({ ok: 0, code: 2 })
})

test('setIndexCommitQuorum knows builds in progress only', async () => {
  const server = await withDocuments(1)
  const command = { setIndexCommitQuorum: 'c', indexNames: ['x_1'], commitQuorum: 'majority' }
  expect(await server.reply(command)).toMatchObject({ code: 27 })
  expect(await server.reply({ ...command, setIndexCommitQuorum: 'nothing' })).toMatchObject({ code: 26 })
  expect(await server.reply({ ...command, commitQuorum: true })).toMatchObject({ code: 14 })
})

test('logComponentVerbosity changes as a whole or not at all, and its root is logLevel', async () => {
  const server = await openServer()
  const set = (tree: unknown) => server.reply({ setParameter: 1, logComponentVerbosity: tree, ...admin })
  const get = async () =>
    (await server.run({ getParameter: 1, logComponentVerbosity: 1, ...admin }))['logComponentVerbosity']
  expect(await get()).toMatchObject({ verbosity: 0, network: { verbosity: -1, asio: { verbosity: -1 } } })
  expect(await set({ command: 2, network: { asio: { verbosity: 3 } } })).toMatchObject({ ok: 1 })
  expect(await set({ command: 4, nonsense: 1 })).toMatchObject({ code: 2 })
  expect(await get()).toMatchObject({ command: { verbosity: 2 }, network: { verbosity: -1, asio: { verbosity: 3 } } })
  await server.run({ setParameter: 1, logLevel: 1, ...admin })
  expect(await get()).toMatchObject({ verbosity: 1 })
})

test('the profiler shows of a getMore what made its cursor, with its comment', async () => {
  const server = await openServer()
  await server.run({ insert: 'c', documents: [{ _id: 1 }, { _id: 2 }] })
  await server.run({ profile: 2 })
  await server.all({ find: 'c', batchSize: 1, comment: 'why' })
  await server.run({ profile: 0 })
  const filter = { 'command.getMore': { $exists: true } }
  expect(await server.all({ find: 'system.profile', filter })).toMatchObject([
    { op: 'getmore', command: { collection: 'c', comment: 'why' }, originatingCommand: { find: 'c', comment: 'why' } },
  ])
})

test('what the profiler keeps is read and dropped by clients, and written by the server alone', async () => {
  const server = await openServer()
  await server.run({ profile: 2 })
  await server.run({ insert: 'c', documents: [{}] })
  const name = 'system.profile'
  for (const command of [
    { insert: name, documents: [{}] },
    { update: name, updates: [{ q: {}, u: { $set: { a: 1 } } }] },
    { delete: name, deletes: [{ q: {}, limit: 0 }] },
    { findAndModify: name, remove: true },
    { insert: 'system.views', documents: [{}] },
  ])
    expect(await server.reply(command)).toMatchObject({ code: 73, errmsg: expect.stringMatching('cannot write to') })
  const ops = [{ insert: 0, document: {} }]
  const reply = await server.run({ bulkWrite: 1, ops, nsInfo: [{ ns: `test.${name}` }], $db: 'admin' })
  expect(reply).toMatchObject({ nErrors: 1, cursor: { firstBatch: [{ code: 73 }] } })
  await server.run({ profile: 0 })
  expect(await server.run({ count: name })).not.toMatchObject({ n: 0 })
  await server.run({ drop: name })
})
