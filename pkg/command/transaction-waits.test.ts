/** Statements that wait for others' transactions: how long, what ends it, and what the client is told. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openServer, type TestServer } from './testdata/server.ts'
import { TransactionClient } from './testdata/transaction-client.ts'

type Document = Record<string, unknown>

let server: TestServer
let holder: TransactionClient
let waiter: TransactionClient

beforeEach(async () => {
  server = await openServer({ replicaSet: { name: 'rs0', member: 'db.example:27017' } })
  await server.run({ insert: 'c', documents: [1, 2, 3].map((_id) => ({ _id, n: _id })) })
  await parameter('transactionConflictWaitMillis', 300_000)
  await parameter('maxTransactionLockRequestTimeoutMillis', -1)
  holder = newClient().begin()
  waiter = newClient().begin()
})

afterEach(() => {
  server.world.clock.stop()
})

const newClient = (): TransactionClient => new TransactionClient((command) => server.reply(command))

function parameter(name: string, value: number): Promise<Document> {
  return server.run({ setParameter: 1, [name]: value, $db: 'admin' })
}

const set = (_id: number, n: number): Document => ({ update: 'c', updates: [{ q: { _id }, u: { $set: { n } } }] })

/** The statements that meet what `holder` has: each says what that is. */
const statements: readonly (readonly [name: string, take: () => Promise<unknown>, statement: Document])[] = [
  ['an update', () => holder.run(set(1, 10)), set(1, 20)],
  ['a later update of several', () => holder.run(set(2, 10)), { ...set(1, 20), updates: [1, 2].map(updateOf) }],
  ['a delete', () => holder.run(set(1, 10)), { delete: 'c', deletes: [{ q: { _id: 1 }, limit: 1 }] }],
  ['an insert', () => holder.run({ insert: 'c', documents: [{ _id: 9 }] }), { insert: 'c', documents: [{ _id: 9 }] }],
  [
    'findAndModify',
    () => holder.run(set(1, 10)),
    { findAndModify: 'c', query: { _id: 1 }, update: { $inc: { n: 1 } } },
  ],
  [
    'bulkWrite',
    () => holder.run(set(1, 10)),
    {
      bulkWrite: 1,
      ops: [{ update: 0, filter: { _id: 1 }, updateMods: { $inc: { n: 1 } } }],
      nsInfo: [{ ns: 'test.c' }],
      $db: 'admin',
    },
  ],
  ['a read behind a drop', dropBehindReader, { find: 'c' }],
]

function updateOf(_id: number): Document {
  return { q: { _id }, u: { $inc: { n: 1 } } }
}

async function dropBehindReader(): Promise<void> {
  await holder.run({ find: 'c' })
  void server.reply({ drop: 'c' })
}

describe.each(statements)('%s that waits', (_name, take, statement) => {
  test('ends with its maxTimeMS, and the transaction with it', async () => {
    await take()
    expect(await waiter.run({ ...statement, maxTimeMS: 50 })).toMatchObject({ ok: 0, codeName: 'MaxTimeMSExpired' })
    expect(server.world.clock.monotonicMs()).toBeLessThan(1000)
    expect(await waiter.commit()).toMatchObject({ codeName: 'NoSuchTransaction' })
  })

  test('is ended at once by killOp', async () => {
    await take()
    const waiting = waiter.run(statement)
    await server.world.clock.sleep(10)
    const { inprog } = await server.run({
      currentOp: 1,
      $db: 'admin',
      'transaction.statements': 1,
      waitingForLock: true,
    })
    for (const { opid } of inprog as Document[]) await server.run({ killOp: 1, op: opid, $db: 'admin' })
    expect(await waiting).toMatchObject({ ok: 0, codeName: 'Interrupted' })
    expect(server.world.clock.monotonicMs()).toBeLessThan(1000)
    expect(await waiter.commit()).toMatchObject({ codeName: 'NoSuchTransaction' })
  })

  test('is ended by the end of its session', async () => {
    await take()
    const waiting = waiter.run(statement)
    await server.world.clock.sleep(10)
    await server.run({ killSessions: [waiter.lsid] })
    expect(await waiting).toMatchObject({ ok: 0, codeName: 'Interrupted' })
  })

  test('is ended when its transaction has been open for too long', async () => {
    await parameter('transactionLifetimeLimitSeconds', 5)
    await waiter.run({ find: 'another' })
    await server.world.clock.sleep(3000)
    await take()
    expect(await waiter.run(statement)).toMatchObject({ ok: 0, codeName: 'TransactionExceededLifetimeLimitSeconds' })
  })
})

describe('a commit that waits for who has locked what it changes', () => {
  const options = { transactionOptions: { isolation: 'serializable', readLocks: true } }

  beforeEach(async () => {
    await server.run({ createIndexes: 'c', indexes: [{ key: { n: 1 }, name: 'n_1' }] })
    // An entry of an index that is not unique is not locked by who writes it: the range is not there yet.
    expect(await waiter.run({ insert: 'c', documents: [{ _id: 50, n: 50 }] })).toMatchObject({ n: 1 })
    expect(await holder.run({ find: 'c', filter: { n: { $gt: 60 } } }, options)).toMatchObject({ ok: 1 })
    expect(await waiter.run(set(50, 70))).toMatchObject({ n: 1 })
  })

  test('ends with its maxTimeMS', async () => {
    const commit = await waiter.run({ commitTransaction: 1, $db: 'admin', maxTimeMS: 50 })
    expect(commit).toMatchObject({ ok: 0, codeName: 'MaxTimeMSExpired' })
    expect(server.world.clock.monotonicMs()).toBeLessThan(1000)
    expect(await waiter.commit()).toMatchObject({
      codeName: 'NoSuchTransaction',
      errorLabels: ['TransientTransactionError'],
    })
    expect(await holder.commit()).toMatchObject({ ok: 1 })
    expect(await server.run({ find: 'c', filter: { _id: 50 } })).toMatchObject({ cursor: { firstBatch: [] } })
  })

  test('goes on when that one has ended', async () => {
    const committed = waiter.commit()
    await server.world.clock.sleep(1000)
    expect(await holder.commit()).toMatchObject({ ok: 1 })
    expect(await committed).toMatchObject({ ok: 1 })
  })
})

test.each([
  { insert: 'c', documents: [{ _id: 9 }] },
  set(1, 5),
  { delete: 'c', deletes: [{ q: {}, limit: 0 }] },
  { findAndModify: 'c', remove: true },
  { bulkWrite: 1, ops: [{ insert: 0, document: { _id: 9 } }], nsInfo: [{ ns: 'test.c' }], $db: 'admin' },
  { find: 'c' },
])('a statement that is too late for its snapshot says so for its whole transaction: %o', async (statement) => {
  await waiter.run({ find: 'another' })
  await server.run({ drop: 'c' })
  expect(await waiter.run(statement)).toMatchObject({
    ok: 0,
    codeName: expect.stringMatching(/SnapshotUnavailable|WriteConflict/),
    errorLabels: ['TransientTransactionError'],
  })
})
