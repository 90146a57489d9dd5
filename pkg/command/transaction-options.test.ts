/** `transactionOptions` of a first statement: isolation and locks for doors whose commands are MongoDB's. */
import { Long } from 'bson'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openServer, type TestServer } from './testdata/server.ts'
import { TransactionClient } from './testdata/transaction-client.ts'

type Document = Record<string, unknown>

let server: TestServer

beforeEach(async () => {
  server = await openServer({ replicaSet: { name: 'rs0', member: 'db.example:27017' } })
  await server.run({ insert: 'c', documents: Array.from({ length: 300 }, (_, _id) => ({ _id, n: 0 })) })
})

afterEach(() => {
  server.world.clock.stop()
})

const newClient = (): TransactionClient => new TransactionClient((command) => server.reply(command)).begin()
const set = (_id: number, n: number): Document => ({ update: 'c', updates: [{ q: { _id }, u: { $set: { n } } }] })
const find = (_id: number): Document => ({ find: 'c', filter: { _id }, projection: { _id: 0 } })
const found = (n: number): Document => ({ cursor: { firstBatch: [{ n }] } })

test('serializable refuses write skew, which a snapshot allows', async () => {
  for (const [n, isolation, second] of [
    [1, 'snapshot', { ok: 1 }],
    [2, 'serializable', { codeName: 'WriteConflict', errorLabels: ['TransientTransactionError'] }],
  ] as const) {
    const clients = [newClient(), newClient()]
    for (const client of clients) {
      expect(await client.run(find(1), { transactionOptions: { isolation } })).toMatchObject({ ok: 1 })
      await client.run(find(2))
    }
    for (const [i, client] of clients.entries()) await client.run(set(i + 1, n))
    expect(await clients[0]!.commit()).toMatchObject({ ok: 1 })
    expect(await clients[1]!.commit()).toMatchObject(second)
  }
})

test('read committed sees what is committed between its statements', async () => {
  const client = newClient()
  expect(await client.run(find(1), { transactionOptions: { isolation: 'read committed' } })).toMatchObject(found(0))
  await server.run(set(1, 1))
  expect(await client.run(find(1))).toMatchObject(found(1))
  expect(await client.commit()).toMatchObject({ ok: 1 })
})

test('locks on what is read hold back whoever would write there, also what a cursor reads later', async () => {
  const reader = newClient()
  const { cursor } = await reader.run(
    { find: 'c', batchSize: 10 },
    { transactionOptions: { isolation: 'serializable', readLocks: true } },
  )
  const getMore = Long.fromValue((cursor as { id: Long }).id)
  expect(await server.reply({ ...set(5, 1), maxTimeMS: 20 })).toMatchObject({ codeName: 'MaxTimeMSExpired' })
  // What the cursor has not come to is not locked yet, and a batch cannot be read at a later moment than those before it.
  expect(await server.reply(set(250, 1))).toMatchObject({ nModified: 1 })
  expect(await reader.run({ getMore, collection: 'c', batchSize: 20 })).toMatchObject({ ok: 1 })
  expect(await server.reply({ ...set(25, 1), maxTimeMS: 20 })).toMatchObject({ codeName: 'MaxTimeMSExpired' })
  expect(await reader.run({ getMore, collection: 'c' })).toMatchObject({
    codeName: 'WriteConflict',
    errorLabels: ['TransientTransactionError'],
  })
  expect(await server.reply(set(5, 1))).toMatchObject({ nModified: 1 })
})

test.each([
  [{ transactionOptions: { isolation: 'chaos' } }, 'BadValue'],
  [{ transactionOptions: { isolation: null, onConflict: 'fight' } }, 'BadValue'],
  [{ transactionOptions: { readLocks: true } }, 'BadValue'],
  [{ transactionOptions: { lockTimeoutMs: -1 } }, 'BadValue'],
  [{ transactionOptions: { level: 'snapshot' } }, 'Location40415'],
  [{ transactionOptions: 'serializable' }, 'TypeMismatch'],
  [{ transactionOptions: { isolation: 'read committed' }, readConcern: { level: 'snapshot' } }, 'InvalidOptions'],
] as const)('%j is refused', async (fields, codeName) => {
  expect(await newClient().run(find(1), fields)).toMatchObject({ ok: 0, codeName })
})

test('they are for the statement that begins a transaction', async () => {
  const transactionOptions = { isolation: 'serializable' }
  const client = newClient()
  await client.run(find(1))
  expect(await client.run(find(1), { transactionOptions })).toMatchObject({ codeName: 'InvalidOptions' })
  expect(await server.reply({ ...find(1), transactionOptions })).toMatchObject({ codeName: 'InvalidOptions' })
})
