import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Decimal128, Double, Long } from 'bson'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Laura, open } from '../lauradb.ts'
import { SeededRandom } from '../sim/random.ts'
import type { Db } from './db.ts'
import type { Document } from './types.ts'

const directory = mkdtempSync(join(tmpdir(), 'laura-lookup-'))
let laura: Laura
let db: Db

const keys: unknown[] = [0, 1, 2.5, 'a', 'b', null, undefined, [1, 2], [], { x: 1 }, true, new Date(5), /a/, 99]

const foreign: Document[] = Array.from({ length: 90 }, (_, _id) => {
  const key = keys[(_id * 7) % keys.length]
  return { _id, ...(key === undefined ? {} : { key }), rest: 'r'.repeat(_id) }
})
/** Without the arrays, so that the index tells all. */
const plain = foreign.filter(({ key }) => !Array.isArray(key))
const local: Document[] = Array.from({ length: 60 }, (_, _id) => {
  const key = keys[(_id * 5) % keys.length]
  return { _id, a: { ...(key === undefined ? {} : { key }) }, who: _id % 9 === 0 ? 'before' : undefined, n: _id % 4 }
})

beforeAll(async () => {
  laura = await open(directory)
  db = laura.db('test')
  await db.collection('local').insertMany(local)
  for (const [name, documents] of Object.entries({ foreign, plain })) {
    await db.collection(name).insertMany(documents as Document[])
    await db.collection(`${name}Up`).insertMany(documents as Document[])
    await db.collection(`${name}Up`).createIndex({ key: 1 })
    await db.collection(`${name}Down`).insertMany(documents as Document[])
    await db.collection(`${name}Down`).createIndex({ key: -1 })
  }
})

afterAll(async () => {
  await laura.close()
  rmSync(directory, { recursive: true, force: true })
})

const tails: readonly Document[][] = [
  [],
  [{ $unwind: '$who' }],
  [{ $unwind: { path: '$who', preserveNullAndEmptyArrays: true } }],
  [{ $unwind: { path: '$who', includeArrayIndex: 'n' } }],
  [{ $group: { _id: '$n', found: { $sum: { $size: '$who' } } } }, { $sort: { _id: 1 } }],
  [{ $group: { _id: '$n', found: { $push: '$who' } } }, { $sort: { _id: 1 } }],
  [{ $unwind: '$who' }, { $group: { _id: '$who.key', found: { $sum: '$n' } } }, { $sort: { found: 1, _id: 1 } }],
  [{ $unwind: '$who' }, { $group: { _id: null, found: { $sum: 1 } } }],
]

describe('$lookup', () => {
  it.each(['foreign', 'plain'])('finds by an index of %s what it finds without one', async (name) => {
    const join = (from: string, tail: Document[]) =>
      db
        .collection('local')
        .aggregate([
          { $lookup: { from, localField: 'a.key', foreignField: 'key', as: 'who' } },
          // The order of several foreign documents is the index's.
          ...(tail.length === 0 ? [{ $set: { who: { $sortArray: { input: '$who', sortBy: { _id: 1 } } } } }] : tail),
        ])
        .toArray()
    for (const tail of tails) {
      const expected = await join(name, [...tail])
      expect(await join(`${name}Up`, [...tail]), JSON.stringify(tail)).toEqual(expected)
      expect(await join(`${name}Down`, [...tail]), JSON.stringify(tail)).toEqual(expected)
    }
  })

  it('finds many keys by an index, in whatever order and however often they come', async () => {
    // Beginnings that many have in common, one key the beginning of another, and keys that nobody has.
    const keyOf = (n: number) => (n % 3 === 0 ? `person ${n}` : n % 3 === 1 ? `person ${'x'.repeat(n % 40)}` : n / 8)
    const many = Array.from({ length: 2500 }, (_, _id) => ({ _id, key: keyOf((_id * 48271) % 1999) }))
    for (const [name, unique] of Object.entries({ some: false, each: true })) {
      const seen = new Set<unknown>()
      const documents = Array.from({ length: 1500 }, (_, _id) => ({ _id, key: keyOf((_id * 16807) % 1801) }))
      const kept = documents.filter(({ key }) => !unique || (!seen.has(key) && seen.add(key)))
      await db.collection(`${name}Bare`).insertMany(kept)
      await db.collection(name).insertMany(kept)
      await db.collection(name).createIndex({ key: 1 }, { unique })
    }
    await db.collection('many').insertMany(many)
    for (const name of ['some', 'each']) {
      const join = (from: string, ...tail: Document[]) =>
        db
          .collection('many')
          .aggregate([{ $lookup: { from, localField: 'key', foreignField: 'key', as: 'who' } }, ...tail])
          .toArray()
      expect(await join(name)).toEqual(await join(`${name}Bare`))
      const sizes = { $group: { _id: null, sizes: { $push: { $size: '$who' } } } }
      expect(await join(name, sizes)).toEqual(await join(`${name}Bare`, sizes))
      expect(await join(name, { $limit: 3 })).toEqual(await join(`${name}Bare`, { $limit: 3 }))
    }
  })

  it('finds all documents of keys that lie in several leaves, however often they are asked for', async () => {
    const documents = Array.from({ length: 6000 }, (_, _id) => ({ _id, key: `key ${(_id * 16807) % 23}` }))
    for (const name of ['crowdedBare', 'crowded']) await db.collection(name).insertMany(documents)
    await db.collection('crowded').createIndex({ key: 1 })
    await db.collection('often').insertMany(Array.from({ length: 1000 }, (_, _id) => ({ _id, key: `key ${_id % 25}` })))
    const join = (from: string) =>
      db
        .collection('often')
        .aggregate([
          { $lookup: { from, localField: 'key', foreignField: 'key', as: 'who' } },
          { $project: { n: { $size: '$who' }, sum: { $sum: '$who._id' } } },
        ])
        .toArray()
    expect(await join('crowded')).toEqual(await join('crowdedBare'))
  })

  it.each([1, 2, 3, 4, 5, 6])(
    'finds the same by an index, a table and one query for each document (seed %i)',
    async (seed) => {
      const random = new SeededRandom(seed)
      const collation = seed % 2 === 0 ? ({ locale: 'en', strength: 2 } as const) : undefined
      // Every other pair of seeds has arrays, which an index tells less about.
      const hasArrays = seed > 4
      const number = (): unknown => {
        const n = random.integer(40) - 20
        return [n, new Double(n), Long.fromNumber(n), Decimal128.fromString(`${n}.0`), n + 0.5][random.integer(5)]
      }
      const scalar = (): unknown => {
        const texts = ['a', 'A', 'ab', 'aB', 'é', 'b', '', `long ${'x'.repeat(random.integer(60))}`]
        const others = [
          null,
          true,
          { x: random.integer(3) },
          { x: random.integer(3), y: 'A' },
          new Date(random.integer(9)),
          /a/,
        ]
        const kind = random.integer(8)
        if (kind < 4) return number()
        return kind < 7 ? texts[random.integer(texts.length)] : others[random.integer(others.length)]
      }
      const value = (arrays: boolean): unknown =>
        arrays && random.integer(6) === 0 ? Array.from({ length: random.integer(4) }, scalar) : scalar()
      const keyed = (_id: number, arrays: boolean): Document =>
        random.integer(12) === 0 ? { _id } : { _id, k: { v: value(arrays) }, pad: 'p'.repeat(random.integer(200)) }
      const foreignOnes = Array.from({ length: 400 }, (_, _id) => keyed(_id, hasArrays))
      const [bare, indexed, local] = ['bare', 'indexed', 'left'].map((name) => db.collection(`${name}${seed}`))
      await bare!.insertMany(foreignOnes)
      await indexed!.insertMany(foreignOnes)
      const direction = random.integer(2) === 0 ? 1 : -1
      await indexed!.createIndex({ 'k.v': direction }, collation === undefined ? {} : { collation })
      await local!.insertMany(Array.from({ length: 700 }, (_, _id) => keyed(_id, true)))

      const join = (from: string, pipeline: object) =>
        local!
          .aggregate(
            [
              { $lookup: { from, localField: 'k.v', foreignField: 'k.v', as: 'who', ...pipeline } },
              { $set: { who: { $sortArray: { input: '$who', sortBy: { _id: 1 } } } } },
            ],
            collation === undefined ? {} : { collation },
          )
          .toArray()
      const byQueries = await join(`bare${seed}`, { pipeline: [] })
      expect(byQueries.filter(({ who }) => (who as unknown[]).length > 0).length).toBeGreaterThan(300)
      expect(await join(`bare${seed}`, {})).toEqual(byQueries)
      expect(await join(`indexed${seed}`, {})).toEqual(byQueries)
      expect(await join(`indexed${seed}`, { pipeline: [] })).toEqual(byQueries)

      const shaping = {
        let: { id: '$_id' },
        pipeline: [{ $set: { pad: '$$id' } }, { $sort: { _id: 1 } }, { $limit: 3 }],
      }
      const shaped = await join(`bare${seed}`, shaping)
      expect(shaped).not.toEqual(byQueries)
      expect(await join(`indexed${seed}`, shaping)).toEqual(shaped)
    },
  )

  it('sees the foreign documents as they were when the pipeline began', async () => {
    await db.collection('items').insertMany(Array.from({ length: 500 }, (_, _id) => ({ _id, key: _id })))
    await db.collection('items').createIndex({ key: 1 })
    const cursor = db
      .collection('items')
      .aggregate([{ $lookup: { from: 'items', localField: 'key', foreignField: 'key', as: 'same' } }], { batchSize: 2 })
    expect(await cursor.next()).toEqual({ _id: 0, key: 0, same: [{ _id: 0, key: 0 }] })
    await db.collection('items').updateMany({}, { $inc: { key: 1000 } })
    const rest = await cursor.toArray()
    expect(rest).toHaveLength(499)
    for (const { _id, key, same } of rest) expect(same).toEqual([{ _id, key }])
  })

  it.each([
    [{ from: 'plain', pipeline: [{ $match: { _id: { $gt: 70 } } }, { $set: { more: 1 } }] }],
    [{ from: 'plain', let: { n: '$n' }, pipeline: [{ $set: { more: '$$n' } }, { $match: { _id: { $lt: 9 } } }] }],
    [{ pipeline: [{ $documents: [{ a: 1 }, { a: 2 }, { a: 3 }] }, { $set: { more: 1 } }] }],
  ])('goes on in the middle of what a pipeline finds: %j', async (lookup) => {
    const stages = [{ $lookup: { ...lookup, as: 'found' } }, { $unwind: '$found' }]
    const whole = await db.collection('local').aggregate(stages).toArray()
    expect(whole.length).toBeGreaterThan(100)
    expect(await db.collection('local').aggregate(stages, { batchSize: 2 }).toArray()).toEqual(whole)
  })
})
