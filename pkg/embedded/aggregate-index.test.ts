/** Pipelines over a collection with indexes give what they give without: also where the keys of an index are all that is read. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Laura, open } from '../lauradb.ts'
import type { Db } from './db.ts'
import type { Document } from './types.ts'

const directory = mkdtempSync(join(tmpdir(), 'laura-aggregate-index-'))
let laura: Laura
let db: Db

const values: readonly unknown[] = [0, 1, 2, 2.5, -1, 'a', 'b', 'ab', null, undefined, true, new Date(7), { x: 1 }]
const lists: readonly unknown[] = [[1, 2], [], ['a', null]]

beforeAll(async () => {
  laura = await open(directory)
  db = laura.db('test')
  const document = (_id: number, choices: readonly unknown[]): Document => {
    const pick = (from: readonly unknown[], salt: number) => from[(_id * salt + (_id >> 3)) % from.length]
    // No key may have two arrays.
    const fields = { s: pick(values, 5), n: pick(choices, 7), m: pick(values, 11), rest: 'r'.repeat(_id % 50) }
    return { _id, ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) }
  }
  for (const [name, choices] of Object.entries({ plain: values, lists: [...values, ...lists] })) {
    const documents = Array.from({ length: 400 }, (_, _id) => document(_id, choices))
    await db.collection(`${name}Bare`).insertMany(documents)
    await db.collection(name).insertMany(documents)
    for (const key of [{ n: 1 }, { n: 1, m: -1 }, { s: -1 }, { m: 1, n: 1, s: 1 }] as const) {
      await db.collection(name).createIndex(key)
    }
  }
})

afterAll(async () => {
  await laura.close()
  rmSync(directory, { recursive: true, force: true })
})

const field = fc.constantFrom('n', 'm', 's')
const value = fc.constantFrom(0, 1, 2, 'a', null, true)
const condition = fc.oneof(
  value,
  value.map((v) => ({ $gte: v })),
  value.map((v) => ({ $lt: v })),
  fc.tuple(value, value).map((v) => ({ $in: v })),
  fc.boolean().map((b) => ({ $exists: b })),
)
const match = fc.dictionary(field, condition, { maxKeys: 2 }).map(($match): Document => ({ $match }))
const path = field.map((name) => `$${name}`)

/** Results that do not depend on the order in which documents come. */
const group = fc.tuple(fc.oneof(path, fc.constant(null), fc.tuple(path, path)), path, path).map(
  ([_id, a, b]): Document => ({
    $group: {
      _id: { id: _id },
      n: { $sum: 1 },
      total: { $sum: a },
      least: { $min: b },
      greatest: { $max: a },
    },
  }),
)
const between = fc.oneof(
  fc.constant(undefined),
  match,
  path.map((p): Document => ({ $set: { n: p } })),
  fc.constant<Document>({ $project: { n: 1, m: 1 } }),
  fc.constant<Document>({ $unset: 's' }),
)
const last = fc.oneof(
  { weight: 5, arbitrary: group },
  { weight: 1, arbitrary: fc.constant<Document>({ $count: 'n' }) },
  { weight: 1, arbitrary: path.map((p): Document => ({ $sortByCount: p })) },
)

const sorted = (found: Document[]) => found.map((each) => JSON.stringify(each)).sort()

describe('pipelines over indexes', () => {
  it.each(['plain', 'lists'])('give what they give without any: %s', async (name) => {
    const property = fc.asyncProperty(match, between, last, async (...stages) => {
      const pipeline = stages.filter((stage) => stage !== undefined)
      const bare = await db.collection(`${name}Bare`).aggregate(pipeline).toArray()
      expect(sorted(await db.collection(name).aggregate(pipeline).toArray())).toEqual(sorted(bare))
    })
    await fc.assert(property, { numRuns: 150 })
  })

  it('read no document where a key tells all', async () => {
    const explain = async (hint: Document, ...pipeline: Document[]) => {
      const reply = await db.command({
        explain: { aggregate: 'plain', pipeline, hint, cursor: {} },
        verbosity: 'executionStats',
      })
      const [first] = reply['stages'] as { $cursor: { executionStats: Document } }[]
      return first!.$cursor.executionStats
    }
    const group = { $group: { _id: '$n', most: { $max: '$m' } } }
    const both = { n: 1, m: -1 }
    const covered = await explain(both, { $match: { n: { $in: [1, 2] } } }, { $match: { m: { $gte: 0 } } }, group)
    expect(covered).toMatchObject({ totalDocsExamined: 0 })
    expect(covered['nReturned']).toBeGreaterThan(0)
    const counted = await explain({ n: 1 }, { $match: { n: { $gt: 0 } } }, { $count: 'n' })
    expect(counted).toMatchObject({ totalDocsExamined: 0 })
  })
})
