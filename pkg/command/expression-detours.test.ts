/** What expressions give is the same wherever they are computed: here, every document's are computed elsewhere. */
import { afterEach, expect, test } from 'vitest'
import { stepLimit } from '../expression/context.ts'
import { openServer, type TestServer } from './testdata/server.ts'

const { turn } = stepLimit
afterEach(() => {
  stepLimit.turn = turn
})

const documents = Array.from({ length: 40 }, (_, _id) => ({
  _id,
  group: _id % 4,
  name: `name ${_id % 7}`,
  values: Array.from({ length: 5 }, (__, i) => (i * 7 + _id) % 11),
  inner: { low: _id % 3, list: [{ n: _id }, { n: _id + 1 }] },
}))

async function filled(tickMs: number): Promise<TestServer> {
  const server = await openServer({ tickMs })
  await server.run({ create: 'capped', capped: true, size: 100_000 })
  await server.run({ create: 'view', viewOn: 'c', pipeline: [{ $set: { total: { $sum: '$values' } } }] })
  const given = { $ifNull: ['$values', []] }
  const validator = { $expr: { $lt: [{ $size: { $map: { input: given, in: '$$this' } } }, 10] } }
  await server.run({ create: 'valid', validator })
  for (const name of ['c', 'capped']) await server.run({ insert: name, documents })
  await server.run({ createIndexes: 'c', indexes: [{ key: { group: 1, name: 1 }, name: 'group' }] })
  return server
}

const isLarge = { $expr: { $gt: [{ $sum: { $map: { input: '$values', in: { $add: ['$$this', 1] } } } }, 30] } }
const sorted = { $sortArray: { input: '$values', sortBy: 1 } }
const kept = { $filter: { input: '$values', cond: { $gt: ['$$this', '$$least'] } } }
const sorted2 = { $sortArray: { input: { $map: { input: [5, 1, 9], in: { $add: ['$$this', 1] } } }, sortBy: 1 } }
const least = { least: { $add: [1, 2] } }

const pipeline = (...stages: object[]) => ({ aggregate: 'c', pipeline: stages, cursor: { batchSize: 3 }, let: least })

/** Each gives documents, by all its batches. */
const reads: readonly [string, Record<string, unknown>][] = [
  ['filter of a scan', { find: 'c', filter: isLarge, batchSize: 3 }],
  ['filter after an index', { find: 'c', filter: { group: { $in: [1, 2] }, ...isLarge }, batchSize: 2 }],
  ['filter after _id', { find: 'c', filter: { _id: { $in: [1, 9, 5, 31] }, ...isLarge } }],
  [
    'merged by an index',
    { find: 'c', filter: { group: { $in: [1, 3] }, ...isLarge }, sort: { name: 1 }, hint: 'group' },
  ],
  [
    'any of several',
    {
      find: 'c',
      filter: {
        $or: [
          { group: 1, ...isLarge },
          { group: 2, name: 'name 3' },
        ],
      },
    },
  ],
  ['sorted', { find: 'c', filter: isLarge, sort: { name: -1, _id: 1 }, skip: 2, limit: 9 }],
  ['projection', { find: 'c', projection: { sorted, kept, group: 1 }, let: least, batchSize: 4 }],
  ['projection of a filter', { find: 'c', filter: isLarge, projection: { sorted }, showRecordId: true }],
  ['metadata', { find: 'c', sort: { name: 1 }, projection: { key: { $meta: 'sortKey' }, sorted } }],
  ['backwards', { find: 'c', filter: isLarge, sort: { $natural: -1 } }],
  ['view', { find: 'view', filter: { total: { $gt: 20 } }, projection: { sorted } }],
  ['capped', { find: 'capped', filter: isLarge, projection: { sorted }, batchSize: 2, showRecordId: true }],
  ['$match', pipeline({ $set: { n: sorted } }, { $match: isLarge })],
  ['$project', pipeline({ $project: { sorted, kept, group: 1 } }, { $set: { again: { $reverseArray: '$sorted' } } })],
  ['$addFields of arrays', pipeline({ $addFields: { 'inner.list.all': sorted, two: kept } })],
  ['$replaceWith', pipeline({ $replaceWith: { $mergeObjects: ['$inner', { sorted }] } })],
  [
    '$group',
    pipeline({ $group: { _id: sorted, ids: { $push: '$_id' }, all: { $push: kept } } }, { $sort: { ids: 1 } }),
  ],
  [
    '$group of elements',
    pipeline(
      { $unwind: '$values' },
      { $group: { _id: { $size: { $setUnion: [['$values'], [3, 4]] } }, n: { $sum: 1 } } },
    ),
  ],
  ['$sort', pipeline({ $set: { sorted } }, { $sort: { sorted: 1, _id: 1 } }, { $limit: 7 })],
  ['$sortByCount', pipeline({ $sortByCount: { $slice: [sorted, 1] } }, { $sort: { _id: 1 } })],
  [
    '$facet',
    pipeline({
      $facet: { a: [{ $project: { sorted } }], b: [{ $match: isLarge }, { $count: 'n' }], c: [{ $skip: 38 }] },
    }),
  ],
  [
    '$lookup',
    pipeline(
      { $limit: 6 },
      {
        $lookup: {
          from: 'c',
          let: { mine: sorted },
          pipeline: [
            { $match: { $expr: { $eq: [{ $slice: ['$$mine', 2] }, { $slice: [sorted, 2] }] } } },
            { $project: { n: { $size: { $setIntersection: ['$values', '$$mine'] } } } },
          ],
          as: 'others',
        },
      },
    ),
  ],
  ['$unionWith', pipeline({ $unionWith: { coll: 'capped', pipeline: [{ $match: isLarge }, { $set: { kept } }] } })],
  [
    '$setWindowFields',
    pipeline({
      $setWindowFields: {
        partitionBy: { $size: { $setUnion: ['$values', [3, 4]] } },
        sortBy: { _id: 1 },
        output: { n: { $sum: '$_id' } },
      },
    }),
  ],
  [
    'windows',
    pipeline({
      $setWindowFields: {
        partitionBy: '$group',
        sortBy: { _id: 1 },
        output: {
          all: { $push: sorted, window: { documents: [-1, 1] } },
          sum: { $sum: { $first: sorted }, window: { documents: [-2, 0] } },
          near: { $avg: { $last: sorted }, window: { range: [-5, 5] } },
          first: { $first: kept },
          shifted: { $shift: { output: sorted, by: 1, default: { $first: { $map: { input: [1], in: '$$this' } } } } },
          moving: { $expMovingAvg: { input: { $last: sorted }, N: 3 } },
          slope: { $derivative: { input: { $first: sorted } }, window: { documents: [-1, 0] } },
          area: { $integral: { input: { $first: sorted } }, window: { documents: [-2, 0] } },
          covariance: { $covariancePop: [{ $first: sorted }, { $last: sorted }], window: { documents: [-2, 0] } },
          scaled: { $minMaxScaler: { input: { $last: sorted } } },
          carried: { $locf: { $first: kept } },
          filled: { $linearFill: { $first: kept } },
          least: { $minN: { input: { $last: sorted }, n: { $size: { $map: { input: [1, 2], in: '$$this' } } } } },
          rank: { $rank: {} },
        },
      },
    }),
  ],
  [
    '$redact',
    pipeline({
      $redact: {
        $cond: [
          { $gt: [{ $sum: { $map: { input: { $ifNull: ['$values', [9]] }, in: '$$this' } } }, 20] },
          '$$DESCEND',
          '$$PRUNE',
        ],
      },
    }),
  ],
  [
    '$bucket',
    pipeline({
      $bucket: {
        groupBy: { $sum: sorted },
        boundaries: [0, 20, 30],
        default: 'more',
        output: { ids: { $push: '$_id' }, all: { $push: kept } },
      },
    }),
  ],
  [
    '$bucketAuto',
    pipeline({
      $bucketAuto: { groupBy: { $sum: sorted }, buckets: 3, output: { ids: { $push: '$_id' }, all: { $push: kept } } },
    }),
  ],
  [
    '$firstN of groups',
    pipeline({
      $group: {
        _id: { group: '$group' },
        few: {
          $firstN: {
            input: '$_id',
            n: { $size: { $map: { input: { $range: [0, { $add: ['$group', 1] }] }, in: 1 } } },
          },
        },
      },
    }),
  ],
  [
    '$graphLookup',
    pipeline({
      $graphLookup: {
        from: 'c',
        startWith: sorted,
        connectFromField: 'group',
        connectToField: '_id',
        as: 'others',
        maxDepth: 1,
      },
    }),
  ],
  [
    '$densify',
    pipeline(
      { $densify: { field: 'inner.low', partitionByFields: ['inner.name'], range: { step: 0.5, bounds: 'full' } } },
      { $set: { sorted } },
    ),
  ],
  ['$score', pipeline({ $score: { score: { $sum: sorted }, weight: 0.5 } }, { $set: { score: { $meta: 'score' } } })],
  [
    '$score by the least and greatest',
    pipeline(
      { $score: { score: { $sum: sorted }, normalization: 'minMaxScaler' } },
      { $set: { score: { $meta: 'score' } } },
    ),
  ],
  [
    'scores that are carried',
    pipeline(
      { $score: { score: { $sum: sorted } } },
      { $sort: { n: { $meta: 'score' }, _id: 1 } },
      {
        $lookup: {
          from: 'c',
          let: { s: { $sum: [{ $meta: 'score' }, { $first: sorted }] } },
          pipeline: [{ $limit: 1 }, { $project: { s: '$$s' } }],
          as: 'x',
        },
      },
      {
        $setWindowFields: {
          partitionBy: '$group',
          sortBy: { s: { $meta: 'score' } },
          output: {
            all: { $push: { $sum: [{ $meta: 'score' }, { $first: sorted }] }, window: { documents: [-1, 0] } },
          },
        },
      },
      {
        $group: {
          _id: '$group',
          sum: { $sum: { $add: [{ $meta: 'score' }, { $first: sorted }] } },
          all: { $push: '$all' },
        },
      },
    ),
  ],
  [
    '$documents',
    {
      aggregate: 1,
      pipeline: [
        { $documents: { $map: { input: { $range: [0, 30] }, in: { n: '$$this' } } } },
        { $match: { n: { $gt: 3 } } },
      ],
      cursor: { batchSize: 3 },
    },
  ],
  [
    'let',
    {
      find: 'c',
      filter: { $expr: { $in: ['$_id', '$$some'] } },
      let: { some: { $map: { input: [1, 5, 7], in: { $add: ['$$this', 2] } } } },
    },
  ],
  [
    'let of several',
    {
      aggregate: 'c',
      pipeline: [{ $match: { $expr: { $in: ['$_id', '$$more'] } } }],
      cursor: { batchSize: 3 },
      let: {
        some: { $map: { input: [1, 5, 7, 11], in: { $add: ['$$this', 2] } } },
        more: { $filter: { input: '$$some', cond: { $gt: ['$$this', 3] } } },
      },
    },
  ],
  ['$unwind', pipeline({ $set: { sorted } }, { $unwind: '$sorted' }, { $match: { sorted: { $gt: 8 } } })],
]

/** Replies but for what differs from run to run. */
async function outcome(server: TestServer, command: Record<string, unknown>): Promise<unknown> {
  const { lastErrorObject: _, ...reply } = await server.reply(command)
  return reply
}

/** Each changes `c`, or asks for a single reply. */
const others: readonly [string, Record<string, unknown>][] = [
  ['count', { count: 'c', query: isLarge }],
  ['count by index', { count: 'c', query: { group: 1, ...isLarge } }],
  ['distinct', { distinct: 'c', key: 'name', query: isLarge }],
  [
    'update by a pipeline',
    {
      update: 'c',
      updates: [{ q: {}, u: [{ $set: { sorted } }, { $set: { n: { $size: '$sorted' } } }], multi: true }],
    },
  ],
  ['update of what matches', { update: 'c', updates: [{ q: isLarge, u: { $inc: { n: 1 } }, multi: true }] }],
  ['update of the first', { update: 'c', updates: [{ q: { group: 2, ...isLarge }, u: [{ $set: { sorted } }] }] }],
  [
    'upsert',
    {
      update: 'c',
      updates: [{ q: { _id: 99 }, u: [{ $set: { values: { $range: [0, 5] } } }, { $set: { sorted } }], upsert: true }],
    },
  ],
  [
    'findAndModify',
    {
      findAndModify: 'c',
      query: isLarge,
      sort: { _id: -1 },
      update: [{ $set: { sorted } }],
      new: true,
      fields: { sorted: { $reverseArray: '$sorted' } },
    },
  ],
  [
    '$merge by a pipeline',
    {
      aggregate: 'c',
      pipeline: [
        { $set: { _id: { $add: ['$_id', 20] } } },
        {
          $merge: {
            into: 'c',
            let: { theirs: sorted },
            whenMatched: [{ $set: { sorted } }, { $set: { both: { $setUnion: ['$sorted', '$$theirs'] } } }],
          },
        },
      ],
      cursor: {},
    },
  ],
  [
    'let of an update',
    {
      update: 'c',
      let: { some: sorted2 },
      updates: [
        { q: { $expr: { $in: ['$_id', '$$some'] } }, u: { $inc: { n: 1 } }, multi: true },
        {
          q: { _id: 4 },
          u: [{ $set: { c: '$$c' } }],
          c: { c: sorted2 },
        },
      ],
    },
  ],
  [
    'let of a delete',
    { delete: 'c', let: { some: sorted2 }, deletes: [{ q: { $expr: { $in: ['$_id', '$$some'] } }, limit: 0 }] },
  ],
  [
    'let of findAndModify',
    {
      findAndModify: 'c',
      let: { some: sorted2 },
      query: { $expr: { $in: ['$_id', '$$some'] } },
      update: { $inc: { n: 1 } },
    },
  ],
  ['delete', { delete: 'c', deletes: [{ q: isLarge, limit: 0 }] }],
  ['delete one', { delete: 'c', deletes: [{ q: { group: 3, ...isLarge }, limit: 1 }] }],
  ['insert that is valid', { insert: 'valid', documents: documents.slice(0, 5) }],
  [
    'insert that is not',
    { insert: 'valid', documents: [{ _id: 1 }, { _id: 2, values: Array.from({ length: 10 }, () => 1) }, { _id: 3 }] },
  ],
  [
    'what fails',
    {
      aggregate: 'c',
      pipeline: [{ $project: { n: { $divide: [{ $sum: sorted }, { $subtract: ['$group', 3] }] } } }],
      cursor: {},
    },
  ],
]

test.each(reads)('%s', async (_, command) => {
  for (const tickMs of [0, 1]) {
    stepLimit.turn = turn
    const server = await filled(tickMs)
    const inPlace = await server.all(command)
    expect(inPlace.length).toBeGreaterThan(0)
    expect(server.database.detours.count).toBe(0)
    for (const steps of [0, 8, 20]) {
      stepLimit.turn = steps
      expect(await server.all(command)).toEqual(inPlace)
    }
    expect(server.database.detours.count).toBeGreaterThan(0)
    expect(server.engine.statistics().openSnapshotCount).toBe(0)
  }
})

test.each(others)('%s', async (_, command) => {
  const run = async (steps: number, tickMs: number) => {
    stepLimit.turn = turn
    const server = await filled(tickMs)
    stepLimit.turn = steps
    const reply = await outcome(server, command)
    expect(server.database.detours.count > 0).toBe(steps !== turn)
    stepLimit.turn = turn
    const left = [await server.all({ find: 'c', sort: { _id: 1 } }), await server.all({ find: 'valid' })]
    expect((await server.engine.check()).problems).toEqual([])
    return { reply, left }
  }
  const inPlace = await run(turn, 0)
  for (const steps of [0, 12]) for (const tickMs of [0, 1]) expect(await run(steps, tickMs)).toEqual(inPlace)
})

test('explain carries out what takes detours', async () => {
  const server = await filled(0)
  const explain = {
    explain: { count: 'c', query: { group: { $in: [1, 2] }, ...isLarge } },
    verbosity: 'allPlansExecution',
  }
  const returned = async () => {
    const { executionStats } = (await server.run(explain)) as {
      executionStats: { executionStages: { nCounted: number } }
    }
    return executionStats.executionStages.nCounted
  }
  const inPlace = await returned()
  stepLimit.turn = 0
  expect(await returned()).toBe(inPlace)
  expect(server.database.detours.count).toBeGreaterThan(0)
})

test('a document that is changed while its update is computed is computed anew', async () => {
  const server = await filled(0)
  stepLimit.turn = 0
  const stages = [{ $set: { sorted } }, { $set: { n: { $size: '$sorted' } } }]
  const long = server.run({ update: 'c', updates: [{ q: { _id: 5 }, u: stages }] })
  await server.connect(2).run({ update: 'c', updates: [{ q: { _id: 5 }, u: { $set: { values: [3, 1, 2, 0] } } }] })
  await long
  expect(await server.all({ find: 'c', filter: { _id: 5 }, projection: { sorted: 1, n: 1 } })).toEqual([
    { _id: 5, sorted: [0, 1, 2, 3], n: 4 },
  ])
})

test('what takes more steps than may ever be taken is refused', async () => {
  const server = await filled(0)
  await server.run({ setParameter: 1, expressionStepsMax: 1_000_000, $db: 'admin' })
  try {
    const project = (count: number) =>
      pipeline({ $limit: 1 }, { $project: { n: { $size: { $map: { input: { $range: ['$_id', count] }, in: 1 } } } } })
    expect(await server.all(project(150_000))).toEqual([{ _id: 0, n: 150_000 }])
    expect(await server.reply(project(600_000))).toMatchObject({ code: 262, codeName: 'ExceededTimeLimit' })
  } finally {
    await server.run({ setParameter: 1, expressionStepsMax: 1e10, $db: 'admin' })
  }
})
