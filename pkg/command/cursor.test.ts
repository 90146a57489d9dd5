import { Long, UUID } from 'bson'
import { expect, test } from 'vitest'
import { openServer, type TestServer } from './testdata/server.ts'

interface CursorReply {
  readonly id: bigint | number
  readonly firstBatch: Record<string, unknown>[]
  readonly nextBatch: Record<string, unknown>[]
}

async function filled(count: number, options: Parameters<typeof openServer>[0] = {}): Promise<TestServer> {
  const server = await openServer(options)
  await server.run({ insert: 'c', documents: Array.from({ length: count }, (_, i) => ({ _id: i })) })
  return server
}

async function cursorOf(server: TestServer, command: Record<string, unknown>): Promise<CursorReply & { key: bigint }> {
  const { cursor } = (await server.run(command)) as unknown as { cursor: CursorReply }
  return { ...cursor, key: BigInt(cursor.id.toString()) }
}

test('the first batch has 101 documents, later ones all that fit', async () => {
  const server = await filled(300)
  const first = await cursorOf(server, { find: 'c' })
  expect(first.firstBatch).toHaveLength(101)
  const second = await cursorOf(server, { getMore: first.key, collection: 'c' })
  expect(second.nextBatch).toHaveLength(199)
  expect(second.key).toBe(0n)
  expect(await server.reply({ getMore: first.key, collection: 'c' })).toMatchObject({
    code: 43,
    codeName: 'CursorNotFound',
    errmsg: `cursor id ${first.key} not found`,
  })
})

test('batch sizes, limits and single batches are kept', async () => {
  const server = await filled(20)
  const empty = await cursorOf(server, { find: 'c', batchSize: 0 })
  expect(empty.firstBatch).toHaveLength(0)
  expect((await cursorOf(server, { getMore: empty.key, collection: 'c', batchSize: 3 })).nextBatch).toHaveLength(3)
  const limited = await cursorOf(server, { find: 'c', batchSize: 4, limit: 7 })
  const rest = await cursorOf(server, { getMore: limited.key, collection: 'c', batchSize: 3 })
  expect([rest.nextBatch.length, rest.key]).toEqual([3, 0n])
  expect((await cursorOf(server, { find: 'c', batchSize: 4, singleBatch: true })).key).toBe(0n)
})

test('a batch stops short of 16 MiB and the next one goes on with the document that did not fit', async () => {
  const server = await openServer()
  const text = 'x'.repeat(5 * 1024 * 1024)
  for (let i = 0; i < 5; i++) await server.run({ insert: 'c', documents: [{ _id: i, text }] })
  const first = await cursorOf(server, { find: 'c' })
  expect(first.firstBatch.map((document) => document['_id'])).toEqual([0, 1, 2])
  const second = await cursorOf(server, { getMore: first.key, collection: 'c' })
  expect(second.nextBatch.map((document) => document['_id'])).toEqual([3, 4])
})

test('a cursor goes on reading the moment at which it began', async () => {
  const server = await filled(10)
  const first = await cursorOf(server, { find: 'c', batchSize: 2 })
  await server.run({ delete: 'c', deletes: [{ q: { _id: { $gte: 5 } }, limit: 0 }] })
  await server.run({ insert: 'c', documents: [{ _id: 100 }] })
  await server.run({ update: 'c', updates: [{ q: {}, u: { $set: { changed: true } }, multi: true }] })
  const rest = await cursorOf(server, { getMore: first.key, collection: 'c' })
  expect(rest.nextBatch).toEqual(Array.from({ length: 8 }, (_, i) => ({ _id: i + 2 })))
  expect(server.engine.statistics().openSnapshotCount).toBe(0)
})

test('killed cursors let go of what they hold', async () => {
  const server = await filled(10)
  const { key } = await cursorOf(server, { find: 'c', batchSize: 2 })
  expect(server.engine.statistics().openSnapshotCount).toBe(1)
  expect(await server.run({ killCursors: 'c', cursors: [key, 7n] })).toMatchObject({
    cursorsKilled: [Long.fromBigInt(key)],
    cursorsNotFound: [7],
  })
  expect(server.engine.statistics().openSnapshotCount).toBe(0)
  expect(await server.reply({ getMore: key, collection: 'c' })).toMatchObject({ code: 43 })
})

test('an idle cursor times out, unless it was asked not to or is used', async () => {
  const server = await filled(10)
  const { key: idle } = await cursorOf(server, { find: 'c', batchSize: 2 })
  const { key: patient } = await cursorOf(server, { find: 'c', batchSize: 2, noCursorTimeout: true })
  const { key: used } = await cursorOf(server, { find: 'c', batchSize: 2 })
  await server.world.clock.sleep(9 * 60_000)
  await server.run({ getMore: used, collection: 'c', batchSize: 1 })
  await server.world.clock.sleep(2 * 60_000)
  expect(await server.reply({ getMore: idle, collection: 'c' })).toMatchObject({ code: 43 })
  expect(await server.reply({ getMore: patient, collection: 'c' })).toMatchObject({ ok: 1 })
  expect(await server.reply({ getMore: used, collection: 'c' })).toMatchObject({ ok: 1 })
  const { metrics } = (await server.run({ serverStatus: 1 })) as { metrics?: { cursor: { timedOut: number } } }
  expect(metrics!.cursor.timedOut).toBe(1)
  server.database.close()
})

test('a cursor lives on when its connection closes, and ends with its session', async () => {
  const server = await filled(10)
  const other = server.connect(2)
  const lsid = { id: new UUID() }
  const { key: free } = await cursorOf(other, { find: 'c', batchSize: 2 })
  const { key: bound } = await cursorOf(other, { find: 'c', batchSize: 2, lsid })
  other.context.close()
  expect(await server.reply({ getMore: bound, collection: 'c' })).toMatchObject({ code: 50736 })
  await server.run({ endSessions: [lsid] })
  expect(await server.reply({ getMore: bound, collection: 'c', lsid })).toMatchObject({ code: 43 })
  expect(await server.reply({ getMore: free, collection: 'c' })).toMatchObject({ ok: 1 })
  server.database.close()
})

test.each([
  ['drop', { drop: 'c' }],
  ['dropDatabase', { dropDatabase: 1 }],
  ['renameCollection', { renameCollection: 'test.c', to: 'test.d', $db: 'admin' }],
])('%s ends the cursors of a collection with QueryPlanKilled', async (_, command) => {
  const server = await filled(10)
  const { key } = await cursorOf(server, { find: 'c', batchSize: 2 })
  await server.run(command)
  expect(server.engine.statistics().openSnapshotCount).toBe(0)
  expect(await server.reply({ getMore: key, collection: 'c' })).toMatchObject({ code: 175 })
  expect(await server.reply({ getMore: key, collection: 'c' })).toMatchObject({ code: 43 })
  server.database.close()
})

test('a getMore must name the namespace of the cursor', async () => {
  const server = await filled(10)
  const { key } = await cursorOf(server, { find: 'c', batchSize: 2 })
  expect(await server.reply({ getMore: key, collection: 'd' })).toMatchObject({ code: 13 })
  expect(await server.reply({ find: 'c', tailable: true })).toMatchObject({ code: 2 })
  server.database.close()
})
