/** Groups, windows and joins on random data against models that are as dumb as can be. */
import { describe, expect, it } from 'vitest'
import { buildArray, buildDocument } from '../bson/build.ts'
import { parsePipeline } from './parse.ts'
import { DocumentRows } from './rows.ts'
import { runPipeline } from './run.ts'
import { Files, run } from './testdata/pipelines.ts'

interface Sale {
  readonly _id: number
  readonly shop: string
  readonly at: number
  readonly sum: number | null
}

/** A generator of numbers in [0, 1) from a seed. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

function sales(seed: number, count: number, shops: number): Sale[] {
  const random = randomFrom(seed)
  return Array.from({ length: count }, (_, _id) => ({
    _id,
    shop: `shop${Math.floor(random() * shops)}`,
    at: Math.floor(random() * 50),
    sum: random() < 0.1 ? null : Math.floor(random() * 1000) - 500,
  }))
}

const seeds = [1, 2, 3]

describe('groups', () => {
  it.each(seeds)('are those of a map (seed %d)', (seed) => {
    const data = sales(seed, 700, 40)
    const groups = new Map<
      string,
      { _id: string; count: number; total: number; greatest: number | null; all: unknown[] }
    >()
    for (const { shop, sum } of data) {
      let group = groups.get(shop)
      if (group === undefined) {
        group = { _id: shop, count: 0, total: 0, greatest: null, all: [] }
        groups.set(shop, group)
      }
      group.count++
      group.all.push(sum)
      if (sum === null) continue
      group.total += sum
      if (group.greatest === null || sum > group.greatest) group.greatest = sum
    }
    const grouped = run([groupStage], data)
    expect(grouped).toEqual([...groups.values()])
  })

  it.each(seeds)('are the same when they go to disk (seed %d)', (seed) => {
    const data = sales(seed, 6000, 3000)
    const files = new Files()
    const options = { memoryLimitBytes: 300_000, allowDiskUse: true, host: files.host }
    const spilled = run([groupStage, { $sort: { _id: 1 } }], data, options)
    expect(files.made).toBeGreaterThan(0)
    expect(files.open).toBe(0)
    expect(spilled).toEqual(run([groupStage, { $sort: { _id: 1 } }], data))
  })

  it('of elements are the same when they go to disk', () => {
    const data = sales(5, 3000, 3000).map((sale) => ({ ...sale, tags: [sale.shop, sale.sum, `t${sale._id}`] }))
    const files = new Files()
    const stages = [
      { $unwind: '$tags' },
      { $group: { _id: '$tags', n: { $sum: 1 }, all: { $push: '$tags' } } },
      { $sort: { _id: 1 } },
    ]
    const spilled = run(stages, data, { memoryLimitBytes: 300_000, allowDiskUse: true, host: files.host })
    expect(files.made).toBeGreaterThan(0)
    expect(files.open).toBe(0)
    expect(spilled).toEqual(run(stages, data))
  })

  it('are refused beyond their memory when nothing may go to disk', () => {
    const data = sales(4, 6000, 3000)
    expect(() => run([groupStage], data, { memoryLimitBytes: 300_000 })).toThrow(/memory limit for \$group/)
  })
})

const groupStage = {
  $group: {
    _id: '$shop',
    count: { $sum: 1 },
    total: { $sum: '$sum' },
    greatest: { $max: '$sum' },
    all: { $push: '$sum' },
  },
}

describe('windows', () => {
  const frames: readonly (readonly [unknown, unknown])[] = [
    ['unbounded', 'current'],
    [-2, 0],
    [-3, 2],
    [1, 4],
    ['current', 'unbounded'],
    ['unbounded', 'unbounded'],
  ]

  it.each(frames)('of documents %j to %j are sums over slices', (lower, upper) => {
    const data = sales(5, 300, 7)
    const window = { documents: [lower, upper] }
    const found = run(
      [
        {
          $setWindowFields: {
            partitionBy: '$shop',
            sortBy: { at: 1, _id: 1 },
            output: {
              total: { $sum: '$sum', window },
              least: { $min: '$sum', window },
              all: { $push: '$_id', window },
              first: { $first: '$_id', window },
              place: { $documentNumber: {} },
            },
          },
        },
      ],
      data,
    )
    expect(found).toHaveLength(data.length)
    for (const row of found) {
      const partition = data.filter(({ shop }) => shop === row.shop).sort((a, b) => a.at - b.at || a._id - b._id)
      const i = partition.findIndex(({ _id }) => _id === row._id)
      const from = lower === 'unbounded' ? 0 : Math.max(0, i + (lower === 'current' ? 0 : Number(lower)))
      const to = upper === 'unbounded' ? partition.length : i + (upper === 'current' ? 0 : Number(upper)) + 1
      const frame = partition.slice(from, Math.max(from, to))
      const sums = frame.flatMap(({ sum }) => (sum === null ? [] : [sum]))
      expect(row).toMatchObject({
        place: i + 1,
        total: sums.reduce((a, b) => a + b, 0),
        least: sums.length === 0 ? null : Math.min(...sums),
        all: frame.map(({ _id }) => _id),
        first: frame[0]?._id ?? null,
      })
    }
  })

  it.each([
    [-5, 0],
    [-3, 3],
    [2, 6],
    ['unbounded', 'current'],
  ] as const)('of a range from %j to %j are sums over values', (lower, upper) => {
    const data = sales(6, 300, 3)
    const found = run(
      [
        {
          $setWindowFields: {
            partitionBy: '$shop',
            sortBy: { at: 1 },
            output: { total: { $sum: '$sum', window: { range: [lower, upper] } }, rank: { $rank: {} } },
          },
        },
      ],
      data,
    )
    for (const row of found) {
      const partition = data.filter(({ shop }) => shop === row.shop)
      const at = row.at as number
      const from = lower === 'unbounded' ? -Infinity : at + lower
      const to = upper === 'current' ? at : at + upper
      const inRange = partition.filter((each) => each.at >= from && each.at <= to)
      expect(row.total).toBe(inRange.reduce((total, { sum }) => total + (sum ?? 0), 0))
      expect(row.rank).toBe(1 + partition.filter((each) => each.at < at).length)
    }
  })
})

describe('stages that sort', () => {
  const window = { documents: [-5, 'current'] }
  const stages: readonly Record<string, unknown>[] = [
    { $sort: { sum: -1, _id: 1 } },
    { $bucketAuto: { groupBy: '$sum', buckets: 7, output: { all: { $push: '$_id' } } } },
    { $setWindowFields: { partitionBy: '$shop', sortBy: { at: 1, _id: 1 }, output: { t: { $sum: '$sum', window } } } },
    { $densify: { field: 'at', partitionByFields: ['shop'], range: { step: 3, bounds: 'full' } } },
  ]
  it.each(stages)('give the same when they go to disk: %j', (stage) => {
    const data = sales(9, 12_000, 40)
    const files = new Files()
    const spilled = run([stage], data, { memoryLimitBytes: 400_000, allowDiskUse: true, host: files.host })
    expect(files.made).toBeGreaterThan(0)
    expect(files.open).toBe(0)
    expect(spilled).toEqual(run([stage], data))
  })

  it('leave no file behind when they are closed before their end', () => {
    const files = new Files()
    const documents = sales(10, 12_000, 40).map((each) => buildDocument({ ...each }))
    const rows = runPipeline(parsePipeline(buildArray([{ $sort: { sum: 1 } }])), new DocumentRows(documents), {
      nowMs: 0,
      memoryLimitBytes: 400_000,
      allowDiskUse: true,
      host: files.host,
    })
    expect(rows.next()).toBe(true)
    expect(files.open).toBeGreaterThan(0)
    rows.close()
    expect(files.open).toBe(0)
  })
})

describe('moving filters', () => {
  const filters = [
    { shop: 'shop1' },
    { at: { $gt: 20 } },
    { sum: null },
    { 'extra.a': { $lt: 20 } },
    { $or: [{ at: 3 }, { sum: 7 }] },
  ]
  const befores = [
    { $sort: { at: 1, _id: 1 } },
    { $addFields: { at: { $add: ['$at', 1] }, 'extra.a': '$at' } },
    { $project: { shop: 1, at: 1 } },
    { $unset: 'sum' },
    { $set: { extra: { a: '$sum' } } },
  ]
  it.each(befores)('before %j changes nothing', (before) => {
    const data = sales(8, 200, 4)
    for (const filter of filters) {
      const optimised = run([before, { $match: filter }], data)
      // A stage that nothing may pass stands between.
      const plain = run([before, { $skip: 0 }, { $match: filter }], data)
      expect(optimised).toEqual(plain)
    }
  })
})
