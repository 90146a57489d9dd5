/** The embedded API against the official driver: the same operations on both give the same results and the same documents. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BSON, MongoClient } from 'mongodb'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { LauraServer } from '../../server/laura-process.ts'
import { type Collection, type Laura, open } from '../lauradb.ts'
import { SeededRandom } from '../sim/random.ts'
import type { BulkOperation, Document } from './types.ts'

const folder = mkdtempSync(join(tmpdir(), 'laura-both-'))
let laura: Laura
let server: LauraServer
let client: MongoClient

beforeAll(async () => {
  laura = await open(join(folder, 'embedded'))
  server = await LauraServer.start(join(folder, 'server'))
  client = await new MongoClient(server.mongoUri).connect()
})
afterAll(async () => {
  await laura.close()
  await client.close()
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

class Draws {
  readonly #random: SeededRandom

  constructor(seed: number) {
    this.#random = new SeededRandom(seed)
  }

  below(limit: number): number {
    return this.#random.integer(limit)
  }

  one<T>(...choices: readonly T[]): T {
    return choices[this.below(choices.length)]!
  }

  value(): unknown {
    return this.one<() => unknown>(
      () => this.below(5),
      () => this.below(10) / 2,
      () => this.one('', 'a', 'b', 'ä🦊'),
      () => null,
      () => this.below(2) === 0,
      () => Array.from({ length: this.below(4) }, () => this.below(4)),
      () => ({ x: this.below(3), y: this.one('p', 'q') }),
      () => new Date(this.below(3) * 1000),
      () => new BSON.Decimal128(String(this.below(3))),
    )()
  }

  document(): Document {
    const document: Document = { _id: this.below(40) }
    for (const name of ['n', 's', 'list', 'sub']) if (this.below(3) > 0) document[name] = this.value()
    return document
  }

  filter(): Document {
    const path = this.one('n', 's', 'list', 'sub', 'sub.x', 'list.0', '_id')
    return this.one<() => Document>(
      () => ({ _id: this.below(40) }),
      () => ({}),
      () => ({ [path]: this.value() }),
      () => ({ [path]: { [this.one('$gt', '$lte', '$ne', '$eq')]: this.value() } }),
      () => ({ [path]: { $in: [this.value(), this.value()] } }),
      () => ({ [path]: { $exists: this.below(2) === 0 } }),
      () => ({ $or: [{ [path]: this.value() }, { n: { $gte: this.below(4) } }] }),
    )()
  }

  update(): Document {
    const path = this.one('n', 's', 'list', 'sub.x', 'sub.z', 'new')
    return this.one<() => Document>(
      () => ({ $set: { [path]: this.value() } }),
      () => ({ $inc: { [path]: this.one(1, 2.5, -1) } }),
      () => ({ $unset: { [path]: '' } }),
      () => ({ $push: { list: this.below(4) } }),
      () => ({ $pull: { list: this.below(4) } }),
      () => ({ $set: { n: this.below(9) }, $inc: { 'sub.x': 1 } }),
    )()
  }

  sort(): Document {
    return { [this.one('n', 's', 'sub', 'list')]: this.one(1, -1), _id: 1 }
  }
}

/** What both collections have in common; the driver's types say more than the tests need. */
type Both = Pick<
  Collection,
  | 'insertOne'
  | 'insertMany'
  | 'updateOne'
  | 'updateMany'
  | 'replaceOne'
  | 'deleteOne'
  | 'deleteMany'
  | 'findOne'
  | 'findOneAndUpdate'
  | 'findOneAndReplace'
  | 'findOneAndDelete'
  | 'bulkWrite'
  | 'countDocuments'
  | 'distinct'
  | 'createIndex'
> & {
  find(filter: Document, options?: object): { toArray(): Promise<Document[]> }
  aggregate(pipeline: Document[]): { toArray(): Promise<Document[]> }
}

type Action = (collection: Both) => Promise<unknown>

function action(draws: Draws): Action {
  const [filter, update, document, sort] = [draws.filter(), draws.update(), draws.document(), draws.sort()]
  const { _id, ...replacement } = document
  const upsert = draws.below(4) === 0 ? { upsert: true } : {}
  const after = { sort, returnDocument: draws.one('before', 'after') } as const
  const many = Array.from({ length: 1 + draws.below(5) }, () => draws.document())
  const ordered = draws.below(2) === 0
  const operations: BulkOperation[] = Array.from({ length: 1 + draws.below(4) }, () =>
    draws.one<() => BulkOperation>(
      () => ({ insertOne: { document: draws.document() } }),
      () => ({ updateOne: { filter: { _id: draws.below(40) }, update: draws.update() } }),
      () => ({ updateMany: { filter: draws.filter(), update: draws.update() } }),
      () => ({ deleteOne: { filter: { _id: draws.below(40) } } }),
    )(),
  )
  const index = draws.one<Document>({ n: 1 }, { list: -1 }, { sub: 1 })
  const seldom = draws.below(6) === 0
  const skip = draws.below(3)
  const limit = draws.below(6)
  // An upsert without _id makes a random one: only where the filter gives it can both have the same.
  const byId = { _id: draws.below(60) }
  return draws.one<Action>(
    (both) => both.insertOne({ ...document }),
    (both) =>
      both.insertMany(
        many.map((each) => ({ ...each })),
        { ordered },
      ),
    (both) => both.updateOne('upsert' in upsert ? byId : { _id: byId._id }, update, upsert),
    (both) => both.updateMany(filter, update),
    (both) => both.replaceOne(byId, replacement, upsert),
    (both) => both.deleteOne(byId),
    (both) => (seldom ? both.deleteMany(filter) : both.findOne(byId)),
    (both) => both.findOneAndUpdate(byId, update, { ...upsert, returnDocument: after.returnDocument }),
    (both) => both.findOneAndReplace(byId, replacement, { returnDocument: after.returnDocument }),
    (both) => both.findOneAndUpdate(filter, update, after),
    (both) => both.findOneAndDelete(filter, { sort }),
    // Without an order the driver sends all of one kind together: what comes of that may differ.
    (both) => both.bulkWrite(operations),
    (both) => both.find(filter, { sort, skip, limit }).toArray(),
    (both) => both.find(filter, { sort, projection: { n: 1, 'sub.x': 1 } }).toArray(),
    (both) => both.countDocuments(filter),
    (both) => both.distinct('n', filter),
    (both) =>
      both.aggregate([{ $match: filter }, { $group: { _id: '$s', n: { $sum: 1 } } }, { $sort: { _id: 1 } }]).toArray(),
    (both) => both.createIndex(index),
  )
}

/** In words that say the same for both: a result, or the code and text of an error with what was done before it. */
async function outcome(run: Action, collection: Both): Promise<string> {
  try {
    return shown(resultOf(await run(collection)))
  } catch (error) {
    const { code, message, result, writeErrors } = error as {
      code: number
      message: string
      result?: { insertedCount: number; modifiedCount: number; deletedCount: number }
      writeErrors?: readonly { index: number }[]
    }
    if (code === undefined) throw error
    const done = result === undefined ? '' : shown([result.insertedCount, result.modifiedCount, result.deletedCount])
    const failed = writeErrors === undefined ? '' : shown([writeErrors].flat().map(({ index }) => index))
    return `${code}: ${message.replaceAll(/collection: \S+/g, 'collection: C')} ${done} ${failed}`
  }
}

function shown(value: unknown): string {
  return BSON.EJSON.stringify(value, { relaxed: false })
}

const resultFields = ['insertedId', 'insertedIds', 'insertedCount', 'matchedCount', 'modifiedCount', 'deletedCount']
const upsertFields = ['upsertedId', 'upsertedIds', 'upsertedCount']

/** A result of a write: the driver's are classes with more in them, in another order. */
function resultOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('deletedCount' in value || 'acknowledged' in value)) return value
  return [...resultFields, ...upsertFields].map((name) => [name, (value as Document)[name]])
}

it('gives the same results and leaves the same documents', async () => {
  const first = Number(process.env['LAURA_SEED'] ?? 1)
  let failures = 0
  for (let seed = first; seed < first + 8; seed++) {
    const draws = new Draws(seed)
    const here = laura.db('both').collection(`c${seed}`)
    const there = client.db('both').collection(`c${seed}`)
    for (let step = 0; step < 150; step++) {
      const run = action(draws)
      const expected = await outcome(run, there as unknown as Both)
      const actual = await outcome(run, here as unknown as Both)
      expect(actual, `seed ${seed}, step ${step}: ${run}`).toBe(expected)
      if (/^\d+: /.test(actual)) failures++
    }
    const documents = await there.find().sort({ _id: 1 }).toArray()
    expect(shown(await here.find().sort({ _id: 1 }).toArray()), `seed ${seed}`).toBe(shown(documents))
    expect(await here.indexes()).toEqual(await there.indexes())
  }
  // Operations that fail are part of it.
  expect(failures).toBeGreaterThan(20)
})
