/** The same random operations through every door: equal answers, equal errors, and in the end equal data. */
import assert from 'node:assert/strict'
import { BSON, type Document } from 'mongodb'
import type { Door, Find, Operation, Outcome, Write } from './doors.ts'

const { ObjectId, Double, Long, Decimal128 } = BSON

/** Where chance comes from. */
export interface Choices {
  /** From 0 to `limit` - 1. */
  integer(limit: number): number
}

export const collections = ['items', 'others'] as const
const ids = 12

export class DoorsRun {
  /** How often each outcome came: `ok`, or the name of the error. */
  readonly outcomes = new Map<string, number>()
  readonly #doors: readonly Door[]
  readonly #fallback: Door
  readonly #random: Choices

  /** `fallback` writes what the door before it cannot express, on the same database. */
  constructor(doors: readonly Door[], fallback: Door, random: Choices) {
    this.#doors = doors
    this.#fallback = fallback
    this.#random = random
  }

  /** One operation through every door. Throws when their answers differ. */
  async step(): Promise<void> {
    const collection = this.#one(collections)
    const operation = this.#operation()
    const outcomes = await Promise.all(
      this.#doors.map(
        async (door) =>
          [door, (await door.run(collection, operation)) ?? (await this.#fallback.run(collection, operation))] as const,
      ),
    )
    const [first, ...others] = outcomes
    const told = JSON.stringify({ collection, operation })
    for (const [door, outcome] of others)
      assert.deepEqual(
        shown(outcome!, operation),
        shown(first![1]!, operation),
        `${first![0].name} and ${door.name}: ${told}`,
      )
    const outcome = first![1]!
    const kind = 'code' in outcome ? outcome.codeName : Object.keys(operation)[0]!
    this.outcomes.set(kind, (this.outcomes.get(kind) ?? 0) + 1)
  }

  #one<T>(choices: readonly T[]): T {
    return choices[this.#random.integer(choices.length)]!
  }

  #chance(percent: number): boolean {
    return this.#random.integer(100) < percent
  }

  #id(): unknown {
    const n = this.#random.integer(ids)
    if (n === 0) return 'text'
    if (n === 1) return new ObjectId('507f1f77bcf86cd799439011')
    return n === 2 ? { a: 1, b: 'x' } : n
  }

  #value(depth = 0): unknown {
    const random = this.#random
    switch (random.integer(depth > 1 ? 8 : 11)) {
      case 0:
        return this.#one(['a', 'b', 'ä', '', 'a.b', '$a'])
      case 1:
        return null
      case 2:
        return this.#chance(50)
      case 3:
        return new Double(random.integer(8) / 4)
      case 4:
        return Long.fromString(this.#one(['7', '9007199254740993', '-9223372036854775808']))
      case 5:
        return this.#one([new Date(0), new Date(1_700_000_000_000), new Date(-1)])
      case 6:
        return Decimal128.fromString(this.#one(['1.50', '1E+3', '-0.1']))
      case 7:
        return random.integer(6) - 1
      case 8:
        return Array.from({ length: random.integer(4) }, () => this.#value(depth + 1))
      case 9:
        return { x: this.#value(depth + 1), y: this.#value(depth + 1) }
      default:
        return random.integer(6)
    }
  }

  #path(): string {
    return this.#one(['n', 'm', 's', 'o.x', 'o.y', 'l', 'l.0', 'u'])
  }

  #document(): Document {
    const document: Document = this.#chance(97) ? { _id: this.#id() } : { _id: [1] }
    for (const name of ['n', 'm', 's', 'o', 'l', 'u']) {
      if (this.#chance(40)) continue
      document[name] =
        name === 'o'
          ? { x: this.#value(1), y: this.#value(1) }
          : name === 'l'
            ? Array.from({ length: this.#random.integer(4) }, () => this.#value(1))
            : name === 'u' || name === 'n'
              ? this.#random.integer(30)
              : this.#value()
    }
    return document
  }

  #filter(): Document {
    const path = this.#path()
    switch (this.#random.integer(14)) {
      case 0:
      case 1:
        return {}
      case 2:
      case 3:
      case 4:
        return { _id: this.#id() }
      case 5:
        return { [path]: this.#value() }
      case 6:
        return { [path]: { [this.#one(['$gt', '$gte', '$lt', '$lte', '$ne'])]: this.#value() } }
      case 7:
        return { [path]: { [this.#one(['$in', '$nin'])]: [this.#value(), this.#value()] } }
      case 8:
        return { $or: [{ [path]: { $exists: this.#chance(50) } }, { n: { $gte: this.#random.integer(20) } }] }
      case 9:
        return { [path]: { $type: this.#one(['number', 'string', 'array', 'object', 'null']) } }
      case 10:
        return { $expr: { $gt: [`$${path}`, this.#random.integer(6)] } }
      case 11:
        return { l: { $elemMatch: { $gte: this.#random.integer(4) } } }
      case 12:
        return { s: { $regex: this.#one(['^a', 'B', 'a|b']), $options: this.#one(['', 'i']) } }
      default:
        return this.#one<Document>([
          { $bad: 1 },
          { n: { $bad: 1 } },
          { $or: [] },
          { n: { $in: 3 } },
          { s: { $regex: '(' } },
          { $expr: { $bad: 1 } },
          { l: { $size: 'x' } },
        ])
    }
  }

  #update(): Document {
    const path = this.#path()
    return this.#one<() => Document>([
      () => ({ $set: { [path]: this.#value() } }),
      () => ({ $set: { n: this.#random.integer(9), m: this.#value() } }),
      () => ({ $inc: { n: this.#random.integer(5) - 2 } }),
      () => ({ $mul: { n: new Double(1.5) } }),
      () => ({ $unset: { [path]: '' } }),
      () => ({ $push: { l: { $each: [this.#value(1)], $slice: -5 } } }),
      () => ({ $addToSet: { l: this.#random.integer(4) } }),
      () => ({ $pull: { l: this.#random.integer(4) } }),
      () => ({ $pop: { l: 1 } }),
      () => ({ $rename: { m: 's' } }),
      () => ({ $min: { n: this.#random.integer(9) }, $max: { u: this.#random.integer(40) } }),
      () => ({ $inc: { [path]: 1 } }),
      () => ({ $push: { [path]: 1 } }),
      () => ({ $set: { _id: 99 } }),
      () => ({ $set: { n: 1 }, $inc: { n: 1 } }),
      () => ({ $bad: { n: 1 } }),
      () => ({ $inc: { n: 'x' } }),
      () => ({ $set: { u: this.#random.integer(20) } }),
    ])()
  }

  #write(): Write {
    if (this.#chance(10)) {
      const update = [{ $set: { n: { $add: [{ $ifNull: ['$n', 0] }, this.#one<unknown>([1, '$s'])] } } }]
      return { filter: this.#filter(), update }
    }
    if (this.#chance(10))
      return { filter: this.#filter(), update: { $set: { 'l.$[e]': 0 } }, arrayFilters: [{ e: { $gte: 2 } }] }
    // Without its own _id a new document would get another one at each door.
    if (this.#chance(15)) return { filter: { _id: this.#id() }, update: this.#update(), upsert: true }
    return { filter: this.#filter(), update: this.#update() }
  }

  #find(): Find {
    const sort = { [this.#path()]: this.#one([1, -1]), _id: 1 }
    const projections: (Document | undefined)[] = [
      undefined,
      undefined,
      { n: 1, 'o.x': 1 },
      { l: 0, o: 0 },
      { _id: 0, l: { $slice: 1 }, s: 1 },
      { twice: { $multiply: ['$u', 2] } },
      { a: 1, b: 0 },
      { l: { $elemMatch: { $gt: 1 } } },
    ]
    const projection = this.#one(projections)
    return {
      filter: this.#filter(),
      sort,
      ...(projection === undefined ? {} : { projection }),
      ...(this.#chance(30) ? { skip: this.#random.integer(4) } : {}),
      ...(this.#chance(30) ? { limit: 1 + this.#random.integer(5) } : {}),
    }
  }

  #pipeline(): Document[] {
    return this.#one<() => Document[]>([
      () => [{ $match: this.#filter() }, { $sort: { _id: 1 } }],
      () => [
        { $group: { _id: { $type: `$${this.#path()}` }, n: { $sum: 1 }, u: { $avg: '$u' } } },
        { $sort: { _id: 1 } },
      ],
      () => [{ $unwind: '$l' }, { $sort: { _id: 1, l: 1 } }, { $limit: 7 }],
      () => [{ $lookup: { from: 'others', localField: 'n', foreignField: 'u', as: 'found' } }, { $sort: { _id: 1 } }],
      () => [{ $sort: { _id: 1 } }, { $project: { q: { $divide: ['$n', this.#random.integer(3)] } } }],
      () => [{ $count: 'n' }],
      () => [{ $bad: {} }],
      () => [{ $sort: this.#one<Document>([{ n: 3 }, { n: 'x' }, { n: { $bad: 1 } }]) }],
      () => [{ $group: { n: 1 } }],
      () => [{ $match: { n: 1 }, $limit: 1 }],
    ])()
  }

  #operation(): Operation {
    const kind = this.#random.integer(100)
    if (kind < 22) return { insertOne: this.#document() }
    if (kind < 28) {
      const documents = Array.from({ length: 1 + this.#random.integer(5) }, () => this.#document())
      return { insertMany: { documents, ordered: this.#chance(50) } }
    }
    if (kind < 36) return { updateOne: onlyById(this.#write(), this.#id()) }
    if (kind < 46) return { updateMany: this.#write() }
    if (kind < 50) return { findOneAndUpdate: { id: this.#id(), update: this.#update() } }
    if (kind < 55) {
      const { _id, ...replacement } = this.#document()
      return { replaceOne: { filter: { _id: this.#id() }, replacement, upsert: this.#chance(40) } }
    }
    if (kind < 60) return { deleteOne: this.#chance(90) ? { _id: this.#id() } : { $bad: 1 } }
    if (kind < 63) return { deleteMany: { $and: [this.#filter(), { u: { $lt: 8 } }] } }
    if (kind < 82) return { find: this.#find() }
    if (kind < 88) return { count: this.#filter() }
    if (kind < 91) return { distinct: { key: this.#path(), filter: this.#filter() } }
    if (kind < 97) return { aggregate: this.#pipeline() }
    if (kind < 99)
      return {
        createIndex: this.#one([
          { key: { u: 1 }, name: 'u_1', unique: true },
          { key: { n: 1 }, name: 'n_1', unique: false },
          { key: { n: -1 }, name: 'n_1', unique: false },
          { key: { n: 'x' }, name: 'bad', unique: false },
        ]),
      }
    return { drop: true }
  }
}

/** Which of several documents an update of one changes is not said; by its id there is one. */
function onlyById(write: Write, id: unknown): Write {
  return '_id' in write.filter ? write : { ...write, filter: { $and: [{ _id: id }, write.filter] } }
}

/** The values of `distinct` have an order only where an index gives it. */
function shown(outcome: Outcome, operation: Operation): unknown {
  if (!('distinct' in operation) || !('value' in outcome)) return outcome
  return (outcome.value as unknown[]).map((value) => JSON.stringify(value)).sort()
}
