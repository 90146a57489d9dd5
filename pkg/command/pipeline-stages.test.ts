/** Stages of pipelines that depend on what the command says besides, and on what kind of collection it names. */
import { Code, MaxKey, MinKey } from 'bson'
import { describe, expect, it } from 'vitest'
import { openServer } from './testdata/server.ts'

type Server = Awaited<ReturnType<typeof openServer>>

async function rows(
  server: Server,
  collection: string | 1,
  pipeline: readonly object[],
  more = {},
): Promise<unknown[]> {
  const reply = (await server.run({ aggregate: collection, pipeline, cursor: {}, ...more })) as {
    cursor: { firstBatch: unknown[] }
  }
  return reply.cursor.firstBatch
}

describe('read concerns', () => {
  it.each([
    ['$planCacheStats', 'c', 'majority'],
    ['$planCacheStats', 'c', 'linearizable'],
    ['$listClusterCatalog', 1, 'available'],
    ['$listClusterCatalog', 1, 'snapshot'],
    ['$currentOp', 1, 'majority'],
  ])('%s of %s refuses %s', async (stage, aggregate, level) => {
    const server = await openServer()
    await server.run({ create: 'c' })
    const command = { aggregate, pipeline: [{ [stage]: {} }], cursor: {}, readConcern: { level } }
    expect(await server.reply({ ...command, ...(stage === '$currentOp' ? { $db: 'admin' } : {}) })).toMatchObject({
      ok: 0,
      code: 72,
    })
  })

  it.each([{ $out: 'd' }, { $merge: 'd' }])('%o refuses linearizable, and takes majority', async (stage) => {
    const server = await openServer()
    await server.run({ insert: 'c', documents: [{ _id: 1 }] })
    const command = { aggregate: 'c', pipeline: [stage], cursor: {} }
    expect(await server.reply({ ...command, readConcern: { level: 'linearizable' } })).toMatchObject({ code: 72 })
    expect(await server.reply({ ...command, readConcern: { level: 'majority' } })).toMatchObject({ ok: 1 })
  })
})

describe('views', () => {
  async function viewed(): Promise<Server> {
    const server = await openServer()
    await server.run({ insert: 'c', documents: [{ _id: 1, x: 1 }] })
    await server.run({ createIndexes: 'c', indexes: [{ key: { x: 1 }, name: 'x_1' }] })
    await server.run({ create: 'plain', viewOn: 'c' })
    await server.run({ create: 'filtered', viewOn: 'plain', pipeline: [{ $match: { x: 1 } }] })
    return server
  }

  it('tell the indexes of the collection below, when there is no stage between', async () => {
    const server = await viewed()
    const names = [{ $indexStats: {} }, { $project: { _id: 0, name: 1 } }, { $sort: { name: 1 } }]
    expect(await rows(server, 'plain', names)).toEqual([{ name: '_id_' }, { name: 'x_1' }])
    expect(await server.reply({ aggregate: 'filtered', pipeline: names, cursor: {} })).toMatchObject({ code: 40602 })
  })

  it('are counted by $collStats of system.views', async () => {
    const server = await viewed()
    const count = [{ $collStats: { count: {} } }, { $project: { _id: 0, count: 1 } }]
    expect(await rows(server, 'system.views', count)).toEqual([{ count: 2 }])
    expect(await server.reply({ aggregate: 'system.views', pipeline: count, cursor: {}, $db: 'other' })).toMatchObject({
      code: 26,
    })
  })
})

it('a joining pipeline that begins with $documents is filtered by the local field', async () => {
  const server = await openServer()
  await server.run({
    insert: 'c',
    documents: [
      { _id: 1, v: 'a' },
      { _id: 2, v: 'z' },
    ],
  })
  const pipeline = [{ $documents: [{ f: 'a' }, { f: 'b' }] }]
  const join = { $lookup: { localField: 'v', foreignField: 'f', pipeline, as: 'joined' } }
  expect(await rows(server, 'c', [join])).toEqual([
    { _id: 1, v: 'a', joined: [{ f: 'a' }] },
    { _id: 2, v: 'z', joined: [] },
  ])
})

it('$queryStats runs on admin alone', async () => {
  const server = await openServer()
  expect(await rows(server, 1, [{ $queryStats: {} }], { $db: 'admin' })).toEqual([])
  const refused = (operand: unknown, more = {}): Promise<unknown> =>
    server.reply({ aggregate: 1, pipeline: [{ $queryStats: operand }], cursor: {}, $db: 'admin', ...more })
  expect(await refused({}, { $db: 'test' })).toMatchObject({ code: 73 })
  expect(await refused(1)).toMatchObject({ code: 9 })
  expect(await refused({ x: 1 })).toMatchObject({ code: 40415 })
  expect(await refused({ transformIdentifiers: {} })).toMatchObject({ code: 40414 })
  expect(await refused({ transformIdentifiers: { algorithm: 'rot13' } })).toMatchObject({ code: 2 })
})

it('says that a collection is missing before it says where a stage may stand', async () => {
  const server = await openServer()
  const pipeline = [{ $match: {} }, { $listClusterCatalog: {} }]
  expect(await server.reply({ aggregate: 1, pipeline, cursor: {} })).toMatchObject({ code: 73 })
})

it('sorts by metadata that no stage gives as if it were not there', async () => {
  const server = await openServer()
  await server.run({
    insert: 'c',
    documents: [
      { _id: 1, v: 2 },
      { _id: 2, v: 1 },
    ],
  })
  const sorted = (meta: string): Promise<unknown[]> => rows(server, 'c', [{ $sort: { m: { $meta: meta }, v: 1 } }])
  for (const meta of ['randVal', 'searchScore', 'vectorSearchScore'])
    expect(await sorted(meta)).toEqual([
      { _id: 2, v: 1 },
      { _id: 1, v: 2 },
    ])
  expect(await rows(server, 'c', [{ $sort: { m: { $meta: 'randVal' } } }])).toHaveLength(2)
  await expect(sorted('other')).rejects.toThrow('Location31138')
})

it('windows that slide have the deviation and covariance that adding first and removing then leaves', async () => {
  const server = await openServer()
  const documents = [
    { _id: 1, x: 1, y: 10 },
    { _id: 2, x: 2, y: 20 },
    { _id: 3, x: Number.POSITIVE_INFINITY, y: 30 },
    { _id: 4, x: 4, y: 40 },
    { _id: 5, x: 5, y: 50 },
  ]
  await server.run({ insert: 'c', documents })
  const output = {
    covariance: { $covariancePop: ['$x', '$y'], window: { documents: [-1, 1] } },
    deviation: { $stdDevPop: '$y', window: { documents: ['current', 'unbounded'] } },
  }
  const window = { $setWindowFields: { sortBy: { _id: 1 }, output } }
  expect(await rows(server, 'c', [window, { $project: { _id: 0, covariance: 1, deviation: 1 } }])).toEqual([
    { covariance: 2.5, deviation: 14.142135623730951 },
    { covariance: Number.POSITIVE_INFINITY, deviation: 11.180339887498949 },
    { covariance: Number.POSITIVE_INFINITY, deviation: 8.16496580927726 },
    { covariance: Number.POSITIVE_INFINITY, deviation: 5 },
    { covariance: 2.5000000000000107, deviation: 0 },
  ])
})

it('aggregate takes a number that is 1 alone in the place of a collection', async () => {
  const server = await openServer()
  const pipeline = [{ $documents: [{}] }]
  expect(await server.reply({ aggregate: 1.5, pipeline, cursor: {} })).toMatchObject({ code: 2 })
  expect(await server.reply({ aggregate: 1.0, pipeline, cursor: {} })).toMatchObject({ ok: 1 })
})

describe('MinKey, MaxKey and code that leave a group', () => {
  const values = [new MinKey(), new MaxKey(), new Code('f')]
  const grouped = { $group: { _id: '$v', first: { $first: '$v' }, all: { $push: '$v' } } }

  async function grouping(): Promise<Server> {
    const server = await openServer()
    await server.run({ insert: 'c', documents: values.map((v, _id) => ({ _id, v })) })
    return server
  }

  it('stay what they are when the group is the last stage', async () => {
    const found = (await rows(await grouping(), 'c', [grouped])) as { _id: unknown; all: unknown[] }[]
    expect(found).toEqual(values.map((v) => ({ _id: v, first: v, all: [v] })))
  })

  it('go on as MongoDB hands them to the next stage', async () => {
    const types = { $project: { id: { $type: '$_id' }, first: 1, all: 1 } }
    const shown = [{ '': new MinKey() }, { '': new MaxKey() }, 'f']
    expect(await rows(await grouping(), 'c', [grouped, types])).toEqual(
      shown.map((v) => ({ _id: v, first: v, all: [v], id: v === 'f' ? 'string' : 'object' })),
    )
  })

  it('are so in the buckets that $bucket gives', async () => {
    const server = await openServer()
    await server.run({ insert: 'c', documents: [{ _id: 1, v: 50 }] })
    const bucket = { groupBy: '$v', boundaries: [0, 10], default: new MaxKey() }
    expect(await rows(server, 'c', [{ $bucket: bucket }])).toEqual([{ _id: { '': new MaxKey() }, count: 1 }])
  })
})

it.each([
  [{ $where: 'true' }, 2],
  [{ $or: [{ a: 1 }, { $where: 'true' }] }, 2],
  [{ a: { $near: [1, 1] } }, 5626500],
  [{ a: { $not: { $nearSphere: [1, 1] } } }, 5626500],
  [{ $text: { $search: 'x' } }, 238],
])('refuses in $match what pipelines cannot do: %j', async (filter, code) => {
  const server = await openServer()
  const aggregate = (pipeline: object[]) => server.reply({ aggregate: 'c', pipeline, cursor: {} })
  expect(await aggregate([{ $match: filter }])).toMatchObject({ code })
  expect(await aggregate([{ $unionWith: { coll: 'c', pipeline: [{ $match: filter }] } }])).toMatchObject({ code })
})
