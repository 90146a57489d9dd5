import { expect, test } from 'vitest'
import { openServer } from './testdata/server.ts'

type Server = Awaited<ReturnType<typeof openServer>>

async function ids(server: Server, collection: string): Promise<unknown[]> {
  const { cursor } = (await server.run({ find: collection })) as { cursor: { firstBatch: { _id: unknown }[] } }
  return cursor.firstBatch.map(({ _id }) => _id)
}

test('a capped collection keeps its newest documents, by count and by size', async () => {
  const server = await openServer()
  await server.run({ create: 'c', capped: true, size: 4096, max: 3 })
  await server.run({ insert: 'c', documents: [5, 1, 4, 2, 3].map((_id) => ({ _id })) })
  expect(await ids(server, 'c')).toEqual([4, 2, 3])
  await server.run({ create: 's', capped: true, size: 1000 })
  for (let _id = 0; _id < 20; _id++) await server.run({ insert: 's', documents: [{ _id, text: 'x'.repeat(200) }] })
  expect(await ids(server, 's')).toEqual([16, 17, 18, 19])
  await server.run({ insert: 's', documents: [{ _id: 'large', text: 'x'.repeat(5000) }] })
  expect(await ids(server, 's')).toEqual(['large'])
  expect(await server.run({ collStats: 's' })).toMatchObject({ capped: true, maxSize: 1024, count: 1 })
})

test('lower limits take effect with the next insert', async () => {
  const server = await openServer()
  await server.run({ create: 'c', capped: true, size: 4096, max: 10 })
  await server.run({ insert: 'c', documents: [1, 2, 3, 4, 5].map((_id) => ({ _id })) })
  await server.run({ collMod: 'c', cappedMax: 2 })
  expect(await ids(server, 'c')).toEqual([1, 2, 3, 4, 5])
  await server.run({ insert: 'c', documents: [{ _id: 6 }] })
  expect(await ids(server, 'c')).toEqual([5, 6])
})

async function tail(server: Server, options: object = {}): Promise<bigint> {
  const { cursor } = (await server.run({ find: 'c', tailable: true, ...options })) as { cursor: { id: bigint } }
  return BigInt(cursor.id)
}

test('a tailable cursor gives what comes later, and dies when what it rested on is gone', async () => {
  const server = await openServer()
  await server.run({ create: 'c', capped: true, size: 4096, max: 3 })
  expect(await tail(server)).toBe(0n)
  await server.run({ insert: 'c', documents: [{ _id: 1 }] })
  const getMore = await tail(server)
  expect(await server.run({ getMore, collection: 'c' })).toMatchObject({ cursor: { nextBatch: [] } })
  await server.run({ insert: 'c', documents: [{ _id: 2 }, { _id: 3 }] })
  expect(await server.run({ getMore, collection: 'c' })).toMatchObject({
    cursor: { nextBatch: [{ _id: 2 }, { _id: 3 }] },
  })
  await server.run({ insert: 'c', documents: [4, 5, 6].map((_id) => ({ _id })) })
  expect(await server.reply({ getMore, collection: 'c' })).toMatchObject({ ok: 0, code: 136 })
  expect(await server.reply({ getMore, collection: 'c' })).toMatchObject({ ok: 0, code: 43 })
})

test('a cursor that awaits data is woken by an insert, by its time limit and by a drop', async () => {
  const server = await openServer()
  await server.run({ create: 'c', capped: true, size: 4096 })
  await server.run({ insert: 'c', documents: [{ _id: 1 }] })
  const getMore = await tail(server, { awaitData: true })
  const woken = server.run({ getMore, collection: 'c', maxTimeMS: 60_000 })
  await server.run({ insert: 'c', documents: [{ _id: 2 }] })
  expect(await woken).toMatchObject({ cursor: { nextBatch: [{ _id: 2 }] } })
  expect(await server.run({ getMore, collection: 'c', maxTimeMS: 5 })).toMatchObject({ cursor: { nextBatch: [] } })
  const dropped = server.reply({ getMore, collection: 'c', maxTimeMS: 60_000 })
  await server.run({ drop: 'c' })
  expect(await dropped).toMatchObject({ ok: 0, code: 175 })
})

test('a clustered collection is walked in the order of _id, and keeps its index', async () => {
  const server = await openServer()
  await server.run({ create: 'c', clusteredIndex: { key: { _id: 1 }, unique: true } })
  await server.run({ insert: 'c', documents: [3, 1, 2].map((_id) => ({ _id })) })
  expect(await ids(server, 'c')).toEqual([1, 2, 3])
  expect(await server.run({ find: 'c', sort: { $natural: -1 } })).toMatchObject({
    cursor: { firstBatch: [{ _id: 3 }, { _id: 2 }, { _id: 1 }] },
  })
  expect(await server.reply({ dropIndexes: 'c', index: '_id_' })).toMatchObject({ ok: 0, code: 5979800 })
  expect(await server.run({ listIndexes: 'c' })).toMatchObject({ cursor: { firstBatch: [{ clustered: true }] } })
})

test('a validator keeps documents out, unless its level, its action or the command says otherwise', async () => {
  const server = await openServer()
  await server.run({ create: 'c', validator: { a: { $gt: 0 } } })
  await server.run({ insert: 'c', documents: [{ _id: 1, a: 1 }] })
  const refused = { writeErrors: [{ index: 0, code: 121 }] }
  expect(await server.run({ insert: 'c', documents: [{ _id: 2 }] })).toMatchObject(refused)
  expect(await server.run({ update: 'c', updates: [{ q: { _id: 1 }, u: { $set: { a: -1 } } }] })).toMatchObject(refused)
  await server.run({ insert: 'c', documents: [{ _id: 2, b: 1 }], bypassDocumentValidation: true })
  const change = { update: 'c', updates: [{ q: { _id: 2 }, u: { $set: { b: 2 } } }] }
  expect(await server.run(change)).toMatchObject(refused)
  await server.run({ collMod: 'c', validationLevel: 'moderate' })
  expect(await server.run(change)).toMatchObject({ nModified: 1 })
  await server.run({ collMod: 'c', validationAction: 'warn' })
  expect(await server.run({ insert: 'c', documents: [{ _id: 3 }] })).toMatchObject({ n: 1 })
  await server.run({ collMod: 'c', validationAction: 'error', validationLevel: 'off' })
  expect(await server.run({ insert: 'c', documents: [{ _id: 4 }] })).toMatchObject({ n: 1 })
})

test('an index that has all that is shown does not change the natural order', async () => {
  const server = await openServer()
  await server.run({ create: 'c', capped: true, size: 4096 })
  await server.run({ insert: 'c', documents: [3, 1, 2].map((_id) => ({ _id })) })
  expect(await server.all({ find: 'c', projection: { _id: 1 } })).toEqual([3, 1, 2].map((_id) => ({ _id })))
  expect(await server.all({ aggregate: 'c', pipeline: [{ $project: { _id: 1 } }], cursor: {} })).toEqual(
    [3, 1, 2].map((_id) => ({ _id })),
  )
})
