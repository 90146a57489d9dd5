import type { Document } from 'bson'
import { expect, test } from 'vitest'
import { openServer, type TestServer } from './testdata/server.ts'

const match = [{ $match: { a: 1 } }]
const definitions = [
  { _id: 'test.v', viewOn: 'c', pipeline: [] },
  { _id: 'test.w', viewOn: 'd', pipeline: match, collation: expect.objectContaining({ locale: 'de' }) },
]

async function firstBatch(server: TestServer, command: Document): Promise<unknown[]> {
  const { cursor } = (await server.run(command)) as { cursor: { firstBatch: unknown[] } }
  return cursor.firstBatch
}

async function withViews(): Promise<TestServer> {
  const server = await openServer()
  await server.run({ create: 'v', viewOn: 'c' })
  await server.run({ create: 'w', viewOn: 'd', pipeline: match, collation: { locale: 'de' } })
  await server.run({ create: 'elsewhere', viewOn: 'c', $db: 'other' })
  return server
}

test('the views of a database are documents of system.views', async () => {
  const server = await withViews()
  const batch = (command: Document) => firstBatch(server, command)
  expect(await batch({ find: 'system.views' })).toEqual(definitions)
  expect(await batch({ find: 'system.views', filter: { viewOn: 'd' }, projection: { viewOn: 1 } })).toEqual([
    { _id: 'test.w', viewOn: 'd' },
  ])
  const pipeline = [{ $match: { viewOn: 'c' } }, { $project: { pipeline: 1 } }]
  expect(await batch({ aggregate: 'system.views', pipeline, cursor: {} })).toEqual([{ _id: 'test.v', pipeline: [] }])
  expect(await server.run({ count: 'system.views' })).toMatchObject({ n: 2 })
  expect(await server.run({ distinct: 'system.views', key: 'viewOn' })).toMatchObject({ values: ['c', 'd'] })
  expect(await batch({ listIndexes: 'system.views' })).toEqual([{ v: 2, key: { _id: 1 }, name: '_id_' }])
})

test('system.views is listed as a collection while there are views', async () => {
  const server = await openServer()
  const listed = () => firstBatch(server, { listCollections: 1, filter: { name: 'system.views' } })
  expect(await listed()).toEqual([])
  expect(await server.reply({ listIndexes: 'system.views' })).toMatchObject({ code: 26 })
  expect(await server.reply({ convertToCapped: 'system.views', size: 4096 })).toMatchObject({ code: 26 })
  await server.run({ create: 'v', viewOn: 'c' })
  const [shown] = await listed()
  expect(shown).toMatchObject({ type: 'collection', info: { readOnly: false }, idIndex: { name: '_id_' } })
  expect(await listed()).toEqual([shown])
  expect(await server.reply({ convertToCapped: 'system.views', size: 4096 })).toMatchObject({ code: 2 })
  await server.run({ drop: 'v' })
  expect(await listed()).toEqual([])
})

test('to drop system.views is to drop the views of the database', async () => {
  const server = await withViews()
  await server.run({ insert: 'c', documents: [{ _id: 1 }] })
  expect(await server.run({ drop: 'system.views' })).toMatchObject({ nIndexesWas: 1, ns: 'test.system.views' })
  expect(await firstBatch(server, { listCollections: 1, nameOnly: true })).toEqual([{ name: 'c', type: 'collection' }])
  expect(await firstBatch(server, { find: 'system.views', $db: 'other' })).toHaveLength(1)
})
