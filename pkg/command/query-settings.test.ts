import { expect, test } from 'vitest'
import { openServer } from './testdata/server.ts'

type Document = Record<string, unknown>

const query = { find: 'c', filter: { a: 1 }, $db: 'test' }
const hints = (...allowedIndexes: unknown[]) => ({ indexHints: [{ ns: { db: 'test', coll: 'c' }, allowedIndexes }] })
const set = (settings: object, of: unknown = query) => ({ setQuerySettings: of, settings, $db: 'admin' })
const remove = (of: unknown = query) => ({ removeQuerySettings: of, $db: 'admin' })
const listed = { aggregate: 1, pipeline: [{ $querySettings: {} }], cursor: {}, $db: 'admin' }

test('queries of a shape that is rejected are refused, whatever they compare with, and others are not', async () => {
  const server = await openServer()
  await server.run({ insert: 'c', documents: [{ _id: 1, a: 5, b: 5 }] })
  const { queryShapeHash } = await server.run(set({ reject: true }))
  expect(queryShapeHash).toMatch(/^[0-9A-F]{64}$/)
  expect((await server.run({ explain: { find: 'c', filter: { a: 'x' } } }))['queryShapeHash']).toBe(queryShapeHash)
  for (const command of [
    { find: 'c', filter: { a: 5 } },
    { find: 'c', filter: { a: 'x' }, batchSize: 3, comment: 'k' },
  ])
    expect(await server.reply(command)).toMatchObject({ code: 411, codeName: 'QueryRejectedBySettings' })
  for (const command of [
    { find: 'c', filter: { b: 5 } },
    { find: 'c', filter: { a: { $gt: 1 } } },
    { find: 'c', filter: { a: 5 }, sort: { a: 1 } },
    { find: 'd', filter: { a: 5 } },
    { find: 'c', filter: { a: 5 }, $db: 'other' },
    { count: 'c', query: { a: 5 } },
  ])
    expect(await server.reply(command)).toMatchObject({ ok: 1 })
  await server.run(remove())
  expect(await server.all({ find: 'c', filter: { a: 5 } })).toHaveLength(1)
  await server.run(remove(queryShapeHash))
})

test.each([
  [
    { distinct: 'c', key: 'a', query: { b: 1 } },
    { distinct: 'c', key: 'a', query: { b: 2 } },
  ],
  [
    { aggregate: 'c', pipeline: [{ $match: { b: 'x' } }] },
    { aggregate: 'c', pipeline: [{ $match: { b: 'y' } }], cursor: {} },
  ],
])('%j is rejected as others of its shape are', async (like, command) => {
  const server = await openServer()
  await server.run(set({ reject: true }, { ...like, $db: 'test' }))
  expect(await server.reply(command)).toMatchObject({ code: 411 })
})

test('index hints leave a query the indexes that they allow', async () => {
  const server = await openServer()
  await server.run({ insert: 'c', documents: Array.from({ length: 50 }, (_, i) => ({ _id: i, a: i, b: i % 3 })) })
  const indexes = [
    { key: { a: 1 }, name: 'a_1' },
    { key: { a: 1, b: 1 }, name: 'a_1_b_1' },
  ]
  await server.run({ createIndexes: 'c', indexes })
  const plan = async (): Promise<string> => {
    const { queryPlanner } = await server.run({ explain: { find: 'c', filter: { a: 3 } }, verbosity: 'queryPlanner' })
    return JSON.stringify((queryPlanner as Document)['winningPlan'])
  }
  await server.run(set(hints('a_1_b_1')))
  expect(await plan()).toContain('"a_1_b_1"')
  await server.run(set(hints({ a: 1 })))
  expect(await plan()).toContain('"a_1"')
  await server.run(set(hints('$natural')))
  expect(await plan()).toContain('COLLSCAN')
  expect(await server.all({ find: 'c', filter: { a: 3 } })).toEqual([{ _id: 3, a: 3, b: 0 }])
  await server.run(remove())
  expect(await plan()).toContain('IXSCAN')
})

test('settings are shown, changed by hash, and there again after a restart', async () => {
  const server = await openServer()
  const { queryShapeHash } = await server.run(set({ ...hints('_id_'), reject: true, comment: 'why' }))
  await server.run(set({ reject: false, queryFramework: 'classic' }, (queryShapeHash as string).toLowerCase()))
  const settings = { ...hints('_id_'), comment: 'why', queryFramework: 'classic' }
  const shown = { queryShapeHash, settings, representativeQuery: query }
  expect(await server.all(listed)).toEqual([shown])
  const [detailed] = await server.all({ ...listed, pipeline: [{ $querySettings: { showDebugQueryShape: true } }] })
  expect(detailed!['debugQueryShape']).toEqual({
    cmdNs: { db: 'test', coll: 'c' },
    command: 'find',
    filter: { a: '?number' },
  })
  await server.run(set({ reject: true }))
  await server.engine.close()
  const again = await openServer({ world: server.world })
  expect(await again.all(listed)).toEqual([{ ...shown, settings: { ...settings, reject: true } }])
  expect(await again.reply({ find: 'c', filter: { a: 7 } })).toMatchObject({ code: 411 })
})

test.each<[unknown, object, number]>([
  [1, { reject: true }, 14],
  ['', { reject: true }, 16],
  ['AB', { reject: true }, 16],
  ['xyz', { reject: true }, 2],
  ['A'.repeat(64), { reject: true }, 7746401],
  [{}, { reject: true }, 7746402],
  [{ count: 'c', $db: 'test' }, { reject: true }, 7746402],
  [{ find: 'c' }, { reject: true }, 40414],
  [{ find: 'c', $db: '' }, { reject: true }, 73],
  [{ find: 'c', what: 1, $db: 'test' }, { reject: true }, 40415],
  [{ find: 'system.users', $db: 'admin' }, { reject: true }, 8584900],
  [{ find: 'c', filter: { _id: 1 }, $db: 'test' }, { reject: true }, 7746606],
  [query, {}, 8727502],
  [query, { reject: false }, 7746604],
  [query, { comment: 'x' }, 7746604],
  [query, hints(), 7746604],
  [query, hints(1), 9],
  [query, { indexHints: [{ ns: { db: 'a' }, allowedIndexes: ['x'] }] }, 8727501],
  [query, { indexHints: { ns: { coll: 'a' }, allowedIndexes: ['x'] } }, 8727500],
  [query, { indexHints: [1] }, 14],
  [query, { queryFramework: 'other' }, 2],
  [query, { reject: null }, 14],
  [query, { reject: true, other: 1 }, 40415],
])('settings of %j, %j are refused', async (of, settings, code) => {
  const server = await openServer()
  expect(await server.reply(set(settings, of))).toMatchObject({ code })
  expect(await server.all(listed)).toEqual([])
})
