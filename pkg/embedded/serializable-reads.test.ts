/**
 * Whatever a serializable transaction reads, by whatever plan: when a write of somebody else changes it, the transaction does not commit; when it has
 * locked it, the write waits. Random reads and writes, held against what the same read gives before and after.
 */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DatabaseError } from '../base/errors.ts'
import { Database } from '../command/dispatch.ts'
import { Engine } from '../engine/engine.ts'
import { compileIndexFilter } from '../query/index-filter.ts'
import { SeededRandom } from '../sim/random.ts'
import { type SimulatedWorld, simulatedWorld } from '../sim/world.ts'
import type { Db } from './db.ts'
import { Laura } from './laura.ts'
import type { Document } from './types.ts'

const seedCount = 6
const stepsPerSeed = 150

let world: SimulatedWorld
let laura: Laura

beforeEach(async () => {
  world = simulatedWorld(5)
  const engine = await Engine.open(world, 'data', { compileFilter: compileIndexFilter })
  laura = new Laura(engine, new Database(engine, world, { version: 'test' }))
})

afterEach(() => {
  world.clock.stop()
})

type Action = readonly [text: string, run: (db: Db) => Promise<unknown>]

/** Draws documents of few values, so that writes hit what was read. */
class Drawn {
  readonly #random: SeededRandom

  constructor(seed: number) {
    this.#random = new SeededRandom(seed)
  }

  one<Item>(...items: readonly Item[]): Item {
    return items[this.#random.integer(items.length)]!
  }

  value(): number {
    return this.#random.integer(6)
  }

  id(): number {
    return this.#random.integer(16)
  }

  document(_id: number): Document {
    const [v, w] = [this.value(), this.value()]
    return {
      _id,
      a: this.value(),
      b: this.one<unknown>(v, w, [v, w]),
      c: { d: this.value() },
      ...this.one({}, { w }, { w: v }),
    }
  }

  filter(): Document {
    const [v, w] = [this.value(), this.value()]
    const compared = { [this.one('$gt', '$gte', '$lt', '$lte', '$eq', '$ne')]: v }
    return this.one<Document>(
      {},
      { _id: this.id() },
      { _id: { $gt: this.id() } },
      { a: compared },
      { a: { $gt: 2, $lt: 5 } },
      { a: { $in: [v, w] } },
      { b: compared, a: w },
      { b: { $elemMatch: { $gt: v } } },
      { 'c.d': v },
      { w: { $exists: v < 3 } },
      { $or: [{ a: v }, { b: w }] },
    )
  }

  pipeline(): Document[] {
    const [$match, inner] = [this.filter(), this.filter()]
    const ofOther = { from: 'y', as: 'l' }
    const above = [{ $match: { $expr: { $gt: ['$a', '$$v'] } } }]
    return this.one<Document[]>(
      [{ $match }, { $count: 'n' }],
      [{ $group: { _id: '$a' } }, { $sort: { _id: 1 } }],
      [{ $sort: { a: 1, _id: 1 } }, { $group: { _id: '$a', first: { $first: '$_id' } } }, { $sort: { _id: 1 } }],
      [{ $group: { _id: null, most: { $max: '$a' }, least: { $min: '$a' } } }],
      [{ $sort: { a: -1, _id: 1 } }, { $limit: 3 }],
      [{ $match }, { $lookup: { ...ofOther, localField: 'a', foreignField: 'a' } }, { $sort: { _id: 1 } }],
      [{ $match: { _id: this.id() } }, { $lookup: { ...ofOther, let: { v: '$a' }, pipeline: above } }],
      [
        { $match: { _id: this.id() } },
        { $unionWith: { coll: 'y', pipeline: [{ $match: inner }, { $sort: { _id: 1 } }] } },
      ],
      [
        { $match: { _id: this.id() } },
        { $graphLookup: { ...ofOther, startWith: '$a', connectFromField: 'b', connectToField: 'a' } },
        { $project: { n: { $size: '$l' } } },
      ],
      [{ $facet: { found: [{ $match }, { $count: 'n' }], first: [{ $sort: { _id: 1 } }, { $limit: 1 }] } }],
    )
  }

  read(): Action {
    const filter = this.filter()
    const sort = this.one<Record<string, 1 | -1>>({ _id: 1 }, { _id: -1 }, { a: 1, _id: 1 }, { b: 1, _id: 1 })
    const field = this.one('a', 'b', 'w', 'c.d')
    const pipeline = this.pipeline()
    const key = this.one('a', 'w')
    const shown = JSON.stringify(filter)
    return this.one<Action>(
      [`find ${shown}`, (db) => db.collection('x').find(filter).toArray().then(inAnyOrder)],
      [`find ${shown}, sorted`, (db) => db.collection('x').find(filter).sort(sort).toArray()],
      [`find ${shown}, the first two`, (db) => db.collection('x').find(filter).sort(sort).limit(2).toArray()],
      [
        `the keys of ${key}`,
        (db) =>
          db
            .collection('x')
            .find({ [key]: { $gt: 1 } })
            .project({ _id: 0, [key]: 1 })
            .hint({ [key]: 1 })
            .toArray(),
      ],
      [`count ${shown}`, (db) => db.collection('x').countDocuments(filter)],
      [`distinct ${field} of ${shown}`, async (db) => inAnyOrder(await db.collection('x').distinct(field, filter))],
      [`aggregate ${JSON.stringify(pipeline)}`, (db) => db.collection('x').aggregate(pipeline).toArray()],
    )
  }

  write(newId: number): Action {
    const name = this.one('x', 'x', 'x', 'y')
    const [_id, v, w] = [this.id(), this.value(), this.value()]
    const upsert = this.one(true, false)
    const drawn = this.document(_id)
    return this.one<Action>(
      [`insert into ${name}`, (db) => db.collection(name).insertOne({ ...drawn, _id: newId })],
      [`replace ${_id} of ${name}`, (db) => db.collection(name).replaceOne({ _id }, drawn, { upsert })],
      [`delete ${_id} of ${name}`, (db) => db.collection(name).deleteOne({ _id })],
      [`a = ${v} in ${_id} of ${name}`, (db) => db.collection(name).updateOne({ _id }, { $set: { a: v } })],
      [`b in ${_id} of ${name}`, (db) => db.collection(name).updateOne({ _id }, { $set: { b: [v, w], w: v } })],
      [`where a = ${v} in ${name}`, (db) => db.collection(name).updateMany({ a: v }, { $inc: { a: 1, 'c.d': 1 } })],
    )
  }
}

function inAnyOrder(values: readonly unknown[]): string[] {
  return values.map((value) => JSON.stringify(value)).sort()
}

async function fill(drawn: Drawn): Promise<void> {
  for (const name of ['x', 'y']) {
    const collection = laura.db('db').collection(name)
    await collection.insertMany(Array.from({ length: 12 }, (_, _id) => drawn.document(_id)))
    await collection.createIndex('a')
  }
  const keys: readonly (readonly [key: Document, options?: Document])[] = [
    [{ b: 1, a: -1 }],
    [{ 'c.d': 'hashed' }],
    [{ 'c.$**': 1 }],
    [{ w: 1 }, { sparse: true }],
    [{ a: 1, _id: 1 }, { partialFilterExpression: { a: { $gt: 2 } } }],
  ]
  const indexes = keys.map(([key, options], n) => ({ key, name: `i${n}`, ...options }))
  await laura.db('db').command({ createIndexes: 'x', indexes })
}

test.each(Array.from({ length: seedCount }, (_, seed) => seed))(
  'what is read is so at the commit (seed %i)',
  async (seed) => {
    const drawn = new Drawn(seed)
    await fill(drawn)
    let changedCount = 0
    for (let step = 0; step < stepsPerSeed; step++) {
      const [readText, read] = drawn.read()
      const [writeText, write] = drawn.write(100 + step)
      const readLocks = drawn.one(true, false)
      const about = `step ${step}: ${readText}; ${writeText}${readLocks ? '; with locks' : ''}`
      const session = laura.startSession()
      session.startTransaction({ isolation: 'serializable', readLocks })
      const before = await read(session.db('db'))
      expect(before, about).toEqual(await read(laura.db('db')))
      let written = false
      const inTransaction = (): Promise<unknown> =>
        laura.transaction((other) => write(other.db('db')), { isolation: 'read committed', onConflict: 'wait' })
      const writing = (drawn.one(true, false) ? inTransaction() : write(laura.db('db'))).then(() => {
        written = true
      })
      for (let n = 0; n < 40 && !written; n++) await world.clock.yield()
      const waits = !written
      expect(waits && !readLocks, about).toBe(false)
      const after = waits ? before : await read(laura.db('db'))
      await session.db('db').collection('z').insertOne({ step })
      const end = await session.commitTransaction().then(
        () => 'ok',
        (error: unknown) => (error instanceof DatabaseError ? error.codeName : error),
      )
      await writing
      const isChanged = JSON.stringify(after) !== JSON.stringify(before)
      if (isChanged) changedCount++
      // Ranges may be wider than what was found in them: a write beside that may be refused for nothing, but not one that changes it let go.
      if (readLocks) expect(isChanged, about).toBe(false)
      if (isChanged) expect(end, about).toBe('WriteConflict')
      else expect(['ok', 'WriteConflict'], about).toContain(end)
      if (waits) expect(end, about).toBe('ok')
    }
    // It says nothing if nothing was ever changed.
    expect(changedCount).toBeGreaterThan(stepsPerSeed / 30)
  },
)
