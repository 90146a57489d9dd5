import { Binary, type Document } from 'bson'
import { describe, expect, it } from 'vitest'
import { hmacSha256 } from './digest.ts'
import { openServer, type TestServer } from './testdata/server.ts'

async function serverWith(rateLimit: number): Promise<TestServer> {
  const server = await openServer({ tickMs: 1 })
  const documents = Array.from({ length: 20 }, (_, i) => ({ _id: i, a: i % 4, b: { c: i } }))
  await server.run({ insert: 'c', documents })
  await server.run({ createIndexes: 'c', indexes: [{ key: { a: 1 }, name: 'a' }] })
  await server.run({ setParameter: 1, internalQueryStatsRateLimit: rateLimit, $db: 'admin' })
  return server
}

async function figures(server: TestServer, options: Document = {}): Promise<Document[]> {
  const command = { aggregate: 1, pipeline: [{ $queryStats: options }], cursor: {}, $db: 'admin' }
  const { cursor } = (await server.run(command)) as { cursor: { firstBatch: Document[] } }
  return cursor.firstBatch.filter(({ key }) => key.queryShape.cmdNs.db !== 'admin')
}

const shapes = async (server: TestServer): Promise<unknown[]> =>
  (await figures(server)).map(({ key }) => key.queryShape)

describe('$queryStats', () => {
  it('tells nothing unless it is asked to', async () => {
    const server = await serverWith(0)
    await server.run({ find: 'c' })
    expect(await figures(server)).toEqual([])
  })

  it('counts queries of one shape together, whatever their values', async () => {
    const server = await serverWith(-1)
    for (const a of [1, 2, 3]) await server.run({ find: 'c', filter: { a, 'b.c': { $lt: a * 4 } }, sort: { a: 1 } })
    const [entry, ...others] = await figures(server)
    expect(others).toEqual([])
    const filter = { a: '?number', 'b.c': { $lt: '?number' } }
    expect(entry!['key']).toEqual({
      queryShape: { cmdNs: { db: 'test', coll: 'c' }, command: 'find', filter, sort: { a: 1 } },
    })
    expect(entry!['keyHash']).toMatch(/^[0-9A-F]{64}$/)
    const { metrics } = entry!
    expect(Number(metrics.execCount)).toBe(3)
    // Of 5 documents each: those below 4, 8 and 12.
    expect(sums(metrics.docsReturned)).toEqual({ sum: 6, max: 3, min: 1, sumOfSquares: 14 })
    expect(sums(metrics.docsExamined)).toEqual({ sum: 15, max: 5, min: 5, sumOfSquares: 75 })
    expect(Number(metrics.keysExamined.sum)).toBeGreaterThanOrEqual(15)
    expect(Number(metrics.totalExecMicros.sum)).toBeGreaterThanOrEqual(Number(metrics.totalExecMicros.max))
    expect(Number(metrics.lastExecutionMicros)).toBeGreaterThan(0)
    expect(metrics.latestSeenTimestamp.getTime()).toBeGreaterThan(metrics.firstSeenTimestamp.getTime())
  })

  it('counts a query with a cursor once, when that has ended or been closed', async () => {
    const server = await serverWith(-1)
    const open = async (): Promise<bigint> => {
      const { cursor } = (await server.run({ find: 'c', batchSize: 8 })) as { cursor: { id: bigint } }
      return cursor.id
    }
    const id = await open()
    expect(await figures(server)).toEqual([])
    await server.run({ getMore: id, collection: 'c', batchSize: 8 })
    expect(await figures(server)).toEqual([])
    await server.run({ getMore: id, collection: 'c' })
    const [{ metrics }] = (await figures(server)) as [Document]
    expect([metrics.execCount, metrics.docsReturned.sum, metrics.docsExamined.sum].map(Number)).toEqual([1, 20, 20])
    expect(Number(metrics.totalExecMicros.sum)).toBeGreaterThan(Number(metrics.firstResponseExecMicros.sum))
    await server.run({ killCursors: 'c', cursors: [await open()] })
    const [after] = (await figures(server)) as [Document]
    expect([after['metrics'].execCount, after['metrics'].docsReturned.min].map(Number)).toEqual([2, 8])
  })

  it('collects find, aggregate, distinct and count, and what each looked at', async () => {
    const server = await serverWith(-1)
    const pipeline = [
      { $match: { a: 1 } },
      { $group: { _id: '$b.c', n: { $sum: 2 } } },
      { $sort: { n: -1 } },
      { $limit: 3 },
    ]
    await server.run({ aggregate: 'c', pipeline, cursor: {} })
    await server.run({ distinct: 'c', key: 'a', query: { a: { $in: [1, 2] } } })
    await server.run({ count: 'c', query: { 'b.c': { $gt: 3 } } })
    await server.run({ find: 'c', filter: { _id: 3 } })
    await server.run({ listCollections: 1 })
    const cmdNs = { db: 'test', coll: 'c' }
    const found = await figures(server)
    expect(found.map(({ key }) => key.queryShape)).toEqual([
      {
        cmdNs,
        command: 'aggregate',
        pipeline: [
          { $match: { a: '?number' } },
          { $group: { _id: '$b.c', n: { $sum: '?number' } } },
          { $sort: { n: -1 } },
          { $limit: '?number' },
        ],
      },
      { cmdNs, command: 'distinct', key: 'a', query: { a: { $in: '?array<?number>' } } },
      { cmdNs, command: 'count', query: { 'b.c': { $gt: '?number' } } },
      { cmdNs, command: 'find', filter: { _id: '?number' } },
    ])
    expect(found.map(({ metrics }) => Number(metrics.docsExamined.sum))).toEqual([5, 0, 20, 1])
    expect(found.map(({ metrics }) => Number(metrics.docsReturned.sum))).toEqual([3, 1, 1, 1])
  })

  it('leaves out failed queries, and those beyond the limit of a second', async () => {
    const server = await serverWith(2)
    for (let i = 0; i < 5; i++) await server.run({ find: 'c', filter: { a: i } })
    await server.reply({ find: 'c', filter: { $bad: 1 } })
    const [{ metrics }] = (await figures(server)) as [Document]
    expect(Number(metrics.execCount)).toBe(2)
    expect(await shapes(server)).toHaveLength(1)
  })

  it('shows names by their HMAC when asked to', async () => {
    const server = await serverWith(-1)
    const pipeline = [{ $match: { 'a.b': 1 } }, { $project: { x: '$c', y: '$$ROOT.d' } }]
    await server.run({ aggregate: 'c', pipeline, cursor: {} })
    const hmacKey = Buffer.from('a key of our own')
    const [entry] = await figures(server, {
      transformIdentifiers: { algorithm: 'hmac-sha-256', hmacKey: new Binary(hmacKey, 8) },
    })
    const shown = (name: string): string => hmacSha256(hmacKey, name)
    expect(entry!['key'].queryShape).toEqual({
      cmdNs: { db: shown('test'), coll: shown('c') },
      command: 'aggregate',
      pipeline: [
        { $match: { [`${shown('a')}.${shown('b')}`]: '?number' } },
        { $project: { [shown('x')]: `$${shown('c')}`, [shown('y')]: `$$ROOT.${shown('d')}` } },
      ],
    })
    expect(JSON.stringify(entry)).not.toContain('"c"')
  })

  it('forgets the shapes used longest ago', async () => {
    const server = await serverWith(-1)
    const long = 'x'.repeat(50_000)
    for (let i = 0; i < 300; i++) {
      await server.run({ find: 'c', filter: { [`${long}${i}`]: 1 }, limit: 1 })
      if (i % 20 === 0) await server.run({ find: 'c', filter: { kept: 1 } })
    }
    const names = (await figuresOf(server)).flatMap(({ key }) => Object.keys(key.queryShape.filter ?? {}))
    expect(names).toContain('kept')
    expect(names).toContain(`${long}299`)
    expect(names).not.toContain(`${long}0`)
    expect(names.length).toBeLessThan(200)
  })
})

/** All, however many replies they take. */
async function figuresOf(server: TestServer): Promise<Document[]> {
  const command = { aggregate: 1, pipeline: [{ $queryStats: {} }], cursor: { batchSize: 10_000 }, $db: 'admin' }
  const { cursor } = (await server.run(command)) as { cursor: { firstBatch: Document[] } }
  return cursor.firstBatch
}

function sums(shown: Document): Record<string, number> {
  return Object.fromEntries(Object.entries(shown).map(([name, value]) => [name, Number(String(value))]))
}
