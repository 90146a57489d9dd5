/** Updates by `_id` in transactions, which run without a command, against the same that take one. */
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DatabaseError } from '../base/errors.ts'
import { Database } from '../command/dispatch.ts'
import { Engine } from '../engine/engine.ts'
import { compileIndexFilter } from '../query/index-filter.ts'
import { type SimulatedWorld, simulatedWorld } from '../sim/world.ts'
import type { Collection } from './collection.ts'
import { Laura } from './laura.ts'
import type { Document, Update } from './types.ts'

let world: SimulatedWorld
let database: Database
let laura: Laura

beforeEach(async () => {
  world = simulatedWorld(9)
  const engine = await Engine.open(world, 'data', { compileFilter: compileIndexFilter })
  database = new Database(engine, world, { version: 'test' })
  laura = new Laura(engine, database)
})

afterEach(() => {
  world.clock.stop()
})

interface Item extends Document {
  _id: unknown
}
const items = (of: Pick<Laura, 'db'> = laura): Collection<Item> => of.db('db').collection<Item>('items')

async function result(action: Promise<unknown>): Promise<unknown> {
  try {
    return await action
  } catch (error) {
    if (error instanceof DatabaseError) return error.codeName
    throw error
  }
}

const ids = fc.constantFrom<unknown>(1, 2, 3, 'four', 5.5, 6)
const updates = fc.oneof(
  fc.integer({ max: 5, min: 0 }).map((n): Update => ({ $set: { n } })),
  fc.integer({ max: 5, min: 0 }).map((n): Update => ({ $set: { 'inner.n': n, text: 'x'.repeat(n) } })),
  fc.constant<Update>({ $inc: { n: 2 } }),
  fc.constant<Update>({ $push: { list: 1 } }),
  fc.constant<Update>({ $unset: { n: '' } }),
  fc.constant<Update>({ $set: { _id: 3 } }),
  fc.constant<Update>({ $inc: { text: 1 } }),
  fc.constant<Update>([{ $set: { piped: true } }]),
)

test('does what the command does', async () => {
  await items().createIndex('unique', { unique: true })
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(ids, updates), { minLength: 1, maxLength: 12 }), async (steps) => {
      const outcomes: unknown[][] = []
      for (const isByCommand of [false, true]) {
        await items().deleteMany()
        await items().insertMany([1, 2, 3, 'four', 5.5].map((_id, unique) => ({ _id, n: 0, text: 'x', unique })))
        const session = laura.startSession()
        session.startTransaction()
        const own = items(session)
        const outcome: unknown[] = []
        for (const [_id, update] of steps) {
          // An `$eq` asks for the same, in another way.
          outcome.push(await result(own.updateOne(isByCommand ? { _id: { $eq: _id } } : { _id }, update)))
          outcome.push(session.inTransaction() ? await own.findOne({ _id }) : 'aborted')
        }
        if (session.inTransaction()) await session.commitTransaction()
        outcome.push(
          await items()
            .find({}, { sort: { unique: 1 } })
            .toArray(),
        )
        outcomes.push(outcome)
      }
      expect(outcomes[0]).toEqual(outcomes[1])
    }),
    { numRuns: 60 },
  )
  expect((await database.engine.check()).problems).toEqual([])
})

test('meets what a command meets', async () => {
  await items().insertMany([
    { _id: 1, unique: 1 },
    { _id: 2, unique: 2 },
  ])
  await items().createIndex('unique', { unique: true })
  const inTransaction = (action: (own: Collection<Item>) => Promise<unknown>): Promise<unknown> =>
    result(laura.transaction((session) => action(items(session)), { retryMs: 0 }))
  expect(await inTransaction((own) => own.updateOne({ _id: 1 }, { $set: { unique: 2 } }))).toBe('DuplicateKey')
  expect(await inTransaction((own) => own.updateOne({ _id: 3 }, { $set: { a: 1 } }))).toMatchObject({ matchedCount: 0 })
  expect(await inTransaction((own) => own.updateOne({ _id: 3 }, { $set: { a: 1 } }, { upsert: true }))).toMatchObject({
    upsertedId: 3,
  })
  expect(await inTransaction((own) => own.updateOne({ _id: 1 }, { $set: {} }))).toMatchObject({ modifiedCount: 0 })
  const holder = laura.startSession()
  holder.startTransaction()
  await items(holder).updateOne({ _id: 1 }, { $set: { a: 1 } })
  const other = laura.startSession()
  other.startTransaction()
  expect(await result(items(other).updateOne({ _id: 1 }, { $set: { a: 2 } }))).toBe('WriteConflict')
  expect(other.inTransaction()).toBe(false)
  const waiting = laura.startSession()
  waiting.startTransaction({ onConflict: 'wait', isolation: 'read committed', lockTimeoutMs: 1000 })
  const update = items(waiting).updateOne({ _id: 1 }, { $inc: { a: 5 } })
  await holder.commitTransaction()
  expect(await update).toMatchObject({ modifiedCount: 1 })
  await waiting.commitTransaction()
  expect(await items().findOne({ _id: 1 })).toMatchObject({ a: 6 })
})

test('is counted, and leaves to the command what it is told of', async () => {
  await items().insertOne({ _id: 1 })
  const { counters, profiler } = database
  const commands = (): number => counters.commands.get('update')?.total ?? 0
  let n = 0
  const update = (): Promise<unknown> =>
    laura.transaction((session) => items(session).updateOne({ _id: 1 }, { $set: { n: ++n } }))
  await update()
  expect([counters.update, counters.updated, commands()]).toEqual([1, 1, 0])
  profiler.set('db', { level: 2, filter: undefined })
  await update()
  expect([counters.update, commands()]).toEqual([2, 1])
  profiler.set('db', { level: 0, filter: undefined })
  await laura.db('db').command({ collMod: 'items', validator: { n: { $lt: 4 } } })
  await update()
  expect([counters.update, commands()]).toEqual([3, 2])
  expect(await result(update())).toBe('DocumentValidationFailure')
})

test('a transaction ends its session, however it ends', async () => {
  await items().insertOne({ _id: 1 })
  const sessions: { hasEnded: boolean }[] = []
  await laura.transaction((session) => {
    sessions.push(session)
    return items(session).updateOne({ _id: 1 }, { $set: { a: 1 } })
  })
  const failing = laura.transaction(async (session) => {
    sessions.push(session)
    await items(session).updateOne({ _id: 1 }, { $set: { a: 2 } })
    throw new Error('no')
  })
  await expect(failing).rejects.toThrow('no')
  expect(sessions.map(({ hasEnded }) => hasEnded)).toEqual([true, true])
  expect(await items().findOne({ _id: 1 })).toEqual({ _id: 1, a: 1 })
  expect(database.transactions.open).toEqual([])
})
