/** `$merge` and `$out` beside others who write: they wait for them where they have come to, and do nothing twice. */
import { Long, UUID } from 'bson'
import { expect, test } from 'vitest'
import { openServer, type TestServer, until } from './testdata/server.ts'

type Document = Record<string, unknown>

const count = 600
const addOne = [{ $set: { n: { $add: ['$n', 1] } } }]

async function opened(options: Parameters<typeof openServer>[0] = {}): Promise<TestServer> {
  const replicaSet = { name: 'rs0', member: 'db.example:27017' }
  const server = await openServer({ replicaSet, ...options })
  await server.run({ insert: 'source', documents: Array.from({ length: count }, (_, _id) => ({ _id, n: 0 })) })
  return server
}

/** A transaction that has run `statement`; what ends it. */
async function transaction(server: TestServer, statement: Document): Promise<(how: string) => Promise<Document>> {
  const fields = { lsid: { id: new UUID() }, txnNumber: Long.fromNumber(1), autocommit: false }
  await server.run({ ...statement, ...fields, startTransaction: true })
  return (how) => server.run({ [how]: 1, $db: 'admin', ...fields })
}

/** Starts a pipeline on the source; resolves when it waits for somebody. */
async function waiting(server: TestServer, pipeline: Document[]): Promise<{ opid: unknown; reply: Promise<Document> }> {
  const reply = server.connect(9).reply({ aggregate: 'source', pipeline, cursor: {} })
  const [operation] = [...server.database.operations.values()]
  await until(server, () => operation!.isWaitingForLock)
  return { opid: operation!.id, reply }
}

async function names(server: TestServer): Promise<unknown[]> {
  const { cursor } = (await server.run({ listCollections: 1 })) as { cursor: { firstBatch: Document[] } }
  return cursor.firstBatch.map(({ name }) => name).sort()
}

test.each(['commitTransaction', 'abortTransaction'])('$merge waits for who has changed a document: %s', async (how) => {
  const server = await opened()
  const end = await transaction(server, { update: 'source', updates: [{ q: { _id: 3 }, u: { $inc: { n: 10 } } }] })
  const { reply } = await waiting(server, [{ $merge: { into: 'source', whenMatched: addOne } }])
  await end(how)
  expect(await reply).toMatchObject({ ok: 1 })
  const changed = how === 'commitTransaction' ? 11 : 1
  for (const { _id, n } of await server.all({ find: 'source' })) expect(n).toBe(_id === 3 ? changed : 1)
})

test('$merge does not begin again when it meets who makes its collection', async () => {
  const server = await opened({ tickMs: 1 })
  const pipeline = [{ $project: { _id: 0 } }, { $merge: 'target' }]
  const merge = server.connect(9).run({ aggregate: 'source', pipeline, cursor: {} })
  await until(server, () => (server.engine.collection('test', 'target')?.documentCount ?? 0) >= 10)
  await server.run({ drop: 'target' })
  const end = await transaction(server, { insert: 'target', documents: [{ _id: 'new' }] })
  for (let i = 0; i < 50; i++) await server.world.clock.yield()
  await end('commitTransaction')
  await merge
  const { n } = (await server.run({ count: 'target' })) as { n: number }
  expect(n).toBeGreaterThan(100)
  expect(n).toBeLessThanOrEqual(count - 10 + 1)
})

test('$out waits for who uses its target with what it has written', async () => {
  const server = await opened()
  await server.run({ insert: 'target', documents: [{ _id: 'old' }] })
  const end = await transaction(server, { find: 'target' })
  const { reply } = await waiting(server, [{ $out: 'target' }])
  const written = await names(server)
  expect(written).toHaveLength(3)
  await server.run({ insert: 'source', documents: [{ _id: 'later' }] })
  await end('commitTransaction')
  expect(await reply).toMatchObject({ ok: 1 })
  expect(await server.run({ count: 'target' })).toMatchObject({ n: count })
  expect(await names(server)).toEqual(['source', 'target'])
})

test('$out that is killed while nobody may write leaves nothing behind', async () => {
  const server = await opened({ engine: { commitSliceOperations: 1 } })
  await server.run({ insert: 'target', documents: [{ _id: 'old' }] })
  await server.run({ insert: 'c', documents: Array.from({ length: 50 }, (_, _id) => ({ _id })) })
  const end = await transaction(server, { find: 'target' })
  const { opid, reply } = await waiting(server, [{ $out: 'target' }])
  const commit = await transaction(server.connect(2), { delete: 'c', deletes: [{ q: {}, limit: 0 }] })
  const committed = commit('commitTransaction')
  await until(server, () => server.engine.writable !== undefined)
  await server.connect(3).run({ killOp: 1, op: opid, $db: 'admin' })
  expect(await reply).toMatchObject({ ok: 0, codeName: 'Interrupted' })
  await committed
  await end('abortTransaction')
  await until(server, () => server.engine.collections('test').length === 3)
  expect(await names(server)).toEqual(['c', 'source', 'target'])
  expect(server.engine.locks.isEmpty).toBe(true)
  expect(server.engine.statistics().openSnapshotCount).toBe(0)
})

test('$out ends when its database is dropped, and leaves nothing in it', async () => {
  const server = await opened({ tickMs: 1 })
  const { engine } = server
  const pipeline = [{ $out: { db: 'other', coll: 'target' } }]
  const reply = server.connect(9).reply({ aggregate: 'source', pipeline, cursor: {} })
  await until(server, () => engine.collections('other').length > 0)
  await server.run({ dropDatabase: 1, $db: 'other' })
  expect(await reply).toMatchObject({ ok: 0, codeName: 'QueryPlanKilled' })
  expect(engine.collections('other')).toEqual([])
})
