/** Groups of which the first or last documents are read, by seeks over an index, are those that all documents make. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Decimal128, Double, Long, MaxKey, MinKey } from 'bson'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Laura, open } from '../lauradb.ts'
import type { Db } from './db.ts'
import type { Document } from './types.ts'

const directory = mkdtempSync(join(tmpdir(), 'laura-group-index-'))
let laura: Laura
let db: Db

const english = { locale: 'en', strength: 2 } as const
const scalars: readonly unknown[] = [
  ...[0, 1, new Double(1), Long.fromNumber(1), Decimal128.fromString('1.0'), 2.5, -1, Number.NaN],
  ...['a', 'A', 'b', 'á', '', null, undefined, true, new Date(7), { x: 1 }, new MinKey(), new MaxKey()],
]
const lists: readonly unknown[] = [[1, 2], [], [[]], ['a', null], [{ x: 1 }]]
const keys: readonly Document[] = [
  { g: 1 },
  { g: -1, u: 1 },
  { g: 1, m: 1, u: -1 },
  { h: 1, g: -1, m: -1 },
  { 'd.x': 1, m: 1 },
]

beforeAll(async () => {
  laura = await open(directory)
  db = laura.db('test')
  for (const [name, others] of Object.entries({ plain: scalars, lists: [...scalars, ...lists] })) {
    const pick = (from: readonly unknown[], seed: number) => from[seed % from.length]
    const documents = Array.from({ length: 500 }, (_, i): Document => {
      const fields = {
        g: pick(name === 'lists' && i % 3 === 0 ? lists : scalars, i * 7 + (i >> 2)),
        m: pick(scalars, i * 11 + (i >> 4)),
        h: pick([1, 'a', 'A', null], i),
        d: pick(
          name === 'lists' ? [{ x: [1] }, ...others] : [{ x: 1 }, { x: null }, {}, 5, undefined],
          i * 3 + (i >> 5),
        ),
      }
      const given = Object.entries(fields).filter(([, value]) => value !== undefined)
      return { _id: (i * 173) % 500, ...Object.fromEntries(given), u: (i * 331) % 500 }
    })
    const indexed = db.collection(name)
    for (const collection of [indexed, db.collection(`${name}Bare`)]) await collection.insertMany(documents)
    for (const key of keys) await indexed.createIndex(key)
    await indexed.createIndex({ g: 1, m: 1 }, { name: 'english', collation: english })
    const indexes = [
      { key: { m: 1, u: 1 }, name: 'sparse', sparse: true },
      { key: { m: -1 }, name: 'partial', partialFilterExpression: { m: { $gt: 0 } } },
    ]
    await db.command({ createIndexes: name, indexes })
  }
})

afterAll(async () => {
  await laura.close()
  rmSync(directory, { recursive: true, force: true })
})

const value = fc.constantFrom<unknown>(0, 1, 'a', 'b', null)
const condition = fc.oneof(
  value,
  value.map((v) => ({ $gte: v })),
  value.map((v) => ({ $lt: v })),
  fc.tuple(value, value).map((v) => ({ $in: v })),
)
const match = fc
  .tuple(
    fc.option(fc.constantFrom(1, 'a', null)),
    fc.dictionary(fc.constantFrom('g', 'm', 'u'), condition, { maxKeys: 1 }),
  )
  .map(([h, others]): Document => ({ $match: h === null ? others : { h, ...others } }))
const direction = fc.constantFrom(1, -1)
/** Ends with what no two documents share: then the first and last ones are certain. */
const sort = fc
  .tuple(fc.subarray(['h', 'g', 'm']), direction, direction)
  .map(([names, a, b]): Document => ({ $sort: { ...Object.fromEntries(names.map((name) => [name, a])), u: b } }))
const field = fc.constantFrom('$u', '$m', '$g', '$$ROOT', '$h')
const accumulator = fc.oneof(
  field.map((path): Document => ({ $first: path })),
  field.map((path): Document => ({ $last: path })),
  fc.constantFrom<Document>({ $min: '$m' }, { $max: '$m' }, { $min: '$u' }, { $max: '$u' }),
)
const fields = fc.dictionary(fc.constantFrom('a', 'b', 'c'), accumulator, { maxKeys: 3 })
const group = fc
  .tuple(fc.constantFrom('$g', '$m', '$h', '$d.x'), fields)
  .map(([_id, others]): Document => ({ $group: { _id, ...others } }))

/** Equal for values that compare as equal: which of them stands for the others depends on which comes first. */
function comparable(v: unknown, folded: boolean): unknown {
  if (v instanceof Long || v instanceof Double || v instanceof Decimal128) return Number(v.toString())
  if (typeof v === 'bigint') return Number(v)
  if (typeof v === 'number') return String(v)
  return typeof v === 'string' && folded ? v.toLowerCase() : v
}

function shown(found: readonly Document[], folded: boolean): string[] {
  const entry = ([name, v]: [string, unknown]): unknown => [
    name,
    String(comparable(v, folded)),
    JSON.stringify(v)?.length > 60 ? v : '',
  ]
  return found.map((each) => JSON.stringify(Object.entries(each).map(entry))).sort()
}

describe('groups by seeks over an index', () => {
  it.each([
    ['plain', undefined],
    ['lists', undefined],
    ['plain', english],
  ])('are those that all documents make: %s, %o', async (name, collation) => {
    const property = fc.asyncProperty(match, fc.option(sort, { nil: undefined }), group, async (...stages) => {
      const [, order, { $group }] = stages
      const isOrdered = Object.values($group as Document).some(
        (each) => '$first' in Object(each) || '$last' in Object(each),
      )
      // By whatever index the documents are found, they come in its order.
      const isCertain = order !== undefined || !isOrdered
      const pipeline = stages.slice(isCertain ? 0 : 1).filter((stage) => stage !== undefined)
      const options = collation === undefined ? {} : { collation }
      const bare = await db.collection(`${name}Bare`).aggregate(pipeline, options).toArray()
      const found = await db.collection(name).aggregate(pipeline, options).toArray()
      expect(shown(found, collation !== undefined)).toEqual(shown(bare, collation !== undefined))
    })
    await fc.assert(property, { numRuns: 300 })
  })
  const explain = async (collection: string, pipeline: readonly Document[], options: Document = {}) => {
    const command = {
      explain: { aggregate: collection, pipeline, cursor: {}, ...options },
      verbosity: 'executionStats',
    }
    const reply = await db.command(command)
    const [first] = reply['stages'] as [{ $cursor: Document }]
    const { totalKeysExamined, totalDocsExamined, executionStages } = first.$cursor['executionStats'] as Document
    return {
      keys: Number(totalKeysExamined),
      documents: Number(totalDocsExamined),
      plan: JSON.stringify(executionStages),
    }
  }
  const by = (path: string, fields: Document = {}): Document => ({ $group: { _id: path, ...fields } })
  const firstM = { a: { $first: '$m' } }

  it.each<[string, readonly Document[], Document?]>([
    ['the values alone', [by('$h')]],
    ['the first by what follows', [{ $sort: { g: 1, u: -1 } }, by('$g', { a: { $first: '$$ROOT' } })]],
    [
      'the first by an order that does not begin with the group',
      [{ $sort: { u: 1 } }, by('$g', { a: { $first: '$m' } })],
    ],
    ['the last', [{ $sort: { u: 1 } }, by('$g', { a: { $last: '$m' } })]],
    ['first and last', [{ $sort: { u: 1 } }, by('$g', { a: { $first: '$m' }, b: { $last: '$u' } })]],
    ['the first that was inserted', [by('$g', firstM)]],
    ['the least of what follows', [by('$g', { a: { $min: '$m' } })]],
    ['the least and the greatest', [by('$g', { a: { $min: '$u' }, b: { $max: '$u' } })]],
    ['those of one value before', [{ $match: { h: 1 } }, { $sort: { m: 1 } }, by('$g', { a: { $last: '$m' } })]],
    ['a range of groups', [{ $match: { g: { $gte: 1 } } }, by('$g')]],
    ['groups of a collation', [by('$g', { a: { $max: '$m' } })], { collation: english }],
    ['a partial index', [{ $match: { m: { $gt: 0 } } }, by('$m')]],
  ])('are found for %s', async (_, pipeline, options = {}) => {
    const { keys, plan } = await explain('plain', pipeline, options)
    expect(plan).toContain('DISTINCT_SCAN')
    const groups = await db
      .collection('plainBare')
      .aggregate([...pipeline], options)
      .toArray()
    // For each pass a group's first entry, and those before a value that is neither null nor missing.
    const passes = plan.split('"DISTINCT_SCAN"').length - 1
    expect(keys).toBeLessThanOrEqual(passes * (1.5 * groups.length + 2))
  })

  it('read no documents where keys tell all', async () => {
    const { documents, plan } = await explain('plain', [{ $sort: { u: 1 } }, by('$g', { a: { $first: '$u' } })])
    expect(plan).toContain('PROJECTION_COVERED')
    // But those whose values a key does not give back.
    expect(documents).toBeLessThan(6)
  })

  it.each<[string, string, readonly Document[], Document?]>([
    ['arrays at the path', 'lists', [by('$g')]],
    ['a path of an index under another collation', 'plain', [by('$g')], { collation: { locale: 'de' } }],
    ['what a sparse index leaves out', 'plain', [by('$m')]],
    ['documents as groups, which tell null from missing', 'plain', [{ $group: { _id: { h: '$h' } } }]],
    ['other accumulators', 'plain', [by('$g', { a: { $sum: 1 } })]],
    ['an order that the index has not', 'plain', [{ $sort: { _id: 1 } }, by('$g', firstM)]],
    ['a limit before', 'plain', [{ $sort: { g: 1 } }, { $limit: 9 }, by('$g', firstM)]],
    ['filters beside the keys', 'plain', [{ $match: { 'd.y': 1 } }, by('$g')]],
    [
      'several values before the group',
      'plain',
      [{ $match: { h: { $in: [1, 'a'] } } }, by('$g', { a: { $first: '$h' } })],
    ],
    ['the natural order', 'plain', [by('$g', firstM)], { hint: { $natural: 1 } }],
    ['extremes of other fields', 'plain', [by('$g', { a: { $min: '$h' } })]],
    ['entries that are each a group', 'plain', [by('$_id')]],
  ])('are not sought for %s', async (_, name, pipeline, options) => {
    expect((await explain(name, pipeline, options)).plan).not.toContain('DISTINCT_SCAN')
  })

  it('go on when others wrote meanwhile', async () => {
    const collection = db.collection('written')
    await collection.insertMany(Array.from({ length: 3000 }, (_, i) => ({ _id: i, g: i >> 2, u: i })))
    await collection.createIndex({ g: 1, u: 1 })
    const cursor = collection.aggregate(
      [{ $sort: { u: -1 } }, by('$g', { a: { $first: '$u' } }), { $sort: { _id: 1 } }],
      { batchSize: 10 },
    )
    const first = await cursor.next()
    await collection.deleteMany({ g: { $lt: 500 } })
    const rest = await cursor.toArray()
    expect([first, ...rest]).toEqual(Array.from({ length: 750 }, (_, i) => ({ _id: i, a: i * 4 + 3 })))
  })
})
