import { describe, expect, it } from 'vitest'
import { openServer, type TestServer } from './testdata/server.ts'

async function filled(): Promise<TestServer> {
  const server = await openServer()
  const documents = Array.from({ length: 40 }, (_, _id) => ({ _id, n: (_id * 7) % 40, tie: _id % 4, tags: ['x', 'y'] }))
  await server.run({ insert: 'c', documents })
  return server
}

async function rows(server: TestServer, pipeline: unknown[]): Promise<Record<string, unknown>[]> {
  const { cursor } = await server.run({ aggregate: 'c', pipeline, cursor: { batchSize: 1000 } })
  return (cursor as { firstBatch: Record<string, unknown>[] }).firstBatch
}

const byN = { $score: { score: '$n', scoreDetails: true } }
const byTie = { $score: { score: '$tie' } }
const shown = { $project: { n: 1, tie: 1, s: { $meta: 'score' } } }

const bySort = { $sort: { n: 1 } }
const rank = (pipelines: object, more: object = {}) => ({ $rankFusion: { input: { pipelines }, ...more } })
const fuse = (combination: object) => ({
  $scoreFusion: { input: { pipelines: { a: [byN] }, normalization: 'none' }, combination },
})

describe('scores', () => {
  it('order documents, the highest first, with other keys before and after them', async () => {
    const server = await filled()
    const sorted = await rows(server, [byTie, { $sort: { s: { $meta: 'score' }, n: 1 } }, shown])
    const expected = (await rows(server, [{ $project: { n: 1, tie: 1 } }])).map((row) => ({
      ...row,
      s: row['tie'],
    })) as { n: number; tie: number; s: unknown }[]
    expect(sorted).toEqual([...expected].sort((a, b) => b.tie - a.tie || a.n - b.n))
    const after = await rows(server, [byN, { $sort: { tie: 1, s: { $meta: 'score' } } }, { $limit: 7 }, shown])
    expect(after).toEqual(
      [...expected]
        .sort((a, b) => a.tie - b.tie || b.n - a.n)
        .slice(0, 7)
        .map((row) => ({ ...row, s: row.n })),
    )
  })

  it('stay with their documents through stages that pass them on', async () => {
    const server = await filled()
    const found = await rows(server, [
      byN,
      { $sort: { _id: -1 } },
      { $sample: { size: 40 } },
      { $match: { n: { $gt: 5 } } },
      { $unwind: '$tags' },
      { $replaceWith: { was: '$$ROOT', inside: { $meta: 'score' } } },
      { $redact: '$$KEEP' },
      { $set: { s: { $meta: 'score' }, details: { $meta: 'scoreDetails' } } },
      { $sort: { 'was.n': 1 } },
      { $set: { again: { $meta: 'score' } } },
    ])
    expect(found).toHaveLength(68)
    for (const { was, s, inside, again, details } of found as { was: { n: number }; [name: string]: unknown }[]) {
      expect([s, inside, again]).toEqual([was.n, was.n, was.n])
      expect(details).toMatchObject({ value: was.n, rawScore: was.n })
    }
  })

  it('keep what documents have of fields with odd names', async () => {
    const server = await openServer()
    await server.run({
      insert: 'c',
      documents: [
        { _id: 1, $score: 'mine', n: 1 },
        { _id: 2, n: 2 },
      ],
    })
    const sorted = await rows(server, [{ $score: { score: '$n' } }, { $sort: { x: { $meta: 'score' } } }])
    expect(sorted).toEqual([
      { _id: 2, n: 2 },
      { _id: 1, $score: 'mine', n: 1 },
    ])
  })

  const scoreOf = { $meta: 'score' }
  const join = { from: 'c', localField: 'tie', foreignField: '_id' }
  it.each<[string, object[]]>([
    ['$lookup by fields', [{ $lookup: { ...join, as: 'others' } }]],
    ['$lookup by a pipeline', [{ $lookup: { from: 'c', pipeline: [{ $limit: 1 }], as: 'others' } }]],
    ['$lookup by both', [{ $lookup: { ...join, pipeline: [{ $set: { x: 1 } }], as: 'others' } }]],
    ['$lookup and $unwind', [{ $lookup: { ...join, as: 'others' } }, { $unwind: '$others' }]],
    [
      '$lookup that takes it along',
      [
        {
          $lookup: {
            from: 'c',
            let: { score: scoreOf },
            pipeline: [{ $match: { $expr: { $eq: ['$n', '$$score'] } } }],
            as: 'same',
          },
        },
        { $match: { $expr: { $eq: ['$same.n', ['$n']] } } },
      ],
    ],
    [
      '$graphLookup',
      [{ $graphLookup: { from: 'c', startWith: '$tie', connectFromField: 'x', connectToField: '_id', as: 'o' } }],
    ],
    [
      '$setWindowFields',
      [{ $setWindowFields: { partitionBy: '$tie', sortBy: { _id: -1 }, output: { r: { $rank: {} } } } }],
    ],
    ['$setWindowFields of all', [{ $setWindowFields: { output: { sum: { $sum: '$n' } } } }]],
    ['$fill', [{ $fill: { sortBy: { n: 1 }, output: { x: { method: 'locf' } } } }]],
    ['$unionWith', [{ $unionWith: { coll: 'c', pipeline: [byN, { $match: { n: { $lt: 3 } } }] } }]],
  ])('come through %s', async (_, stages) => {
    const server = await filled()
    await server.run({ createIndexes: 'c', indexes: [{ key: { tie: 1 }, name: 'tie' }] })
    const found = await rows(server, [byN, ...stages, { $set: { s: scoreOf, details: { $meta: 'scoreDetails' } } }])
    expect(found.length).toBe(stages[0] !== undefined && '$unionWith' in stages[0] ? 43 : 40)
    for (const { n, s, details, ...rest } of found) {
      expect([s, details]).toEqual([n, expect.objectContaining({ value: n, rawScore: n })])
      expect(Object.keys(rest).filter((name) => name.startsWith('$'))).toEqual([])
    }
  })

  it('are named by groups and windows', async () => {
    const server = await filled()
    const totals = [0, 1, 2, 3].map((tie) => {
      const all = Array.from({ length: 40 }, (__, id) => id)
        .filter((id) => id % 4 === tie)
        .map((id) => (id * 7) % 40)
      return { tie, sum: all.reduce((a, b) => a + b), most: Math.max(...all), all }
    })
    const group = {
      $group: { _id: '$tie', sum: { $sum: scoreOf }, top: { $top: { sortBy: { s: scoreOf }, output: '$n' } } },
    }
    const grouped = await rows(server, [byN, group, { $sort: { _id: 1 } }])
    expect(grouped).toEqual(totals.map(({ tie, sum, most }) => ({ _id: tie, sum, top: most })))
    expect(await rows(server, [byTie, { $group: { _id: scoreOf, n: { $sum: 1 } } }, { $sort: { _id: 1 } }])).toEqual(
      [0, 1, 2, 3].map((_id) => ({ _id, n: 10 })),
    )
    expect(await rows(server, [byTie, { $sortByCount: scoreOf }, { $count: 'n' }])).toEqual([{ n: 4 }])
    const output = { sum: { $sum: scoreOf } }
    expect(await rows(server, [byTie, { $bucket: { groupBy: scoreOf, boundaries: [0, 2, 4], output } }])).toEqual([
      { _id: 0, sum: 10 },
      { _id: 2, sum: 50 },
    ])
    expect(await rows(server, [byTie, { $bucketAuto: { groupBy: scoreOf, buckets: 2, output } }])).toEqual([
      { _id: { min: 0, max: 2 }, sum: 10 },
      { _id: { min: 2, max: 3 }, sum: 50 },
    ])
    const window = {
      $setWindowFields: {
        partitionBy: { $mod: [scoreOf, 2] },
        sortBy: { s: scoreOf },
        output: {
          before: { $push: scoreOf, window: { documents: [-1, 0] } },
          roots: { $push: '$$ROOT', window: { documents: ['current', 'current'] } },
          rank: { $rank: {} },
        },
      },
    }
    const windows = await rows(server, [byTie, window, { $project: { before: 1, rank: 1, roots: 1, tie: 1, _id: 0 } }])
    expect(windows.map(({ tie, rank }) => [tie, rank])).toEqual(
      [2, 0, 3, 1].flatMap((tie) => Array.from({ length: 10 }, () => [tie, tie > 1 ? 1 : 11])),
    )
    for (const { roots } of windows as { roots: [object] }[])
      expect(Object.keys(roots[0])).toEqual(['_id', 'n', 'tie', 'tags'])
    expect(windows[10]).toMatchObject({ before: [2, 0] })
  })

  it('are there in the pipelines of a $facet, and after fusions', async () => {
    const server = await filled()
    const [facets] = await rows(server, [
      byN,
      { $facet: { top: [{ $sort: { s: { $meta: 'score' } } }, { $limit: 2 }, shown], some: [{ $limit: 1 }, shown] } },
    ])
    expect(facets).toMatchObject({
      top: [
        { n: 39, s: 39 },
        { n: 38, s: 38 },
      ],
      some: [{ n: 0, s: 0 }],
    })
    const fused = await rows(server, [
      { $rankFusion: { input: { pipelines: { a: [{ $sort: { n: 1 } }] } } } },
      { $sort: { s: { $meta: 'score' } } },
      shown,
      { $limit: 2 },
    ])
    expect(fused.map(({ n }) => n)).toEqual([0, 1])
    expect(fused[0]!['s']).toBeCloseTo(1 / 61)
  })

  it('are fused when an input sorts after scoring', async () => {
    const server = await filled()
    const fused = await rows(server, [
      {
        $scoreFusion: {
          input: {
            pipelines: {
              a: [byN, { $sort: { s: { $meta: 'score' } } }, { $limit: 3 }],
              b: [{ $match: { n: { $lt: 2 } } }, { $score: { score: 100 } }, { $sort: { n: 1 } }],
            },
            normalization: 'none',
          },
        },
      },
      shown,
    ])
    expect(fused.map(({ n, s }) => [n, s])).toEqual([
      [0, 50],
      [1, 50],
      [39, 19.5],
      [38, 19],
      [37, 18.5],
    ])
  })

  it.each([
    [[{ $project: { s: { $meta: 'score' } } }], 40218],
    [[{ $set: { s: { $meta: 'scoreDetails' } } }], 40218],
    [[byTie, { $set: { s: { $meta: 'scoreDetails' } } }], 40218],
    [[{ $set: { s: { $meta: 'score' } } }, byN], 40218],
    [[byN, { $group: { _id: '$tie' } }, shown], 40218],
    [[byN, { $sortByCount: '$tie' }, shown], 40218],
    [[byN, { $facet: { a: [shown] } }, shown], 40218],
    [[{ $facet: { a: [shown] } }], 40218],
    [[{ $sort: { s: { $meta: 'score' } } }], 40218],
    [[byN, { $unionWith: { coll: 'c', pipeline: [shown] } }], 40218],
    [[{ $sort: { s: { $meta: 'scoreDetails' } } }], 31138],
    [[shown, { $nothing: 1 }], 40324],
    [[{ $project: { s: { $meta: 'other' } } }], 17308],
    [[byN, { $lookup: { from: 'c', pipeline: [shown], as: 'x' } }], 40218],
    [[byN, { $densify: { field: 'n', range: { step: 1, bounds: 'full' } } }, shown], 238],
    [[{ $rankFusion: { input: { pipelines: { a: [] } } } }], 9834300],
    [[{ $rankFusion: { input: { pipelines: { a: [byN, { $sort: { n: 1 } }] } } } }], 10614800],
    [[{ $rankFusion: { input: { pipelines: { a: [{ $project: { n: 1 } }] } } } }], 9191100],
    [[{ $scoreFusion: { input: { pipelines: { a: [] }, normalization: 'none' } } }], 9402503],
    [[{ $scoreFusion: { input: { pipelines: { a: [{ $sort: { n: 1 } }] }, normalization: 'none' } } }], 9402500],
    [[{ $rankFusion: 1 }], 9],
    [[rank({})], 2],
    [[rank({ a: 5 })], 14],
    [[rank({ a: [5] })], 14],
    [[rank({ '': [bySort] })], 15998],
    [[rank({ $a: [bySort] })], 16410],
    [[rank({ 'a.b': [bySort] })], 16412],
    [[rank({ a: [bySort] }, { scoreDetails: 1 })], 14],
    [[rank({ a: [bySort] }, { combination: {} })], 40414],
    [[fuse({ method: 'avg', expression: 1 })], 10017300],
    [[fuse({ method: 'expression' })], 10017300],
    [[fuse({ method: 'expression', expression: 1, weights: { a: 1 } })], 10017301],
    [[{ $score: { score: 1, weight: 1.5 } }], 2],
  ])('are refused in %j with %d', async (pipeline, code) => {
    const server = await filled()
    expect(await server.reply({ aggregate: 'c', pipeline, cursor: {} })).toMatchObject({ ok: 0, code })
  })

  it('are those that a view gives', async () => {
    const server = await filled()
    await server.run({ create: 'v', viewOn: 'c', pipeline: [byN] })
    const { cursor } = await server.run({ aggregate: 'v', pipeline: [{ $limit: 2 }, shown], cursor: {} })
    expect((cursor as { firstBatch: { n: number; s: number }[] }).firstBatch.map(({ n, s }) => [n, s])).toEqual([
      [0, 0],
      [7, 7],
    ])
  })

  it('do not sort what find gives', async () => {
    const server = await filled()
    expect(await server.reply({ find: 'c', sort: { s: { $meta: 'score' } } })).toMatchObject({ code: 40218 })
  })
})
