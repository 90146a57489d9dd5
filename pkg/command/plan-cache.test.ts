import { expect, test } from 'vitest'
import { planMemoryOf } from '../query/plan-memory.ts'
import { openServer, type TestServer } from './testdata/server.ts'

/** Indexes on a and b that are worth the same. */
async function withTiedIndexes(): Promise<TestServer> {
  const server = await openServer()
  const documents = Array.from({ length: 600 }, (_, i) => ({ _id: i, a: i % 20, b: (i * 3) % 20, c: i }))
  await server.run({ insert: 'c', documents })
  await server.run({
    createIndexes: 'c',
    indexes: [
      { key: { a: 1 }, name: 'a_1' },
      { key: { b: 1 }, name: 'b_1' },
    ],
  })
  return server
}

const cached = (server: TestServer) => server.all({ aggregate: 'c', pipeline: [{ $planCacheStats: {} }], cursor: {} })

type Document = Record<string, unknown>

interface Explained {
  readonly queryPlanner: Document
  readonly executionStats: { readonly nReturned: number; readonly allPlansExecution: readonly Document[] }
}

async function explained(server: TestServer, command: Document, verbosity: string): Promise<Explained> {
  return (await server.run({ explain: command, verbosity })) as unknown as Explained
}

test('$planCacheStats tells of the plans that queries took', async () => {
  const server = await withTiedIndexes()
  const filter = { a: 1, b: 3 }
  await server.run({ find: 'c', filter })
  const [first] = await cached(server)
  expect(first).toMatchObject({
    version: '1',
    isActive: false,
    createdFromQuery: { query: filter, sort: {}, projection: {} },
    cachedPlan: { stage: 'FETCH', inputStage: { stage: 'IXSCAN' } },
    indexFilterSet: false,
  })
  expect(first!['candidatePlanScores']).toHaveLength(2)
  await server.run({ find: 'c', filter: { b: 5, a: 1 } })
  const [second, ...others] = await cached(server)
  expect(others).toEqual([])
  const planner = (await explained(server, { find: 'c', filter }, 'queryPlanner')).queryPlanner
  for (const name of ['queryHash', 'planCacheShapeHash', 'planCacheKey']) {
    expect(planner[name], name).toMatch(/^[0-9A-F]{8}$/)
    expect(second![name], name).toBe(planner[name])
  }
})

test('planCacheClear forgets the plans of one shape, or all', async () => {
  const server = await withTiedIndexes()
  await server.run({ find: 'c', filter: { a: 1, b: 3 } })
  await server.run({ find: 'c', filter: { a: 1, b: 3 }, sort: { c: 1 } })
  await server.run({ find: 'c', filter: { a: { $gt: 1 }, b: 3 } })
  expect(await cached(server)).toHaveLength(3)
  await server.run({ planCacheClear: 'c', query: { b: 9, a: 9 }, sort: { c: 1 } })
  expect(await cached(server)).toHaveLength(2)
  await server.run({ planCacheClear: 'c' })
  expect(await cached(server)).toEqual([])
})

test('a query goes by the indexes that a filter for its shape names, or by none', async () => {
  const server = await withTiedIndexes()
  const plannerOf = async (command: Document) => (await explained(server, command, 'queryPlanner')).queryPlanner
  await server.run({ planCacheSetFilter: 'c', query: { a: 1, b: 1 }, indexes: ['b_1'] })
  expect(await plannerOf({ find: 'c', filter: { a: 7, b: 1 } })).toMatchObject({
    indexFilterSet: true,
    winningPlan: { stage: 'FETCH', inputStage: { indexName: 'b_1' } },
    rejectedPlans: [],
  })
  // It counts for more than a hint.
  expect(await plannerOf({ find: 'c', filter: { a: 7, b: 1 }, hint: 'a_1' })).toMatchObject({
    winningPlan: { inputStage: { indexName: 'b_1' } },
  })
  expect(await plannerOf({ find: 'c', filter: { a: 7 } })).toMatchObject({ indexFilterSet: false })
  await server.run({ planCacheSetFilter: 'c', query: { a: 1, b: 1 }, indexes: [{ nothing: 1 }] })
  expect(await plannerOf({ find: 'c', filter: { a: 7, b: 1 } })).toMatchObject({
    indexFilterSet: true,
    winningPlan: { stage: 'COLLSCAN' },
  })
  expect(await server.all({ find: 'c', filter: { a: 1, b: 3 }, projection: { _id: 1 }, limit: 2 })).toHaveLength(2)
  await server.run({ planCacheClearFilters: 'c' })
  expect(await plannerOf({ find: 'c', filter: { a: 7, b: 1 } })).toMatchObject({ indexFilterSet: false })
})

test('explain shows how all candidates did, and leaves the cache alone', async () => {
  const server = await withTiedIndexes()
  const all = await explained(server, { find: 'c', filter: { a: 1, b: 3 } }, 'allPlansExecution')
  expect(all).toMatchObject({ queryPlanner: { winningPlan: { isCached: false, stage: 'FETCH' } } })
  expect(all.queryPlanner['rejectedPlans']).toHaveLength(1)
  const { nReturned, allPlansExecution } = all.executionStats
  expect(nReturned).toBe(30)
  expect(allPlansExecution).toHaveLength(2)
  expect(allPlansExecution[0]).toMatchObject({ nReturned: 30, executionStages: { stage: 'FETCH' } })
  expect(allPlansExecution[0]!['score']).toBeGreaterThan(1)
  const one = await explained(server, { find: 'c', filter: { a: 1 } }, 'allPlansExecution')
  expect(one).toMatchObject({ queryPlanner: { rejectedPlans: [] }, executionStats: { allPlansExecution: [] } })
  expect(await cached(server)).toEqual([])
})

test('a trial and its explanation pause when they take long', async () => {
  const server = await openServer({ tickMs: 1 })
  const documents = Array.from({ length: 3000 }, (_, i) => ({ _id: i, a: 1, b: 1, c: i }))
  await server.run({ insert: 'c', documents })
  await server.run({
    createIndexes: 'c',
    indexes: [
      { key: { a: 1 }, name: 'a_1' },
      { key: { b: 1 }, name: 'b_1' },
    ],
  })
  const filter = { a: 1, b: 1, c: 2999 }
  expect(await server.all({ find: 'c', filter })).toEqual([{ _id: 2999, a: 1, b: 1, c: 2999 }])
  const all = await explained(server, { find: 'c', filter }, 'allPlansExecution')
  expect(all).toMatchObject({ executionStats: { nReturned: 1 } })
})

test('statistics are taken in the background once a choice would have needed them', async () => {
  const server = await withTiedIndexes()
  await server.run({ find: 'c', filter: { a: 1, b: 3 } })
  await server.database.statistics.idle()
  const collection = server.engine.collection('test', 'c')!
  expect(planMemoryOf(collection).statistics?.of(collection.index('a_1')!)?.distinct[0]).toBeGreaterThan(10)
})
