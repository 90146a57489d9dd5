import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DatabaseError } from '../base/errors.ts'
import { Database } from '../command/dispatch.ts'
import { tickingClock } from '../command/testdata/server.ts'
import { Engine } from '../engine/engine.ts'
import { compileIndexFilter } from '../query/index-filter.ts'
import { type SimulatedWorld, simulatedWorld } from '../sim/world.ts'
import type { Collection } from './collection.ts'
import { Laura } from './laura.ts'
import type { ClientSession, TransactionOptions } from './session.ts'

interface Item {
  _id: number
  n: number
  group?: number
}

let world: SimulatedWorld
let laura: Laura
let items: Collection<Item>

async function open(options: Partial<Parameters<typeof Engine.open>[2]> = {}): Promise<Laura> {
  const engine = await Engine.open(world, 'data', { compileFilter: compileIndexFilter, ...options })
  return new Laura(engine, new Database(engine, world, { version: 'test' }))
}

beforeEach(async () => {
  world = simulatedWorld(5)
  laura = await open()
  items = laura.db('db').collection<Item>('items')
  await items.insertMany([1, 2, 3, 4].map((_id) => ({ _id, n: 0, group: 1 })))
  await items.createIndex('group')
})

afterEach(() => {
  world.clock.stop()
})

type Level = NonNullable<TransactionOptions['isolation']>
const levels: readonly Level[] = ['read uncommitted', 'read committed', 'repeatable read', 'snapshot', 'serializable']

function begin(isolation: Level, onConflict: 'abort' | 'wait' = 'abort', lockTimeoutMs = 1000): ClientSession {
  const session = laura.startSession()
  session.startTransaction({ isolation, onConflict, lockTimeoutMs })
  return session
}

const of = (session: ClientSession): Collection<Item> => session.db('db').collection<Item>('items')
const n = async (from: Collection<Item>, _id: number): Promise<number | undefined> => (await from.findOne({ _id }))?.n
const set = (to: Collection<Item>, _id: number, value: number): Promise<unknown> =>
  to.updateOne({ _id }, { $set: { n: value } })

/** The code name of what it fails with; 'ok'. */
async function outcome(action: Promise<unknown>): Promise<string> {
  try {
    await action
    return 'ok'
  } catch (error) {
    if (error instanceof DatabaseError) return error.codeName
    throw error
  }
}

/** Which anomalies a level allows, as docs/transactions.md has it; each is tried below. */
const allowed: Readonly<Record<string, readonly Level[]>> = {
  'dirty write': [],
  'dirty read': [],
  'fuzzy read': ['read uncommitted', 'read committed'],
  phantom: ['read uncommitted', 'read committed'],
  'lost update': ['read uncommitted', 'read committed'],
  'read skew': ['read uncommitted', 'read committed'],
  'write skew': ['read uncommitted', 'read committed', 'repeatable read', 'snapshot'],
}

/** Each says whether the anomaly was seen. */
const attempts: Readonly<Record<string, (level: Level) => Promise<boolean>>> = {
  async 'dirty write'(level) {
    const [a, b] = [begin(level), begin(level)]
    await set(of(a), 1, 1)
    const second = await outcome(set(of(b), 1, 2))
    await set(of(a), 2, 1)
    await a.commitTransaction()
    await outcome(b.commitTransaction())
    return second === 'ok' || (await n(items, 1)) !== (await n(items, 2))
  },

  async 'dirty read'(level) {
    const [a, b] = [begin(level), begin(level)]
    await set(of(a), 1, 1)
    const seen = await n(of(b), 1)
    await a.abortTransaction()
    await b.abortTransaction()
    return seen === 1
  },

  async 'fuzzy read'(level) {
    const a = begin(level)
    const before = await n(of(a), 1)
    await set(items, 1, 5)
    const after = await n(of(a), 1)
    await a.abortTransaction()
    return before !== after
  },

  async phantom(level) {
    const a = begin(level)
    const count = (): Promise<number> => of(a).countDocuments({ group: 1 })
    const before = await count()
    await items.insertOne({ _id: 9, n: 0, group: 1 })
    await items.deleteOne({ _id: 3 })
    await items.updateOne({ _id: 4 }, { $set: { group: 2 } })
    const after = await count()
    const all = await of(a).countDocuments()
    await a.abortTransaction()
    return before !== after || all !== 4
  },

  async 'lost update'(level) {
    const [a, b] = [begin(level), begin(level)]
    const read = [(await n(of(a), 1))!, (await n(of(b), 1))!]
    await set(of(a), 1, read[0]! + 1)
    await a.commitTransaction()
    const second = await outcome(set(of(b), 1, read[1]! + 1))
    const committed = second === 'ok' && (await outcome(b.commitTransaction())) === 'ok'
    return committed && (await n(items, 1)) === 1
  },

  async 'read skew'(level) {
    const a = begin(level)
    const first = await n(of(a), 1)
    const b = begin(level)
    await set(of(b), 1, 10)
    await set(of(b), 2, 10)
    await b.commitTransaction()
    const second = await n(of(a), 2)
    await a.abortTransaction()
    return first !== second
  },

  async 'write skew'(level) {
    const [a, b] = [begin(level), begin(level)]
    const sum = async (session: ClientSession): Promise<number> => {
      const found = await of(session).find({ group: 1 }).toArray()
      return found.reduce((total, item) => total + item.n, 0)
    }
    // Each sees none set and sets one of its own: one after the other, the second would have seen one.
    const sums = [await sum(a), await sum(b)]
    await set(of(a), 1, 1)
    await set(of(b), 2, 1)
    const committed = [await outcome(a.commitTransaction()), await outcome(b.commitTransaction())]
    return sums[0] === 0 && sums[1] === 0 && committed.every((code) => code === 'ok')
  },
}

test('the table of the documentation is the one that is tried here', () => {
  const text = readFileSync(new URL('../../docs/transactions.md', import.meta.url), 'utf8')
  const cells = (line: string): string[] =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim())
  const rows = text.split('\n').filter((line) => line.startsWith('| '))
  const [, ...anomalies] = cells(rows[0]!)
  expect(anomalies).toEqual(Object.keys(attempts))
  for (const [i, level] of levels.entries()) {
    const [name, ...verdicts] = cells(rows[i + 1]!)
    expect(name).toBe(level)
    expect(verdicts).toEqual(anomalies.map((anomaly) => (allowed[anomaly]!.includes(level) ? 'yes' : 'no')))
  }
})

describe.each(Object.keys(attempts))('%s', (anomaly) => {
  test.each(levels)(`at %s`, async (level) => {
    expect(await attempts[anomaly]!(level)).toBe(allowed[anomaly]!.includes(level))
  })
})

describe('serializable', () => {
  test('refuses a phantom that another transaction has put into a range it read', async () => {
    for (const read of [
      (from: Collection<Item>) => from.countDocuments({ group: 7 }),
      (from: Collection<Item>) => from.find({ n: { $gt: 100 } }).toArray(),
      (from: Collection<Item>) => from.findOne({ _id: 77 }),
      (from: Collection<Item>) => from.aggregate([{ $match: { group: { $gte: 7 } } }]).toArray(),
    ]) {
      const a = begin('serializable')
      await read(of(a))
      await items.insertOne({ _id: 77, n: 101, group: 7 })
      await set(of(a), 1, 1)
      expect(await outcome(a.commitTransaction())).toBe('WriteConflict')
      await items.deleteOne({ _id: 77 })
    }
  })

  test('lets go ahead what has read elsewhere, and what has only read', async () => {
    const a = begin('serializable')
    const reader = begin('serializable')
    await of(a)
      .find({ group: { $gt: 5 } })
      .toArray()
    await n(of(a), 2)
    await of(reader).find().toArray()
    await set(items, 3, 3)
    await items.insertOne({ _id: 78, n: 0, group: 3 })
    await set(of(a), 1, 1)
    expect(await outcome(a.commitTransaction())).toBe('ok')
    expect(await outcome(reader.commitTransaction())).toBe('ok')
  })

  test('refuses what looked for a collection that has come since', async () => {
    const a = begin('serializable')
    expect(await a.db('db').collection('later').countDocuments()).toBe(0)
    await laura.db('db').collection('later').insertOne({})
    await set(of(a), 1, 1)
    expect(await outcome(a.commitTransaction())).toBe('WriteConflict')
  })
})

test.each([
  { isolation: 'chaos' },
  { isolation: 'toString' },
  { onConflict: 'fight' },
  { readLocks: true },
  { lockTimeoutMs: Number.NaN },
  { lockTimeoutMs: -1 },
  { lockTimeoutMs: '5' },
])('%j is no way to begin a transaction', (options) => {
  const session = laura.startSession()
  expect(() => session.startTransaction(options as TransactionOptions)).toThrow(
    expect.objectContaining({ codeName: 'BadValue' }),
  )
  expect(session.inTransaction()).toBe(false)
})

describe('a transaction that waits', () => {
  test('goes on when the one in its way has ended: with what that one left, or with a conflict', async () => {
    for (const [level, ends, expected] of [
      ['read committed', 'commit', 11],
      ['read committed', 'abort', 10],
      ['snapshot', 'abort', 10],
      ['snapshot', 'commit', undefined],
    ] as const) {
      await set(items, 1, 0)
      const [a, b] = [begin(level), begin(level, 'wait')]
      await set(of(a), 1, 1)
      const waiting = outcome(of(b).updateOne({ _id: 1 }, { $inc: { n: 10 } }))
      if (ends === 'commit') await a.commitTransaction()
      else await a.abortTransaction()
      expect(await waiting).toBe(expected === undefined ? 'WriteConflict' : 'ok')
      if (expected === undefined) continue
      await b.commitTransaction()
      expect(await n(items, 1)).toBe(expected)
    }
  })

  test('gives up after its time', async () => {
    const [a, b] = [begin('snapshot'), begin('snapshot', 'wait', 50)]
    await set(of(a), 1, 1)
    expect(await outcome(set(of(b), 1, 2))).toBe('LockTimeout')
    expect(b.inTransaction()).toBe(false)
    await a.commitTransaction()
  })

  test('is ended as the cheapest of a circle, and the others go on', async () => {
    const sessions = [1, 2, 3].map(() => begin('read committed', 'wait'))
    for (const [i, session] of sessions.entries()) await set(of(session), i + 1, 1)
    // The second has least to lose.
    await set(of(sessions[0]!), 4, 1)
    await sessions[2]!
      .db('db')
      .collection('other')
      .insertOne({ text: 'x'.repeat(100) })
    const waits = sessions.map((session, i) => set(of(session), ((i + 1) % 3) + 1, 2))
    const results = await Promise.allSettled(waits.slice(1, 2))
    expect((results[0] as PromiseRejectedResult).reason).toMatchObject({ codeName: 'WriteConflict' })
    expect(String((results[0] as PromiseRejectedResult).reason)).toMatch(
      /deadlock: transaction \d+ waits for transaction \d+ waits for transaction \d+ waits for/,
    )
    await waits[0]
    await sessions[0]!.commitTransaction()
    await waits[2]
    await sessions[2]!.commitTransaction()
    expect(await Promise.all([1, 2, 3].map((id) => n(items, id)))).toEqual([2, 2, 1])
  })
})

describe('withTransaction', () => {
  test('begins again after conflicts until all are done', async () => {
    await Promise.all(
      Array.from({ length: 8 }, () =>
        laura.transaction(async (session) => {
          const value = (await n(of(session), 1))!
          await set(of(session), 1, value + 1)
        }),
      ),
    )
    expect(await n(items, 1)).toBe(8)
  })

  test('aborts, and throws what was thrown', async () => {
    const failing = laura.transaction(async (session) => {
      await set(of(session), 1, 9)
      throw new RangeError('no')
    })
    await expect(failing).rejects.toThrow(RangeError)
    expect(await n(items, 1)).toBe(0)
    await expect(laura.transaction((session) => session.db('db').collection('items').drop())).rejects.toMatchObject({
      codeName: 'OperationNotSupportedInTransaction',
    })
  })
})

test('the database can be read as of a moment of its history, after a restart too, and not before it', async () => {
  await laura.close()
  laura = await open({ historyWindowMs: 60_000 })
  items = laura.db('db').collection<Item>('items')
  await world.clock.sleep(2000)
  const before = new Date(world.clock.nowMs())
  await world.clock.sleep(2000)
  await set(items, 1, 1)
  await items.deleteOne({ _id: 2 })
  await items.insertOne({ _id: 8, n: 8, group: 1 })
  const check = async (): Promise<void> => {
    const past = laura.asOf(before).db('db').collection<Item>('items')
    expect(await past.find({}).sort({ _id: 1 }).toArray()).toEqual([1, 2, 3, 4].map((_id) => ({ _id, n: 0, group: 1 })))
    expect([await n(past, 1), await past.countDocuments(), await past.countDocuments({ group: 1 })]).toEqual([0, 4, 4])
    expect(await outcome(past.insertOne({ _id: 5, n: 5 }))).toBe('IllegalOperation')
    expect((await laura.db('db').collection<Item>('items').find().toArray()).map((item) => item._id)).toEqual([
      1, 3, 4, 8,
    ])
  }
  await laura.vacuum()
  await check()
  await laura.close()
  laura = await open({ historyWindowMs: 60_000 })
  await laura.vacuum()
  await check()
  await world.clock.sleep(62_000)
  expect(() => laura.asOf(before)).toThrow(expect.objectContaining({ codeName: 'SnapshotTooOld' }))
  // What vacuum has dropped does not come back with a longer window.
  await laura.vacuum()
  await laura.close()
  laura = await open({ historyWindowMs: 3_600_000 })
  expect(() => laura.asOf(before)).toThrow(expect.objectContaining({ codeName: 'SnapshotTooOld' }))
  await laura.close()
})

test('the past is asked for by a date', async () => {
  const count = (moment: Date): Promise<number> => laura.asOf(moment).db('db').collection('items').countDocuments()
  for (const none of [new Date(Number.NaN), undefined as unknown as Date, 5 as unknown as Date])
    expect(() => count(none)).toThrow(expect.objectContaining({ codeName: 'BadValue' }))
  for (const early of [new Date(0), new Date(-8.64e15)])
    expect(() => count(early)).toThrow(expect.objectContaining({ codeName: 'SnapshotTooOld' }))
  for (const late of [new Date(8.64e15), new Date(world.clock.nowMs() + 1000)]) expect(await count(late)).toBe(4)
})

test('a transaction is not committed in the middle of one of its operations', async () => {
  await laura.close()
  const engine = await Engine.open(world, 'data', { compileFilter: compileIndexFilter })
  // Each look at the clock takes so long that operations pause all the time.
  laura = new Laura(engine, new Database(engine, { ...world, clock: tickingClock(world, 1) }, { version: 'test' }))
  items = laura.db('db').collection<Item>('items')
  await items.insertMany(Array.from({ length: 500 }, (_, i) => ({ _id: 100 + i, n: 0 })))
  const session = begin('snapshot')
  const updating = outcome(of(session).updateMany({ _id: { $gte: 100 } }, { $set: { n: 1 } }))
  expect(await outcome(session.commitTransaction())).toBe('ConflictingOperationInProgress')
  expect(await updating).toBe('ok')
  expect(await outcome(session.commitTransaction())).toBe('ok')
  expect(await items.countDocuments({ n: 1 })).toBe(500)
})
