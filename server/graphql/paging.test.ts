import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Data, GraphqlServer } from './graphql-server.ts'
import { beyond } from './paging.ts'

let server: GraphqlServer

/** Values of every kind that a field may have, arrays among them. */
const values = [
  ...[1, { $numberLong: '2' }, { $numberDouble: '1.5' }, { $numberDecimal: '3' }, { $numberDouble: 'NaN' }, -5],
  ...['a', 'b', '', null, true, false, { $oid: '507f1f77bcf86cd799439011' }, { $date: '2026-01-01T00:00:00Z' }],
  ...[{ x: 1 }, { x: 2 }, {}, { $maxKey: 1 }, { $timestamp: { t: 1, i: 1 } }],
]
const arrays = [[], [1, 'a'], ['c', 'a'], [3, -7], [null], [[1, 2], 0], ['b', { x: 1 }], [true]]

beforeAll(async () => {
  server = await GraphqlServer.start()
  await server.command({ insert: 'ids', documents: [...values, { $minKey: 1 }].map((_id) => ({ _id })) })
  const documents = [...values, ...values, ...arrays, ...arrays].map((v, _id) => ({ _id, v, group: _id % 3 }))
  await server.command({ insert: 'mixed', documents: [...documents, { _id: 'none', group: 1 }] })
  await server.command({ create: 'shown', viewOn: 'mixed', pipeline: [] })
})

afterAll(() => server.stop())

/** The ids of all pages, in the order in which they came. */
async function pages(field: string, sort: string, size: 'first' | 'last', count: number): Promise<unknown[]> {
  const place = size === 'first' ? 'after' : 'before'
  const query = `query($at: String) { ${field}(${size}: ${count}, ${place}: $at, sort: ${sort}) {
    nodes { _id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`
  const found: unknown[] = []
  for (let at: string | null = null; ; ) {
    const { [field]: page }: Data = await server.data(query, { at })
    const ids = page.nodes.map(({ _id }: { _id: unknown }) => _id)
    found.push(...(size === 'first' ? ids : ids.reverse()))
    if (!(size === 'first' ? page.pageInfo.hasNextPage : page.pageInfo.hasPreviousPage)) return found
    at = size === 'first' ? page.pageInfo.endCursor : page.pageInfo.startCursor
  }
}

describe('pages', () => {
  it('go through ids of all types', async () => {
    const all = (await server.data('{ documents(collection: "ids", sort: { _id: 1 }, limit: 100) }')).documents
    const ids = all.map(({ _id }: { _id: unknown }) => _id)
    expect(await pages('ids', '[]', 'first', 3)).toEqual(ids)
    expect(await pages('ids', '[]', 'last', 4)).toEqual(ids.toReversed())
    expect(await pages('ids', '[{ _id: DESC }]', 'first', 5)).toEqual(ids.toReversed())
  })

  it.each(['mixed', 'shown'])(
    'go through values of all types, and arrays, in the order of the database: %s',
    async (field) => {
      for (const [sort, order] of [
        ['[{ v: ASC }]', { v: 1, _id: 1 }],
        ['[{ v: DESC }]', { v: -1, _id: 1 }],
        ['[{ group: DESC }, { v: ASC }, { _id: DESC }]', { group: -1, v: 1, _id: -1 }],
      ] as const) {
        const { documents } = await server.data(
          `query($sort: EJSON) { documents(collection: "${field}", sort: $sort, limit: 1000) }`,
          { sort: order },
        )
        const ids = documents.map(({ _id }: { _id: unknown }) => _id)
        expect([sort, await pages(field, sort, 'first', 4)]).toEqual([sort, ids])
        const backwards = await pages(field, sort, 'last', 4)
        expect([sort, backwards.length, new Set(backwards).size]).toEqual([sort, ids.length, ids.length])
      }
    },
  )

  it('begin where the cursor says by the index, not by looking through all before', async () => {
    const documents = Array.from({ length: 2000 }, (_, i) => ({ _id: i, n: i % 100 }))
    await server.command({ insert: 'many', documents })
    await server.command({ createIndexes: 'many', indexes: [{ key: { n: 1, _id: 1 }, name: 'n' }] })
    for (const [keys, at, sort] of [
      [[['_id', 1]], [1000], { _id: 1 }],
      [
        [
          ['n', 1],
          ['_id', 1],
        ],
        [50, 1050],
        { n: 1, _id: 1 },
      ],
    ] as const) {
      const find = { filter: beyond(keys, at, 'after', 'forward'), sort, limit: 5 }
      const explain = await server.post('/v1/databases/library/collections/many/explain', {
        find,
        verbosity: 'executionStats',
      })
      const { executionStats } = (await explain.json()) as { executionStats: Record<string, number> }
      expect(executionStats['nReturned']).toBe(5)
      expect(executionStats['totalKeysExamined']).toBeLessThan(60)
    }
  })
})
