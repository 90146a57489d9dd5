/** Serializable transactions that lock what they read: who would write there waits, and they do not fail at their commit. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DatabaseError } from '../base/errors.ts'
import { Database } from '../command/dispatch.ts'
import { Engine } from '../engine/engine.ts'
import { compileIndexFilter } from '../query/index-filter.ts'
import { type SimulatedWorld, simulatedWorld } from '../sim/world.ts'
import type { Collection } from './collection.ts'
import { Laura } from './laura.ts'
import type { ClientSession, TransactionOptions } from './session.ts'

interface Item {
  _id: number
  n: number
  group: number
}

let world: SimulatedWorld
let engine: Engine
let laura: Laura
let items: Collection<Item>

beforeEach(async () => {
  world = simulatedWorld(5)
  engine = await Engine.open(world, 'data', { compileFilter: compileIndexFilter })
  laura = new Laura(engine, new Database(engine, world, { version: 'test' }))
  items = laura.db('db').collection<Item>('items')
  await items.insertMany([1, 2, 3, 4, 5, 6].map((_id) => ({ _id, n: 0, group: 10 * _id })))
  await items.createIndex('group')
})

afterEach(() => {
  world.clock.stop()
})

function begin(options: TransactionOptions = {}): ClientSession {
  const session = laura.startSession()
  session.startTransaction({ isolation: 'serializable', readLocks: true, lockTimeoutMs: 1000, ...options })
  return session
}

const of = (session: ClientSession): Collection<Item> => session.db('db').collection<Item>('items')
const inGroups = (session: ClientSession, from: number, to: number): Promise<Item[]> =>
  of(session)
    .find({ group: { $gte: from, $lte: to } })
    .toArray()

/** How it ended: 'ok', or the code name; and whether that was before `release`. */
async function waits(
  action: Promise<unknown>,
  release: () => Promise<unknown>,
): Promise<{ waited: boolean; end: string }> {
  let over = false
  const end = action.then(
    () => 'ok',
    (error: unknown) => {
      if (error instanceof DatabaseError) return error.codeName
      throw error
    },
  )
  void end.then(() => {
    over = true
  })
  for (let n = 0; n < 20; n++) await world.clock.yield()
  const waited = !over
  await release()
  return { waited, end: await end }
}

const reads: Readonly<Record<string, (session: ClientSession) => Promise<unknown>>> = {
  'a document by _id': (session) => of(session).findOne({ _id: 3 }),
  'a range of an index': (session) => inGroups(session, 25, 35),
  'a range of an index, backwards': (session) =>
    of(session)
      .find({ group: { $gte: 25, $lte: 35 } })
      .sort({ group: -1 })
      .toArray(),
  'the whole collection': (session) => of(session).find().toArray(),
  'a count': (session) => of(session).countDocuments(),
  'a distinct': (session) => of(session).distinct('group', { group: { $gt: 20, $lt: 40 } }),
  'an aggregation': (session) =>
    of(session)
      .aggregate([{ $match: { group: 30 } }, { $group: { _id: null, n: { $sum: '$n' } } }])
      .toArray(),
}
const writes: Readonly<Record<string, (to: Collection<Item>) => Promise<unknown>>> = {
  update: (to) => to.updateOne({ _id: 3 }, { $set: { n: 1 } }),
  'update of the index': (to) => to.updateOne({ _id: 3 }, { $set: { group: 99 } }),
  replace: (to) => to.replaceOne({ _id: 3 }, { _id: 3, n: 2, group: 30 }),
  delete: (to) => to.deleteOne({ _id: 3 }),
  insert: (to) => to.insertOne({ _id: 30, n: 0, group: 30 }),
  'update into the range': (to) => to.updateOne({ _id: 6 }, { $set: { group: 31 } }),
}
/** Those that a reader need not be asked for: they do not change what it has read. */
const free: ReadonlySet<string> = new Set([
  'a document by _id, insert',
  'a document by _id, update into the range',
  'a distinct, update',
  // The value is there with and without them.
  'a distinct, insert',
  'a distinct, replace',
  'a count, update into the range',
])

describe.each(Object.keys(reads))('%s', (read) => {
  test.each(Object.keys(writes))('%s', async (write) => {
    const reader = begin()
    const before = await reads[read]!(reader)
    const { waited, end } = await waits(writes[write]!(items), async () => {
      expect(await reads[read]!(reader)).toEqual(before)
      await reader.commitTransaction()
    })
    if (!free.has(`${read}, ${write}`)) expect(waited).toBe(true)
    expect(end).toBe('ok')
    expect(engine.locks.isEmpty).toBe(true)
  })

  test.each(Object.keys(writes))('%s in a transaction that waits', async (write) => {
    const reader = begin()
    const before = await reads[read]!(reader)
    const writer = laura.startSession()
    writer.startTransaction({ onConflict: 'wait', lockTimeoutMs: 1000 })
    const action = writes[write]!(of(writer)).then(() => writer.commitTransaction())
    const { waited, end } = await waits(action, async () => {
      expect(await reads[read]!(reader)).toEqual(before)
      await reader.commitTransaction()
    })
    if (!free.has(`${read}, ${write}`)) expect(waited).toBe(true)
    expect(end).toBe('ok')
    expect(engine.locks.isEmpty).toBe(true)
  })
})

test('what lies beside a range is not locked', async () => {
  const reader = begin()
  await inGroups(reader, 25, 35)
  await items.insertOne({ _id: 60, n: 0, group: 60 })
  await items.updateOne({ _id: 1 }, { $set: { n: 1, group: 5 } })
  await items.deleteOne({ _id: 6 })
  await of(reader).updateOne({ _id: 3 }, { $set: { n: 1 } })
  await reader.commitTransaction()
  expect((await items.findOne({ _id: 3 }))?.n).toBe(1)
})

test('readers share, and each statement sees what was committed when it began', async () => {
  const [a, b] = [begin(), begin()]
  await items.updateOne({ _id: 1 }, { $set: { n: 7 } })
  expect((await of(a).findOne({ _id: 1 }))?.n).toBe(7)
  await items.updateOne({ _id: 2 }, { $set: { n: 8 } })
  expect((await of(a).findOne({ _id: 2 }))?.n).toBe(8)
  expect(await inGroups(b, 0, 25)).toHaveLength(2)
  await of(a).updateOne({ _id: 5 }, { $set: { n: 9 } })
  await a.commitTransaction()
  await b.commitTransaction()
})

test('a read waits for who is writing there, and sees what that has written', async () => {
  const writer = laura.startSession()
  writer.startTransaction()
  await of(writer).updateOne({ _id: 3 }, { $set: { n: 4, group: 33 } })
  await of(writer).insertOne({ _id: 31, n: 4, group: 31 })
  const reader = begin()
  let found: Item[] = []
  const reading = inGroups(reader, 25, 35).then((items) => {
    found = items
  })
  const { waited, end } = await waits(reading, () => writer.commitTransaction())
  expect([waited, end]).toEqual([true, 'ok'])
  expect(found.map(({ n }) => n)).toEqual([4, 4])
  await of(reader).updateOne({ _id: 3 }, { $inc: { n: 1 } })
  await reader.commitTransaction()
  expect((await items.findOne({ _id: 3 }))?.n).toBe(5)
})

test('a writer waits at its commit for ranges that were locked before it wrote there', async () => {
  const reader = begin()
  expect(await inGroups(reader, 25, 35)).toHaveLength(1)
  const writer = laura.startSession()
  writer.startTransaction()
  await of(writer).insertOne({ _id: 31, n: 4, group: 31 })
  const { waited, end } = await waits(writer.commitTransaction(), async () => {
    expect(await inGroups(reader, 25, 35)).toHaveLength(1)
    await of(reader).updateOne({ _id: 3 }, { $set: { n: 1 } })
    await reader.commitTransaction()
  })
  expect([waited, end]).toEqual([true, 'ok'])
  expect(await items.countDocuments({ group: { $gte: 25, $lte: 35 } })).toBe(2)
})

test('two that have read the same and would write it wait for each other: one goes on, the other is told the circle', async () => {
  const [a, b] = [begin(), begin()]
  const sums = [
    await of(a)
      .find({ _id: { $lte: 2 } })
      .toArray(),
    await of(b)
      .find({ _id: { $lte: 2 } })
      .toArray(),
  ]
  expect(sums.flat()).toHaveLength(4)
  await of(a).insertOne({ _id: 70, n: 0, group: 70 })
  const first = of(a).updateOne({ _id: 1 }, { $set: { n: 1 } })
  await world.clock.yield()
  const status = (await laura.db('admin').command({ serverStatus: 1 })) as {
    lauradb: { engine: Record<string, number> }
  }
  expect(status.lauradb.engine['lockWaiterCount']).toBe(1)
  const second = of(b).updateOne({ _id: 2 }, { $set: { n: 1 } })
  await expect(second).rejects.toThrow(
    /deadlock: transaction \d+ waits for transaction \d+ waits for transaction \d+; transaction \d+ is aborted/,
  )
  await first
  await a.commitTransaction()
  expect((await items.findOne({ _id: 1 }))?.n).toBe(1)
  expect(engine.statistics().deadlockCount).toBe(1)
  expect(engine.locks.isEmpty).toBe(true)
})

test('a deadlock over ranges ends one of them as well', async () => {
  const [a, b] = [begin(), begin()]
  await inGroups(a, 15, 25)
  await inGroups(b, 35, 45)
  await of(a).insertOne({ _id: 71, n: 0, group: 71 })
  const first = of(a).updateOne({ _id: 4 }, { $set: { group: 41 } })
  await world.clock.yield()
  await expect(of(b).updateOne({ _id: 2 }, { $set: { group: 21 } })).rejects.toThrow(/deadlock/)
  await first
  await a.commitTransaction()
})

test.each(['_id', 'group', '$natural'])(
  'what a cursor reads later is of one moment with what is read beside it, by %s',
  async (sort) => {
    const reader = begin()
    const cursor = of(reader)
      .find()
      .sort({ [sort]: 1 })
      .setBatchSize(2)
    expect([await cursor.next(), await cursor.next()]).toMatchObject([{ _id: 1 }, { _id: 2 }])
    await items.updateOne({ _id: 5 }, { $set: { n: 1 } })
    await items.insertOne({ _id: 9, n: 1, group: 90 })
    // This is seen, so the cursor must not go on as if it had not been.
    expect((await of(reader).findOne({ _id: 9 }))?.n).toBe(1)
    await expect(cursor.toArray()).rejects.toMatchObject({ codeName: 'WriteConflict' })
  },
)

test('who has read a range writes in it before those who wait for that', async () => {
  const one = begin()
  await of(one).find().toArray()
  const plain = items.updateOne({ _id: 3 }, { $set: { n: 1 } })
  const other = laura.startSession()
  other.startTransaction({ isolation: 'read committed', onConflict: 'wait' })
  const waiting = of(other).updateOne({ _id: 4 }, { $inc: { n: 1 } })
  for (let n = 0; n < 20; n++) await world.clock.yield()
  await of(one).updateOne({ _id: 3 }, { $set: { n: 10 } })
  await of(one).updateOne({ _id: 4 }, { $set: { n: 10 } })
  await one.commitTransaction()
  await Promise.all([plain, waiting])
  await other.commitTransaction()
  expect((await items.find({ _id: { $in: [3, 4] } }).toArray()).map(({ n }) => n)).toEqual([1, 11])
  expect(engine.statistics().deadlockCount).toBe(0)
})

test('withTransaction begins again after a deadlock, so that increments are not lost', async () => {
  const add = (): Promise<void> =>
    laura.transaction(
      async (session) => {
        const { n } = (await of(session).findOne({ _id: 1 }))!
        await world.clock.yield()
        await of(session).updateOne({ _id: 1 }, { $set: { n: n + 1 } })
      },
      { isolation: 'serializable', readLocks: true },
    )
  await Promise.all(Array.from({ length: 8 }, add))
  expect((await items.findOne({ _id: 1 }))?.n).toBe(8)
})

test('a wait ends with LockTimeout, one of a plain write with its maxTimeMS', async () => {
  const reader = begin()
  await of(reader).findOne({ _id: 1 })
  const writer = laura.startSession()
  writer.startTransaction({ onConflict: 'wait', lockTimeoutMs: 20 })
  await expect(of(writer).updateOne({ _id: 1 }, { $set: { n: 1 } })).rejects.toMatchObject({ codeName: 'LockTimeout' })
  const update = { update: 'items', updates: [{ q: { _id: 1 }, u: { $set: { n: 1 } } }], maxTimeMS: 20 }
  await expect(laura.db('db').command(update)).rejects.toMatchObject({ codeName: 'MaxTimeMSExpired' })
  const other = laura.startSession()
  other.startTransaction()
  await expect(of(other).updateOne({ _id: 1 }, { $set: { n: 1 } })).rejects.toMatchObject({ codeName: 'WriteConflict' })
  await reader.abortTransaction()
  expect(engine.locks.isEmpty).toBe(true)
})

test('lockInfo shows keys and ranges with who holds them and who waits', async () => {
  const reader = begin()
  await inGroups(reader, 25, 35)
  await of(reader).find().limit(1).toArray()
  const waiting = items.updateOne({ _id: 3 }, { $set: { n: 1 } })
  await world.clock.yield()
  const { lockInfo } = (await laura.db('admin').command({ lockInfo: 1 })) as {
    lockInfo: { resourceId: string; granted: { mode: string }[]; pending: { mode: string }[] }[]
  }
  const shown = lockInfo.map(({ resourceId, granted, pending }) => [
    resourceId,
    granted.map(({ mode }) => mode).join(),
    pending.map(({ mode }) => mode).join(),
  ])
  expect(shown).toContainEqual(['record db.items 3', 'S', 'X'])
  expect(shown).toContainEqual(['records db.items ..1', 'S', ''])
  expect(shown.filter(([resource]) => /^keys db\.items group_1 [0-9a-f]+\.\.[0-9a-f]+$/.test(resource!))).toHaveLength(
    1,
  )
  await reader.commitTransaction()
  await waiting
})

test('a collection that is not there cannot be made by others', async () => {
  const reader = begin()
  expect(await reader.db('db').collection('none').countDocuments()).toBe(0)
  const { waited, end } = await waits(laura.db('db').collection('none').insertOne({ x: 1 }), async () => {
    expect(await reader.db('db').collection('none').countDocuments()).toBe(0)
    await of(reader).updateOne({ _id: 1 }, { $set: { n: 1 } })
    await reader.commitTransaction()
  })
  expect([waited, end]).toEqual([true, 'ok'])
})

test('many keys and ranges become a lock on all of the collection', async () => {
  await items.insertMany(Array.from({ length: 12_000 }, (_, n) => ({ _id: 100 + n, n: 0, group: 1000 + n })))
  const reader = begin()
  for (let n = 0; n < 1100; n++) await inGroups(reader, 1000 + 2 * n, 1000 + 2 * n)
  expect(engine.locks.heldCount(engine.transactions[0]!)).toBeLessThan(1300)
  const { waited } = await waits(items.updateOne({ _id: 11_000 }, { $set: { group: 1 } }), () =>
    reader.commitTransaction(),
  )
  expect(waited).toBe(true)
  const other = begin()
  await of(other)
    .find({ group: { $gte: 1000 } })
    .toArray()
  expect(engine.locks.heldCount(engine.transactions[0]!)).toBeLessThan(10_100)
  await other.commitTransaction()
  expect(engine.locks.isEmpty).toBe(true)
})

test('it is for serializable transactions', () => {
  expect(() => begin({ isolation: 'snapshot' })).toThrow(expect.objectContaining({ codeName: 'BadValue' }) as Error)
})
