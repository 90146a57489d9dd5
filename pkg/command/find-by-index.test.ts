/** What find, count, distinct and explain make of an index's keys. */
import { Double, Long } from 'bson'
import { expect, test } from 'vitest'
import { openServer } from './testdata/server.ts'

type Server = Awaited<ReturnType<typeof openServer>>

async function withNumbers(): Promise<Server> {
  const server = await openServer()
  const indexes = [
    { key: { a: 1, b: -1 }, name: 'ab' },
    { key: { t: 1 }, name: 't' },
    { key: { '$**': 1 }, name: 'all' },
  ]
  await server.run({ createIndexes: 'c', indexes })
  const documents = Array.from({ length: 50 }, (_, i) => ({ _id: i, a: i % 5, b: i, t: [i, `x${i}`] }))
  await server.run({ insert: 'c', documents })
  return server
}

/** The stages of a plan, the outermost first, those of several inputs as a list. */
function stagesOf(stage: Record<string, unknown>): unknown[] {
  const { inputStage, inputStages } = stage as { inputStage?: never; inputStages?: never[] }
  const below = inputStage !== undefined ? stagesOf(inputStage) : inputStages?.map((input) => stagesOf(input))
  return [stage['stage'], ...(below === undefined ? [] : inputStages === undefined ? below : [below])]
}

async function explained(server: Server, explain: Record<string, unknown>) {
  const reply = await server.run({ explain, verbosity: 'executionStats' })
  const { winningPlan } = reply['queryPlanner'] as { winningPlan: Record<string, unknown> }
  const stats = reply['executionStats'] as Record<string, unknown>
  return {
    stages: stagesOf(winningPlan),
    winningPlan,
    counts: [stats['nReturned'], stats['totalKeysExamined'], stats['totalDocsExamined']],
    executionStages: stats['executionStages'] as Record<string, unknown>,
  }
}

test('a query that an index holds all of reads no document', async () => {
  const server = await withNumbers()
  const query = { find: 'c', filter: { a: 2 }, projection: { _id: 0, a: 1, b: 1 }, hint: 'ab' }
  expect(await server.all({ ...query, limit: 2 })).toEqual([
    { a: 2, b: 47 },
    { a: 2, b: 42 },
  ])
  expect(await explained(server, query)).toMatchObject({
    stages: ['PROJECTION_COVERED', 'IXSCAN'],
    counts: [10, 10, 0],
    executionStages: { inputStage: { nReturned: 10, keysExamined: 10, seeks: 1 } },
  })
  expect(await explained(server, { ...query, projection: { a: 1 } })).toMatchObject({
    stages: ['PROJECTION_SIMPLE', 'FETCH', 'IXSCAN'],
    counts: [10, 10, 10],
  })
})

test('values that keys have lost come from the documents, the others keep their types', async () => {
  const server = await openServer()
  await server.run({ createIndexes: 'c', indexes: [{ key: { v: 1 }, name: 'v' }] })
  const values = [1, new Double(1), Long.fromNumber(1), new Double(-0), new Double(0.5), Long.MAX_VALUE, { x: 1 }, null]
  await server.run({ insert: 'c', documents: [...values.map((v, _id) => ({ _id, v })), { _id: 99 }] })
  const query = { find: 'c', filter: {}, projection: { _id: 0, v: 1 } }
  const types = { $addFields: { type: { $type: '$v' } } }
  const expected = await server.all({ aggregate: 'c', pipeline: [{ $sort: { v: 1, _id: 1 } }, types], cursor: {} })
  const covered = await server.all({ ...query, hint: 'v', sort: { v: 1 } })
  expect(covered.length).toBe(expected.length)
  const typed = await server.all({
    aggregate: 'c',
    pipeline: [{ $sort: { v: 1 } }, { $project: { _id: 0, v: 1 } }, types],
    cursor: {},
  })
  expect(typed.map(({ type }) => type).sort()).toEqual(expected.map(({ type }) => type).sort())
  expect(covered.filter((row) => !('v' in row)).length).toBe(1)
  expect((await explained(server, { ...query, hint: 'v' })).counts).toEqual([9, 9, 2])
})

test('a filter on a part of the key is tested before a document is read', async () => {
  const server = await withNumbers()
  const query = { find: 'c', filter: { a: 3, b: { $mod: [2, 0] } }, hint: 'ab' }
  expect(await explained(server, query)).toMatchObject({
    stages: ['FETCH', 'IXSCAN'],
    counts: [5, 10, 5],
    winningPlan: { inputStage: { filter: query.filter } },
  })
  expect((await server.all(query)).map(({ _id }) => _id)).toEqual([48, 38, 28, 18, 8])
})

test('a few values and the order of what follows them are scans merged', async () => {
  const server = await withNumbers()
  const query = { find: 'c', filter: { a: { $in: [1, 3, 4] } }, sort: { b: -1 }, limit: 4 }
  expect((await server.all(query)).map(({ b }) => b)).toEqual([49, 48, 46, 44])
  const { stages, counts } = await explained(server, query)
  expect(stages).toEqual(['LIMIT', 'FETCH', 'SORT_MERGE', [['IXSCAN'], ['IXSCAN'], ['IXSCAN']]])
  expect(counts[2]).toBe(4)
  const branches = { find: 'c', filter: { $or: [{ a: 1 }, { a: 2, b: { $gt: 20 } }] }, sort: { b: 1 } }
  expect((await server.all(branches)).map(({ b }) => b)).toEqual([
    1, 6, 11, 16, 21, 22, 26, 27, 31, 32, 36, 37, 41, 42, 46, 47,
  ])
  expect((await explained(server, branches)).stages.includes('SORT')).toBe(false)
})

test('distinct goes from value to value', async () => {
  const server = await withNumbers()
  expect(await server.run({ distinct: 'c', key: 'a' })).toEqual({ values: [0, 1, 2, 3, 4], ok: 1 })
  expect(await explained(server, { distinct: 'c', key: 'a' })).toMatchObject({
    stages: ['PROJECTION_COVERED', 'DISTINCT_SCAN'],
    counts: [5, 5, 0],
  })
  expect(await explained(server, { distinct: 'c', key: 'a', query: { a: { $gt: 2 } } })).toMatchObject({
    counts: [2, 2, 0],
  })
  expect((await server.run({ distinct: 'c', key: 't', query: { t: 3 } }))['values']).toEqual([3, 'x3'])
  expect((await explained(server, { distinct: 'c', key: 't', query: { t: 3 } })).stages).not.toContain('DISTINCT_SCAN')
})

test('count reads keys only', async () => {
  const server = await withNumbers()
  expect(await explained(server, { count: 'c', query: { a: 3 }, hint: 'ab' })).toMatchObject({
    stages: ['COUNT', 'COUNT_SCAN'],
    winningPlan: {
      inputStage: { indexBounds: { startKey: { a: 3 }, startKeyInclusive: true, endKeyInclusive: true } },
    },
  })
  const few = { count: 'c', query: { a: { $in: [1, 3] }, b: { $mod: [2, 0] } }, hint: 'ab' }
  expect(await server.run(few)).toEqual({ n: 10, ok: 1 })
  expect((await explained(server, few)).stages).toEqual(['COUNT', 'IXSCAN'])
})

test('entries outside of several ranges are counted too, as are the seeks past them', async () => {
  const server = await withNumbers()
  // 1 and the entry behind it, by a seek 3 and the one behind that.
  expect(
    await explained(server, { find: 'c', filter: { b: { $in: [1, 3] } }, hint: { b: 1 } }).catch(String),
  ).toContain('hint')
  await server.run({ createIndexes: 'c', indexes: [{ key: { b: 1 }, name: 'b' }] })
  expect(await explained(server, { find: 'c', filter: { b: { $in: [1, 3] } }, hint: 'b' })).toMatchObject({
    counts: [2, 4, 2],
    executionStages: { inputStage: { seeks: 2 } },
  })
})

test('min and max are keys of the hinted index', async () => {
  const server = await withNumbers()
  const ids = async (options: Record<string, unknown>) =>
    (await server.all({ find: 'c', ...options })).map(({ _id }) => _id)
  expect(await ids({ min: { _id: 47 }, hint: '_id_' })).toEqual([47, 48, 49])
  expect(await ids({ max: { _id: 2 }, hint: { _id: 1 } })).toEqual([0, 1])
  expect(await ids({ min: { _id: 3 }, max: { _id: 6 }, hint: '_id_', sort: { _id: -1 } })).toEqual([5, 4, 3])
  // In the order of the index: the second part descends.
  expect(await ids({ min: { a: 1, b: 11 }, max: { a: 1, b: 1 }, hint: 'ab' })).toEqual([11, 6])
  expect(await ids({ min: { _id: 3 }, max: { _id: 6 }, hint: '_id_', filter: { a: 4 } })).toEqual([4])
  const plan = await explained(server, { find: 'c', min: { _id: 3 }, hint: '_id_' })
  expect(plan).toMatchObject({
    stages: ['FETCH', 'IXSCAN'],
    winningPlan: { inputStage: { indexBounds: { startKey: { _id: 3 } } } },
  })
  const refusal = async (options: Record<string, unknown>) => (await server.reply({ find: 'c', ...options }))['code']
  expect(await refusal({ min: { _id: 1 } })).toBe(51173)
  expect(await refusal({ min: { _id: 1 }, hint: { $natural: 1 } })).toBe(291)
  expect(await refusal({ min: { a: 1 }, hint: 'ab' })).toBe(51174)
  expect(await refusal({ max: { a: 1 }, hint: 'all' })).toBe(51174)
  expect(await refusal({ min: { _id: 5 }, max: { _id: 5 }, hint: '_id_' })).toBe(51175)
  expect(await refusal({ min: { a: 1, b: 1 }, max: { a: 1, b: 11 }, hint: 'ab' })).toBe(51175)
  expect(await refusal({ min: { _id: 1 }, max: { a: 1 }, hint: '_id_' })).toBe(51176)
})

test('returnKey shows keys, showRecordId the place of the record', async () => {
  const server = await withNumbers()
  const query = { find: 'c', filter: { a: 2, b: { $lt: 10 } }, hint: 'ab' }
  expect(await server.all({ ...query, returnKey: true })).toEqual([
    { a: 2, b: 7 },
    { a: 2, b: 2 },
  ])
  expect(await server.all({ find: 'c', limit: 1, returnKey: true })).toEqual([{}])
  expect(await server.all({ find: 'c', filter: { t: 'x4' }, hint: 't', returnKey: true })).toEqual([{ t: 'x4' }])
  expect(await server.all({ find: 'c', filter: { a: 4 }, hint: 'all', returnKey: true, limit: 1 })).toEqual([
    { $_path: 'a', a: 4 },
  ])
  expect(await server.all({ find: 'c', limit: 1, projection: { a: 1 }, showRecordId: true })).toEqual([
    { _id: 0, a: 0, $recordId: 1 },
  ])
  expect(await server.all({ ...query, limit: 1, projection: { _id: 0, b: 1 }, showRecordId: true })).toEqual([
    { b: 7, $recordId: 8 },
  ])
})

test('$meta tells the record, the index key, and what a row was sorted by', async () => {
  const server = await withNumbers()
  const projection = { _id: 1, r: { $meta: 'recordId' }, k: { $meta: 'indexKey' }, s: { $meta: 'sortKey' } }
  const query = { find: 'c', filter: { a: 2, b: { $lt: 5 } }, hint: 'ab', sort: { t: -1, b: 1 }, projection }
  expect(await server.all(query)).toEqual([{ _id: 2, r: 3, k: { a: 2, b: 2 }, s: ['x2', 2] }])
  const { sort, ...unsorted } = query
  expect((await server.reply(unsorted))['codeName']).toBe('BadValue')
  const pipeline = [{ $match: { a: 2, b: 7 } }, { $project: { _id: 1, k: { $meta: 'indexKey' } } }]
  const aggregated = await server.all({ aggregate: 'c', pipeline, hint: 'ab', cursor: {} })
  expect(aggregated).toEqual([{ _id: 7, k: { a: 2, b: 7 } }])
  const scanned = {
    find: 'c',
    filter: { b: 7 },
    projection: { _id: 1, k: { $meta: 'indexKey' } },
    hint: { $natural: 1 },
  }
  expect(await server.all(scanned)).toEqual([{ _id: 7 }])
})
