/** Filters by where geometries lie, wherever filters stand. */
import { expect, test } from 'vitest'
import { box, point } from '../geo/testdata/geojson.ts'
import { openServer, type TestServer } from './testdata/server.ts'

const inside = { loc: { $geoWithin: { $geometry: box(0, 0, 10) } } }
const met = { loc: { $geoIntersects: { $geometry: box(0, 0, 10) } } }
const documents = [
  { _id: 0, n: 1, loc: point(5, 5) },
  { _id: 1, n: 1, loc: [50, 50] },
  { _id: 2, n: 2, loc: box(5, 5, 10) },
  {
    _id: 3,
    n: 2,
    loc: [
      [60, 60],
      [1, 1],
    ],
  },
  { _id: 4, n: 3 },
  { _id: 5, n: 3, loc: 'nowhere' },
]

async function filled(): Promise<TestServer> {
  const server = await openServer()
  await server.run({ insert: 'c', documents })
  return server
}

async function ids(server: TestServer, command: Record<string, unknown>): Promise<unknown[]> {
  const { cursor } = await server.run(command)
  return (cursor as { firstBatch: { _id: unknown }[] }).firstBatch.map(({ _id }) => _id)
}

test('they find, count and tell what is distinct', async () => {
  const server = await filled()
  expect(await ids(server, { find: 'c', filter: inside })).toEqual([0, 3])
  expect(await ids(server, { find: 'c', filter: met, sort: { _id: -1 } })).toEqual([3, 2, 0])
  expect(await ids(server, { aggregate: 'c', pipeline: [{ $match: met }, { $match: inside }], cursor: {} })).toEqual([
    0, 3,
  ])
  expect(await server.run({ count: 'c', query: met })).toMatchObject({ n: 3 })
  expect(await server.run({ distinct: 'c', key: 'n', query: met })).toMatchObject({ values: [1, 2] })
})

test('they choose what is updated, deleted and joined', async () => {
  const server = await filled()
  await server.run({ update: 'c', updates: [{ q: inside, u: { $set: { seen: true } }, multi: true }] })
  expect(await ids(server, { find: 'c', filter: { seen: true } })).toEqual([0, 3])
  await server.run({ update: 'c', updates: [{ q: { _id: 3 }, u: { $pull: { loc: inside.loc } } }] })
  expect(await ids(server, { find: 'c', filter: inside })).toEqual([0])
  const pipeline = [
    { $limit: 1 },
    { $lookup: { from: 'c', pipeline: [{ $match: met }], as: 'found' } },
    { $unwind: '$found' },
    { $replaceWith: '$found' },
  ]
  expect(await ids(server, { aggregate: 'c', pipeline, cursor: {} })).toEqual([0, 2])
  expect(await server.run({ delete: 'c', deletes: [{ q: { $nor: [met] }, limit: 0 }] })).toMatchObject({ n: 4 })
})

test('they make a view', async () => {
  const server = await filled()
  await server.run({ create: 'v', viewOn: 'c', pipeline: [{ $match: met }] })
  expect(await ids(server, { find: 'v', filter: { n: 2 } })).toEqual([2, 3])
})

test('they say what a collection takes', async () => {
  const server = await openServer()
  await server.run({ create: 'c', validator: inside })
  expect(await server.run({ insert: 'c', documents: documents.slice(0, 1) })).toMatchObject({ n: 1 })
  expect(await server.run({ insert: 'c', documents: documents.slice(1) })).toMatchObject({
    n: 0,
    writeErrors: [{ code: 121 }],
  })
})

test('they say what an index holds, and it serves the same filter', async () => {
  const server = await filled()
  const index = { key: { n: 1 }, name: 'n', partialFilterExpression: inside }
  await server.run({ createIndexes: 'c', indexes: [index] })
  const planOf = async (filter: object) => {
    const { queryPlanner } = await server.run({ explain: { find: 'c', filter }, verbosity: 'queryPlanner' })
    return JSON.stringify(queryPlanner)
  }
  expect(await planOf({ n: { $gte: 1 }, ...inside })).toContain('"IXSCAN"')
  expect(await planOf({ n: { $gte: 1 }, ...met })).toContain('"COLLSCAN"')
  expect(await planOf({ n: { $gte: 1 }, loc: { $geoWithin: { $geometry: box(0, 0, 11) } } })).toContain('"COLLSCAN"')
  expect(await ids(server, { find: 'c', filter: { n: { $gte: 1 }, ...inside }, hint: 'n' })).toEqual([0, 3])
})

test('explain shows them as they were given', async () => {
  const server = await filled()
  const { queryPlanner } = await server.run({ explain: { find: 'c', filter: inside }, verbosity: 'queryPlanner' })
  expect(queryPlanner).toMatchObject({ winningPlan: { stage: 'COLLSCAN', filter: inside } })
})

test('a long geometry is looked at elsewhere', async () => {
  const server = await openServer()
  const ring = Array.from({ length: 20_000 }, (_, i) => {
    const angle = (i / 20_000) * 2 * Math.PI
    return [50 + 5 * Math.cos(angle), 5 * Math.sin(angle)]
  })
  ring.push(ring[0]!)
  await server.run({ insert: 'c', documents: [{ _id: 1, loc: { type: 'Polygon', coordinates: [ring] } }] })
  expect(await ids(server, { find: 'c', filter: { loc: { $geoIntersects: { $geometry: point(50, 1) } } } })).toEqual([
    1,
  ])
  expect(await ids(server, { find: 'c', filter: { loc: { $geoWithin: { $center: [[0, 0], 1e9] } } } })).toEqual([])
  expect(server.database.detours.count).toBe(2)
})

const near = { loc: { $near: [5, 5] } }

test.each<[string, Record<string, unknown>, number]>([
  ['find', { find: 'c', filter: near }, 291],
  ['count', { count: 'c', query: { n: 1, ...near } }, 291],
  ['explain', { explain: { find: 'c', filter: near } }, 291],
  ['find by _id', { find: 'c', filter: { _id: 1, ...near } }, 291],
  ['find of several', { find: 'c', filter: { $and: [near, near] } }, 2],
  ['find of one of several', { find: 'c', filter: { $or: [near, { n: 1 }] } }, 2],
  ['find of none', { find: 'c', filter: { loc: { $not: near.loc } } }, 2],
  ['a pipeline', { aggregate: 'c', pipeline: [{ $match: near }], cursor: {} }, 5626500],
])('what is nearest cannot be told by %s', async (_, command, code) => {
  const server = await filled()
  expect(await server.reply(command)).toMatchObject({ ok: 0, code })
  // Of a collection that is not there it is known that nothing is near.
  const elsewhere = JSON.parse(JSON.stringify(command).replaceAll('"c"', '"d"'))
  expect(await server.reply(elsewhere)).toMatchObject(code === 291 ? { ok: 1 } : { ok: 0, code })
  expect(await server.reply({ update: 'c', updates: [{ q: near, u: { $set: { n: 5 } } }] })).toMatchObject({
    writeErrors: [{ code: 291 }],
  })
})
