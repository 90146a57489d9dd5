/** Pipelines over several collections, through the command path. */
import { describe, expect, it, test } from 'vitest'
import { openServer } from './testdata/server.ts'

type Server = Awaited<ReturnType<typeof openServer>>

async function rows(
  server: Server,
  collection: string | 1,
  pipeline: readonly object[],
  more: object = {},
): Promise<unknown[]> {
  const reply = (await server.run({ aggregate: collection, pipeline, cursor: {}, ...more })) as {
    cursor: { firstBatch: unknown[] }
  }
  return reply.cursor.firstBatch
}

const authors = [
  { _id: 1, name: 'Ada', tags: ['x', 'y'] },
  { _id: 2, name: 'Bob', tags: [] },
  { _id: 3, name: null },
  { _id: 4 },
]
const books = [
  { _id: 10, by: 'Ada', tag: 'x' },
  { _id: 11, by: 'Bob', tag: ['y', 'z'] },
  { _id: 12, by: null },
  { _id: 13 },
  { _id: 14, by: 'Ada', tag: 'q' },
]

async function library(): Promise<Server> {
  const server = await openServer()
  await server.run({ insert: 'authors', documents: authors })
  await server.run({ insert: 'books', documents: books })
  return server
}

describe('$lookup', () => {
  const byName = { $lookup: { from: 'books', localField: 'name', foreignField: 'by', as: 'books' } }
  const byTag = { $lookup: { from: 'books', localField: 'tags', foreignField: 'tag', as: 'books' } }
  const ids = { $project: { books: '$books._id' } }

  it('joins by equality, null and missing alike', async () => {
    const server = await library()
    expect(await rows(server, 'authors', [byName, ids])).toEqual([
      { _id: 1, books: [10, 14] },
      { _id: 2, books: [11] },
      { _id: 3, books: [12, 13] },
      { _id: 4, books: [12, 13] },
    ])
  })

  it('gives the same with an index as without', async () => {
    const server = await library()
    const sorted = [byTag, { $unwind: '$books' }, { $sort: { _id: 1, 'books._id': 1 } }]
    const without = [await rows(server, 'authors', sorted), await rows(server, 'authors', [byName, ids])]
    await server.run({
      createIndexes: 'books',
      indexes: [
        { key: { by: 1 }, name: 'by' },
        { key: { tag: 1 }, name: 'tag' },
      ],
    })
    expect([await rows(server, 'authors', sorted), await rows(server, 'authors', [byName, ids])]).toEqual(without)
  })

  it('gives the pipeline its variables', async () => {
    const server = await library()
    const pipeline = [{ $match: { $expr: { $eq: ['$by', '$$name'] } } }, { $project: { _id: 1, who: '$$name' } }]
    const found = await rows(server, 'authors', [
      { $match: { _id: 1 } },
      { $lookup: { from: 'books', let: { name: '$name' }, pipeline, as: 'books' } },
    ])
    expect(found).toMatchObject([
      {
        books: [
          { _id: 10, who: 'Ada' },
          { _id: 14, who: 'Ada' },
        ],
      },
    ])
  })

  it('unwound at once is what it is unwound afterwards', async () => {
    const server = await library()
    const unwind = { $unwind: { path: '$books', includeArrayIndex: 'n', preserveNullAndEmptyArrays: true } }
    const fused = await rows(server, 'authors', [byTag, unwind])
    const apart = await rows(server, 'authors', [byTag, { $skip: 0 }, unwind])
    expect(fused).toEqual(apart)
  })
})

describe('writing stages', () => {
  it('$out replaces a collection with its indexes kept', async () => {
    const server = await library()
    await server.run({ insert: 'target', documents: [{ _id: 'old' }] })
    await server.run({ createIndexes: 'target', indexes: [{ key: { by: 1 }, name: 'by' }] })
    expect(await rows(server, 'books', [{ $match: { by: 'Ada' } }, { $out: 'target' }])).toEqual([])
    expect(await rows(server, 'target', [{ $project: { _id: 1 } }])).toEqual([{ _id: 10 }, { _id: 14 }])
    const listed = (await server.run({ listIndexes: 'target' })) as { cursor: { firstBatch: unknown[] } }
    expect(listed.cursor.firstBatch).toHaveLength(2)
    const names = (await server.run({ listCollections: 1, nameOnly: true })) as {
      cursor: { firstBatch: { name: string }[] }
    }
    expect(names.cursor.firstBatch.map(({ name }) => name).sort()).toEqual(['authors', 'books', 'target'])
  })

  it('$out that fails leaves the collection as it was', async () => {
    const server = await library()
    await server.run({ insert: 'target', documents: [{ _id: 'old' }] })
    const failed = await server.reply({
      aggregate: 'books',
      pipeline: [{ $set: { _id: 1 } }, { $out: 'target' }],
      cursor: {},
    })
    expect(failed).toMatchObject({ ok: 0, code: 11000 })
    expect(await rows(server, 'target', [])).toEqual([{ _id: 'old' }])
  })

  it('$out that a crash has cut short leaves nothing behind', async () => {
    const server = await library()
    // What a process that was killed within it has left.
    await server.run({ insert: 'tmp.agg_out.0123456789abcdef01234567', documents: [{ _id: 1 }] })
    await server.run({ insert: 'tmp.agg_out.mine', documents: [{ _id: 1 }] })
    const next = await openServer({ world: server.world.crash() })
    const reply = await next.run({ listCollections: 1, nameOnly: true })
    const { firstBatch } = reply['cursor'] as { firstBatch: { name: string }[] }
    expect(firstBatch.map(({ name }) => name).sort()).toEqual(['authors', 'books', 'tmp.agg_out.mine'])
  })

  it('$merge inserts, merges, replaces, keeps and computes', async () => {
    const server = await library()
    const target = [{ _id: 10, kept: 1, n: 1 }]
    for (const [whenMatched, expected] of [
      ['merge', { _id: 10, kept: 1, n: 2 }],
      ['replace', { _id: 10, n: 2 }],
      ['keepExisting', { _id: 10, kept: 1, n: 1 }],
      [[{ $set: { n: { $add: ['$n', '$$new.n'] } } }], { _id: 10, kept: 1, n: 3 }],
    ] as const) {
      await server.run({ drop: 'target' })
      await server.run({ insert: 'target', documents: target })
      const into = { $merge: { into: 'target', whenMatched } }
      await rows(server, 'books', [{ $match: { by: 'Ada' } }, { $project: { n: { $literal: 2 } } }, into])
      expect(await rows(server, 'target', [{ $sort: { _id: 1 } }])).toEqual([expected, { _id: 14, n: 2 }])
    }
  })
})

describe('views', () => {
  it('are read by find, count, distinct and aggregate, one over the other', async () => {
    const server = await library()
    await server.run({ create: 'named', viewOn: 'books', pipeline: [{ $match: { by: { $ne: null } } }] })
    await server.run({ create: 'short', viewOn: 'named', pipeline: [{ $project: { by: 1 } }] })
    const found = (await server.run({ find: 'short', filter: { by: 'Ada' }, sort: { _id: -1 }, limit: 1 })) as {
      cursor: { firstBatch: unknown[] }
    }
    expect(found.cursor.firstBatch).toEqual([{ _id: 14, by: 'Ada' }])
    expect(await server.run({ count: 'short' })).toMatchObject({ n: 3 })
    expect(await server.run({ distinct: 'short', key: 'by' })).toMatchObject({ values: ['Ada', 'Bob'] })
    expect(await rows(server, 'short', [{ $group: { _id: '$by', n: { $sum: 1 } } }, { $sort: { _id: 1 } }])).toEqual([
      { _id: 'Ada', n: 2 },
      { _id: 'Bob', n: 1 },
    ])
    expect(await server.reply({ insert: 'short', documents: [{}] })).toMatchObject({ writeErrors: [{ code: 166 }] })
    expect(await server.reply({ create: 'named', viewOn: 'short', pipeline: [] })).toMatchObject({ ok: 0 })
  })
})

describe('a cursor over a pipeline', () => {
  it('goes on at its moment while others write', async () => {
    const server = await openServer({ tickMs: 1 })
    const count = 3000
    const documents = Array.from({ length: count }, (_, _id) => ({ _id, group: _id % 7 }))
    await server.run({ insert: 'a', documents })
    await server.run({ insert: 'b', documents: documents.slice(0, 7) })
    const pipeline = [
      {
        $lookup: {
          from: 'b',
          let: { g: '$group' },
          pipeline: [{ $match: { $expr: { $eq: ['$_id', '$$g'] } } }],
          as: 'b',
        },
      },
      { $unionWith: 'b' },
    ]
    let reply = (await server.run({ aggregate: 'a', pipeline, cursor: { batchSize: 100 } })) as {
      cursor: { id: bigint | number; firstBatch?: object[]; nextBatch?: object[] }
    }
    const found: object[] = []
    for (let n = 0; ; n++) {
      found.push(...(reply.cursor.firstBatch ?? reply.cursor.nextBatch ?? []))
      if (reply.cursor.id === 0 || reply.cursor.id === 0n) break
      await server.run({ insert: 'b', documents: [{ _id: count + n }] })
      await server.run({ delete: 'a', deletes: [{ q: { _id: n }, limit: 1 }] })
      reply = (await server.run({ getMore: BigInt(reply.cursor.id), collection: 'a', batchSize: 500 })) as typeof reply
    }
    expect(found).toHaveLength(count + 7)
    expect(found[2999]).toMatchObject({ _id: 2999, b: [{ _id: 2999 % 7 }] })
  })

  it('updates documents by a pipeline for longer than a turn', async () => {
    const server = await openServer({ tickMs: 2 })
    const documents = Array.from({ length: 100 }, (_, _id) => ({ _id, n: _id }))
    await server.run({ insert: 'a', documents })
    await server.run({ insert: 'b', documents })
    const whenMatched = [{ $set: { n: { $add: ['$n', '$$new.n'] } } }, { $set: { twice: { $multiply: ['$n', 2] } } }]
    const merge = { aggregate: 'a', pipeline: [{ $merge: { into: 'b', whenMatched } }], cursor: {} }
    await server.run({ ...merge, maxTimeMS: 60_000 })
    const expected = documents.map(({ _id, n }) => ({ _id, n: 2 * n, twice: 4 * n }))
    expect(await server.all({ find: 'b', sort: { _id: 1 }, batchSize: 1000 })).toEqual(expected)
  })

  const byVariable = [{ $match: { $expr: { $gte: ['$_id', '$$x'] } } }]
  const output = { n: { $sum: '$_id', window: { documents: [-3, 3] } } }
  it.each([
    { $lookup: { from: 'a', pipeline: byVariable, let: { x: '$_id' }, as: 'b' } },
    { $lookup: { from: 'a', localField: 'x', foreignField: 'y', as: 'b' } },
    {
      $graphLookup: {
        from: 'a',
        startWith: '$_id',
        connectFromField: 'y',
        connectToField: '_id',
        as: 'b',
        maxDepth: 3,
      },
    },
    { $facet: { all: [{ $group: { _id: '$x' } }], some: [{ $match: { x: 1 } }] } },
    { $setWindowFields: { partitionBy: '$x', sortBy: { _id: 1 }, output } },
    { $bucketAuto: { groupBy: '$x', buckets: 3 } },
    { $unionWith: { coll: 'a', pipeline: [{ $match: { x: 99 } }] } },
    { $densify: { field: '_id', range: { step: 1, bounds: 'full' } } },
    { $merge: { into: 'target' } },
    { $out: 'target' },
  ])('ends when its time is over, and leaves nothing open: %j', async (stage) => {
    const server = await openServer({ tickMs: 2 })
    await server.run({
      insert: 'a',
      documents: Array.from({ length: 2000 }, (_, _id) => ({ _id, x: _id % 3, y: _id + 1 })),
    })
    const command = { aggregate: 'a', pipeline: [stage], cursor: { batchSize: 10_000 } }
    expect(await server.reply({ ...command, maxTimeMS: 20 })).toMatchObject({ ok: 0, code: 50 })
    expect(server.engine.statistics().openSnapshotCount).toBe(0)
    expect(server.engine.collections('test').map(({ name }) => name)).not.toContainEqual(expect.stringMatching(/^tmp/))
    expect((await server.engine.check()).problems).toEqual([])
  })
})

describe('explain', () => {
  it('shows what the query takes over, then the other stages', async () => {
    const server = await library()
    const reply = await server.run({
      explain: { aggregate: 'books', pipeline: [{ $group: { _id: '$by' } }], cursor: {} },
      verbosity: 'queryPlanner',
    })
    expect(reply).toMatchObject({ stages: [{ $cursor: {} }, { $group: { _id: '$by' } }] })
  })

  it('says the same of the query and the server whether the command or its option asks for it', async () => {
    const server = await library()
    const aggregate = { aggregate: 'books', pipeline: [{ $match: { by: 'a' } }, { $count: 'n' }], cursor: {} }
    const asked = await server.run({ explain: aggregate, verbosity: 'queryPlanner' })
    const optional = await server.run({ ...aggregate, explain: true })
    expect(asked['queryShapeHash']).toMatch(/^[0-9A-F]*[1-9A-F][0-9A-F]*$/)
    for (const name of ['queryShapeHash', 'serverInfo', 'serverParameters']) expect(optional[name]).toEqual(asked[name])
    expect(optional['command']).toMatchObject({ ...aggregate, explain: true })
  })

  it('counts what each stage gives when they are carried out, but those that write', async () => {
    const server = await library()
    const explain = async (...pipeline: Record<string, unknown>[]) => {
      const command = { aggregate: 'books', pipeline, cursor: {} }
      const { stages } = await server.run({ explain: command, verbosity: 'executionStats' })
      return stages as Record<string, unknown>[]
    }
    const count = Number((await server.run({ count: 'books' }))['n'])
    const stages = await explain({ $unwind: '$_id' }, { $group: { _id: null } }, { $facet: { a: [{ $limit: 1 }] } })
    expect(stages.map((stage) => Number(stage['nReturned']))).toEqual([count, count, 1, 1])
    expect(stages[0]).toMatchObject({ $cursor: { executionStats: { nReturned: count } } })
    expect(stages[2]).toMatchObject({ usedDisk: false, executionTimeMillisEstimate: expect.anything() })
    expect(await explain({ $unwind: '$_id' }, { $out: 'copy' })).toMatchObject([{ $cursor: {} }, {}, {}])
    expect(Number((await server.run({ count: 'copy' }))['n'])).toBe(0)
  })
})

describe('$rankFusion', () => {
  it('orders what several pipelines find by their ranks, and tells how', async () => {
    const server = await openServer()
    const documents = [
      { _id: 'a', x: 3, y: 1 },
      { _id: 'b', x: 3, y: 5 },
      { _id: 'c', x: 1, y: 5 },
      { _id: 'd', x: 0, y: 0 },
    ]
    await server.run({ insert: 'games', documents })
    const fusion = {
      input: {
        pipelines: {
          byX: [{ $match: { x: { $gt: 0 } } }, { $sort: { x: -1 } }],
          byY: [{ $sort: { y: -1 } }, { $limit: 3 }],
        },
      },
      combination: { weights: { byY: 2 } },
      scoreDetails: true,
    }
    const scored = { $project: { _id: 1, score: { $meta: 'score' }, details: { $meta: 'scoreDetails' } } }
    const found = (await rows(server, 'games', [{ $rankFusion: fusion }, { $match: {} }, scored])) as {
      _id: string
      score: number
      details: { value: number; details: { inputPipelineName: string; rank: number | string }[] }
    }[]
    // Ranks by x: a 1, b 1, c 3; by y: b 1, c 1, a 3.
    const expected = { a: 1 / 61 + 2 / 63, b: 1 / 61 + 2 / 61, c: 1 / 63 + 2 / 61 }
    expect(found.map(({ _id }) => _id)).toEqual(['b', 'c', 'a'])
    for (const { _id, score, details } of found) {
      expect(score).toBeCloseTo(expected[_id as 'a'], 12)
      expect(details.value).toBe(score)
    }
    expect(found[2]!.details.details).toMatchObject([
      { inputPipelineName: 'byX', rank: 1, weight: 1 },
      { inputPipelineName: 'byY', rank: 3, weight: 2 },
    ])
    // The documents are whole, and the score is none of their fields.
    expect(await rows(server, 'games', [{ $rankFusion: fusion }, { $limit: 1 }])).toEqual([documents[1]])
  })
})

describe('$score and $scoreFusion', () => {
  const documents = [
    { _id: 'a', x: 3, y: 1 },
    { _id: 'b', x: 3, y: 5 },
    { _id: 'c', x: 1, y: 5 },
    { _id: 'd', x: 0, y: 0 },
  ]
  const withScore = { $project: { score: { $meta: 'score' } } }
  const withDetails = { $project: { score: { $meta: 'score' }, details: { $meta: 'scoreDetails' } } }
  const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
  const filled = async (): Promise<Awaited<ReturnType<typeof openServer>>> => {
    const server = await openServer()
    await server.run({ insert: 'games', documents })
    return server
  }
  interface Scored {
    readonly _id: string
    readonly score: number
    readonly details: { readonly value: number; readonly details: readonly Record<string, unknown>[] }
  }

  it.each([
    ['none', (x: number) => x],
    ['sigmoid', sigmoid],
    ['minMaxScaler', (x: number) => x / 3],
  ])('scores documents by an expression, normalized: %s', async (normalization, expected) => {
    const server = await filled()
    const stage = { $score: { score: '$x', normalization, weight: 0.5, scoreDetails: true } }
    const found = (await rows(server, 'games', [stage, { $match: { y: { $gt: 0 } } }, withDetails])) as Scored[]
    expect(found.map(({ _id }) => _id)).toEqual(['a', 'b', 'c'])
    found.forEach(({ score, details }, i) => {
      expect(score).toBeCloseTo(0.5 * expected(documents[i]!.x), 12)
      expect(details).toMatchObject({ value: score, rawScore: documents[i]!.x, normalization, weight: 0.5 })
    })
    // The last score counts, and may be made of the one before; the documents are as they were.
    const twice = [{ $score: { score: 2 } }, { $score: { score: { $add: [{ $meta: 'score' }, '$x'] } } }]
    expect(((await rows(server, 'games', [...twice, withScore])) as Scored[]).map(({ score }) => score)).toEqual([
      5, 5, 3, 2,
    ])
    expect(await rows(server, 'games', [stage])).toEqual(documents)
  })

  it('scales by all documents, whatever is filtered or left out after it', async () => {
    const server = await filled()
    const stage = { $score: { score: '$y', normalization: 'minMaxScaler' } }
    const scores = async (...after: object[]) =>
      ((await rows(server, 'games', [stage, ...after, withScore])) as Scored[]).map(({ score }) => score)
    expect(await scores({ $match: { y: 1 } })).toEqual([0.2])
    expect(await scores({ $limit: 1 })).toEqual([0.2])
    expect(await scores({ $skip: 3 })).toEqual([0])
  })

  const input = (normalization: string) => ({
    pipelines: {
      byX: [{ $match: { x: { $gt: 0 } } }, { $score: { score: '$x' } }],
      byY: [{ $sort: { y: -1 } }, { $limit: 3 }, { $score: { score: '$y' } }],
    },
    normalization,
  })

  it('fuses the scores of several pipelines to their weighted average', async () => {
    const server = await filled()
    const stage = {
      $scoreFusion: { input: input('minMaxScaler'), combination: { weights: { byY: 2 } }, scoreDetails: true },
    }
    const found = (await rows(server, 'games', [stage, withDetails])) as Scored[]
    // By x: a 1, b 1, c 0; by y: b 1, c 1, a 0.
    expect(found.map(({ _id, score }) => [_id, score])).toEqual([
      ['b', 1.5],
      ['c', 1],
      ['a', 0.5],
    ])
    expect(found[1]!.details).toMatchObject({
      value: 1,
      normalization: 'minMaxScaler',
      combination: { method: 'average' },
    })
    expect(found[1]!.details.details).toMatchObject([
      { inputPipelineName: 'byX', inputPipelineRawScore: 1, weight: 1, value: 0 },
      { inputPipelineName: 'byY', inputPipelineRawScore: 5, weight: 2, value: 2 },
    ])
  })

  it('fuses them by an expression, in which who does not find a document has 0', async () => {
    const server = await filled()
    const combination = { method: 'expression', expression: { $add: [{ $multiply: ['$$byX', 10] }, '$$byY'] } }
    const pipelines = { ...input('none').pipelines, byY: [{ $match: { y: { $ne: 1 } } }, { $score: { score: '$y' } }] }
    const fuse = (normalization: string) => [
      { $scoreFusion: { input: { pipelines, normalization }, combination } },
      withScore,
    ]
    const scored = async (normalization: string) =>
      ((await rows(server, 'games', fuse(normalization))) as Scored[]).map(({ _id, score }) => [_id, score])
    expect(await scored('none')).toEqual([
      ['b', 35],
      ['a', 30],
      ['c', 15],
      ['d', 0],
    ])
    const [[, best]] = (await scored('sigmoid')) as [[string, number]]
    expect(best).toBeCloseTo(10 * sigmoid(3) + sigmoid(5), 12)
  })

  it('refuses what has no scores, or does not go together', async () => {
    const server = await filled()
    const reply = (stage: object) => server.reply({ aggregate: 'games', pipeline: [stage], cursor: {} })
    const fuse = (given: object, more: object = {}) =>
      reply({ $scoreFusion: { input: { ...input('none'), ...given }, ...more } })
    const pipelines = (...pipeline: object[]) => ({ pipelines: { p: pipeline } })
    const scoring = { $score: { score: '$x' } }
    expect(await fuse(pipelines({ $sort: { x: 1 } }))).toMatchObject({ code: 9402500 })
    expect(await fuse(pipelines(scoring, { $project: { x: 1 } }))).toMatchObject({ code: 9402502 })
    expect(await fuse({ normalization: 'other' })).toMatchObject({ codeName: 'BadValue' })
    expect(await fuse({}, { combination: { weights: { none: 1 } } })).toMatchObject({ code: 9967500 })
    expect(await fuse({}, { combination: { method: 'expression' } })).toMatchObject({ code: 10017300 })
    expect(await fuse({}, { combination: { method: 'expression', expression: 'text' } })).toMatchObject({
      codeName: 'TypeMismatch',
    })
    expect(await reply({ $score: { score: '$_id' } })).toMatchObject({ codeName: 'TypeMismatch' })
    expect(await reply({ $score: { normalization: 'none' } })).toMatchObject({ code: 40414 })
    expect(await reply({ $score: { score: 1, weight: 2 } })).toMatchObject({ code: 2 })
  })
})

test.each([
  [{ min: { _id: 1 }, hint: '_id_' }],
  [{ max: { _id: 1 }, hint: '_id_' }],
  [{ returnKey: true }],
  [{ showRecordId: true }],
  [{ sort: { $natural: -1 } }],
  [{ noCursorTimeout: true }],
  [{ allowPartialResults: true }],
  [{ singleBatch: true }],
  [{ singleBatch: true, limit: 2 }],
  [{ readOnce: true }],
])('a view is not read with %j', async (options) => {
  const server = await openServer()
  await server.run({ create: 'v', viewOn: 'c', pipeline: [] })
  expect(await server.reply({ find: 'v', ...options })).toMatchObject({ code: 168 })
  await server.run({ find: 'v', singleBatch: true, limit: 1, hint: { $natural: 1 } })
})
