import { Long } from 'bson'
import { beforeEach, describe, expect, test } from 'vitest'
import { openServer, type TestServer } from './testdata/server.ts'
import { TransactionClient } from './testdata/transaction-client.ts'

type Document = Record<string, unknown>

let server: TestServer

beforeEach(async () => {
  server = await openServer({ replicaSet: { name: 'rs0', member: 'db.example:27017' } })
  await server.reply({ insert: 'c', documents: [1, 2, 3].map((_id) => ({ _id, n: _id })) })
})

const newClient = (): TransactionClient => new TransactionClient((command) => server.reply(command))

async function documents(run: (command: Document) => Promise<Document>, filter: Document = {}): Promise<unknown> {
  const { cursor } = await run({ find: 'c', filter, sort: { _id: 1 } })
  return (cursor as { firstBatch: unknown }).firstBatch
}

const outside = (command: Document): Promise<Document> => server.reply(command)
const set = (_id: number, n: number): Document => ({ update: 'c', updates: [{ q: { _id }, u: { $set: { n } } }] })

test('a transaction reads its own writes, and others see them when it has committed', async () => {
  const client = newClient().begin()
  const inside = (command: Document): Promise<Document> => client.run(command)
  expect(await client.run(set(1, 10))).toMatchObject({ ok: 1, n: 1, nModified: 1 })
  expect(await client.run({ insert: 'c', documents: [{ _id: 4, n: 4 }] })).toMatchObject({ ok: 1, n: 1 })
  expect(await client.run({ delete: 'c', deletes: [{ q: { n: 2 }, limit: 0 }] })).toMatchObject({ ok: 1, n: 1 })
  expect(
    await client.run({ findAndModify: 'c', query: { _id: 3 }, update: { $inc: { n: 30 } }, new: true }),
  ).toMatchObject({ value: { _id: 3, n: 33 } })
  const after = [
    { _id: 1, n: 10 },
    { _id: 3, n: 33 },
    { _id: 4, n: 4 },
  ]
  expect(await documents(inside)).toEqual(after)
  expect(await client.run({ distinct: 'c', key: 'n' })).toMatchObject({ values: [4, 10, 33] })
  const counted = await client.run({ aggregate: 'c', pipeline: [{ $group: { _id: 1, n: { $sum: 1 } } }], cursor: {} })
  expect((counted['cursor'] as { firstBatch: unknown }).firstBatch).toEqual([{ _id: 1, n: 3 }])
  expect(await documents(outside)).toEqual([1, 2, 3].map((_id) => ({ _id, n: _id })))
  expect(await client.commit()).toMatchObject({ ok: 1 })
  expect(await client.commit()).toMatchObject({ ok: 1 })
  expect(await documents(outside)).toEqual(after)
  expect(await client.run(set(1, 11))).toMatchObject({ ok: 0, code: 256, codeName: 'TransactionCommitted' })
  expect(await client.abort()).toMatchObject({ ok: 0, codeName: 'TransactionCommitted' })
})

test('collections and indexes are made in a transaction, too', async () => {
  const client = newClient().begin()
  expect(await client.run({ create: 'made' })).toMatchObject({ ok: 1 })
  expect(
    await client.run({ createIndexes: 'made', indexes: [{ key: { n: 1 }, name: 'n', unique: true }] }),
  ).toMatchObject({ ok: 1, numIndexesAfter: 2 })
  expect(await client.run({ insert: 'made', documents: [{ _id: 1, n: 1 }] })).toMatchObject({ ok: 1, n: 1 })
  expect(await server.reply({ listIndexes: 'made' })).toMatchObject({ codeName: 'NamespaceNotFound' })
  expect(await client.commit()).toMatchObject({ ok: 1 })
  const { cursor } = await server.reply({ listIndexes: 'made' })
  expect((cursor as { firstBatch: unknown[] }).firstBatch).toHaveLength(2)
  expect(await server.reply({ insert: 'made', documents: [{ _id: 2, n: 1 }] })).toMatchObject({
    writeErrors: [{ code: 11000 }],
  })
  client.begin()
  expect(await client.run({ createIndexes: 'made', indexes: [{ key: { m: 1 }, name: 'm' }] })).toMatchObject({
    codeName: 'OperationNotSupportedInTransaction',
  })
})

describe('a conflict', () => {
  test('fails the later writer at once, with the label that says that the transaction may be tried again', async () => {
    const first = newClient().begin()
    const second = newClient().begin()
    await first.run(set(1, 10))
    expect(await second.run(set(1, 20))).toMatchObject({
      ok: 0,
      code: 112,
      codeName: 'WriteConflict',
      errorLabels: ['TransientTransactionError'],
    })
    expect(await second.commit()).toMatchObject({ code: 251, errorLabels: ['TransientTransactionError'] })
    expect(await first.commit()).toMatchObject({ ok: 1 })
  })

  test('makes a write outside of transactions wait for the end of the one in its way', async () => {
    const client = newClient().begin()
    await client.run(set(1, 10))
    await client.run({ insert: 'c', documents: [{ _id: 9, n: 9 }] })
    const updated = server.reply({ update: 'c', updates: [{ q: { _id: 1 }, u: { $inc: { n: 1 } } }] })
    const all = server.reply({ update: 'c', updates: [{ q: {}, u: { $inc: { m: 1 } }, multi: true }] })
    const inserted = server.reply({ insert: 'c', documents: [{ _id: 8 }, { _id: 9 }] })
    const limited = await server.reply({ ...set(1, 7), maxTimeMS: 20 })
    expect(limited).toMatchObject({ codeName: 'MaxTimeMSExpired' })
    await client.commit()
    expect(await updated).toMatchObject({ n: 1, nModified: 1 })
    expect(await all).toMatchObject({ nModified: 3 })
    expect(await inserted).toMatchObject({ n: 1, writeErrors: [{ index: 1, code: 11000 }] })
    expect(await documents(outside, { _id: 1 })).toEqual([{ _id: 1, n: 11, m: 1 }])
  })

  test('makes a drop wait for the transactions that use the collection', async () => {
    const client = newClient().begin()
    await documents((command) => client.run(command))
    const dropped = server.reply({ drop: 'c' })
    expect(await server.reply({ insert: 'c', documents: [{ _id: 5 }] })).toMatchObject({ n: 1 })
    await client.commit()
    expect(await dropped).toMatchObject({ ok: 1 })
    expect(await documents(outside)).toEqual([])
  })
})

describe('a transaction that meets a change of a collection', () => {
  const limit = (ms: number) =>
    server.reply({ setParameter: 1, maxTransactionLockRequestTimeoutMillis: ms, $db: 'admin' })

  /** A drop that waits for `user`, and a transaction behind it that would read or write the collection. */
  async function behindDrop(statement: Document) {
    const [user, follower] = [newClient().begin(), newClient().begin()]
    await documents((command) => user.run(command))
    const dropped = server.reply({ drop: 'c' })
    return { user, dropped, follower, late: follower.run(statement) }
  }

  test.for([{ find: 'c' }, set(1, 5), { insert: 'd', documents: [{ _id: 1 }] }])(
    'waits as long as maxTransactionLockRequestTimeoutMillis says: %o',
    async (statement) => {
      expect(await limit(5)).toMatchObject({ was: 5 })
      // One that makes a collection has its name for itself until it commits.
      const maker = newClient().begin()
      await maker.run({ create: 'd' })
      const { user, dropped, late } = await behindDrop(statement)
      expect(await late).toMatchObject({ codeName: 'LockTimeout', errorLabels: ['TransientTransactionError'] })
      await maker.abort()
      await user.commit()
      expect(await dropped).toMatchObject({ ok: 1 })
    },
  )

  test.each([-1, 60_000])('goes on when the others are done in time (%i ms)', async (ms) => {
    await limit(ms)
    const maker = newClient().begin()
    await maker.run({ create: 'd' })
    const inserting = newClient().begin()
    const inserted = inserting.run({ insert: 'd', documents: [{ _id: 1 }] })
    await maker.abort()
    expect(await inserted).toMatchObject({ ok: 1, n: 1 })
    expect(await inserting.commit()).toMatchObject({ ok: 1 })
    const { user, dropped, follower, late } = await behindDrop({ find: 'c' })
    await user.commit()
    expect(await late).toMatchObject({ ok: 1 })
    await follower.commit()
    expect(await dropped).toMatchObject({ ok: 1 })
  })
})

describe('a transaction that does not fit into memory', () => {
  beforeEach(async () => {
    const replicaSet = { name: 'rs0', member: 'db.example:27017' }
    server = await openServer({ replicaSet, engine: { transactionMemoryBytes: 0, pageSizeBytes: 1024 } })
    await server.reply({ insert: 'c', documents: [1, 2, 3].map((_id) => ({ _id, n: _id })) })
  })

  const many = Array.from({ length: 300 }, (_, i) => ({ _id: 10 + i, n: i, text: 'x'.repeat(500) }))

  test('reads its own writes and is committed as any other, and says so again when it is asked again', async () => {
    const client = newClient().begin()
    await client.run({ insert: 'c', documents: many })
    await client.run({ update: 'c', updates: [{ q: { n: { $gte: 100 } }, u: { $inc: { n: 1000 } }, multi: true }] })
    await client.run({ delete: 'c', deletes: [{ q: { _id: 1 }, limit: 1 }] })
    expect(await documents((command) => client.run(command), { n: 1100 })).toMatchObject([{ _id: 110 }])
    expect(await documents(outside, { n: 1100 })).toEqual([])
    const replies = await Promise.all([client.commit(), client.commit()])
    expect(replies).toMatchObject([{ ok: 1 }, { ok: 1 }])
    expect(await documents(outside, { n: 1100 })).toMatchObject([{ _id: 110 }])
    expect(await server.reply({ count: 'c' })).toMatchObject({ n: 302 })
    expect(await client.commit()).toMatchObject({ ok: 1 })
  })

  test('is shown to change streams', async () => {
    const opened = await server.reply({ aggregate: 'c', pipeline: [{ $changeStream: {} }], cursor: {} })
    const { id } = opened['cursor'] as { id: unknown }
    const client = newClient().begin()
    await client.run({ insert: 'c', documents: many.slice(0, 5) })
    expect(await client.commit()).toMatchObject({ ok: 1 })
    const { cursor } = await server.reply({ getMore: id, collection: 'c' })
    const { nextBatch } = cursor as { nextBatch: { documentKey: Document }[] }
    expect(nextBatch.map(({ documentKey }) => documentKey['_id'])).toEqual([10, 11, 12, 13, 14])
  })

  test('may be aborted while its commit is on its way to disk, and then says that it was', async () => {
    const client = newClient().begin()
    await client.run({ insert: 'c', documents: many })
    const committing = client.commit()
    const killed = server.reply({ killSessions: [client.lsid] })
    const [reply] = await Promise.all([committing, killed])
    const count = reply['ok'] === 1 ? 303 : 3
    expect(await server.reply({ count: 'c' })).toMatchObject({ n: count })
    if (count === 3) expect(reply).toMatchObject({ errorLabels: ['TransientTransactionError'] })
  })
})

test('with transactionConflictWaitMillis a write in a transaction waits for another transaction', async () => {
  const wait = (ms: number) => server.reply({ setParameter: 1, transactionConflictWaitMillis: ms, $db: 'admin' })
  expect(await wait(60_000)).toMatchObject({ was: 0 })
  const first = newClient().begin()
  await first.run(set(1, 10))
  const second = newClient().begin()
  const waiting = second.run(set(1, 20))
  await first.abort()
  expect(await waiting).toMatchObject({ ok: 1, n: 1 })
  // What is committed meanwhile is a conflict all the same.
  const third = newClient().begin()
  const late = third.run(set(1, 30))
  expect(await second.commit()).toMatchObject({ ok: 1 })
  expect(await late).toMatchObject({ codeName: 'WriteConflict', errorLabels: ['TransientTransactionError'] })
  // Two that wait for each other are found.
  const [a, b] = [newClient().begin(), newClient().begin()]
  await a.run(set(1, 71))
  await b.run(set(2, 72))
  const both = [a.run(set(2, 73)), b.run(set(1, 74))]
  const circle = await Promise.all(both.map((reply) => reply.then(({ codeName }) => codeName ?? 'ok')))
  expect(circle.sort()).toEqual(['WriteConflict', 'ok'])
  await wait(20)
  await a.abort()
  await b.abort()
  const last = newClient().begin()
  const other = newClient().begin()
  await other.run(set(1, 5))
  expect(await last.run(set(1, 6))).toMatchObject({
    codeName: 'LockTimeout',
    errorLabels: ['TransientTransactionError'],
  })
})

test('a failed statement ends its transaction', async () => {
  const client = newClient().begin()
  await client.run(set(1, 10))
  const failed = await client.run({ insert: 'c', documents: [{ _id: 5 }, { _id: 2 }, { _id: 6 }], ordered: false })
  expect(failed).toMatchObject({ ok: 1, n: 1, writeErrors: [{ index: 1, code: 11000 }] })
  expect(await client.commit()).toMatchObject({ codeName: 'NoSuchTransaction' })
  expect(await documents(outside, { _id: { $in: [1, 5] } })).toEqual([{ _id: 1, n: 1 }])
  client.begin()
  await client.run(set(1, 10))
  expect(await client.run({ aggregate: 'c', pipeline: [{ $bad: 1 }], cursor: {} })).toMatchObject({ ok: 0 })
})

test('a transaction ends with its session, with a newer one, and when its time is over', async () => {
  const client = newClient().begin()
  await client.run(set(1, 10))
  client.begin()
  await client.run(set(1, 20))
  await server.reply({ endSessions: [client.lsid] })
  expect(await client.commit()).toMatchObject({ codeName: 'NoSuchTransaction' })
  const other = newClient().begin()
  await other.run(set(1, 30))
  await server.world.clock.sleep(63_000)
  expect(await other.commit()).toMatchObject({ codeName: 'NoSuchTransaction' })
  expect(await documents(outside, { _id: 1 })).toEqual([{ _id: 1, n: 1 }])
})

describe('is refused', () => {
  test.for([
    [{ count: 'c' }, {}, 'OperationNotSupportedInTransaction'],
    [{ find: 'c', $db: 'config' }, {}, 'OperationNotSupportedInTransaction'],
    [{ aggregate: 'c', pipeline: [{ $out: 'd' }], cursor: {} }, {}, 'OperationNotSupportedInTransaction'],
    [{ aggregate: 'c', pipeline: [{ $merge: 'd' }], cursor: {} }, {}, 'OperationNotSupportedInTransaction'],
    [{ aggregate: 'c', pipeline: [{ $collStats: {} }], cursor: {} }, {}, 'OperationNotSupportedInTransaction'],
    [{ getMore: Long.fromNumber(1), collection: 'c' }, {}, 'OperationNotSupportedInTransaction'],
    [set(1, 1), { writeConcern: { w: 1 } }, 'InvalidOptions'],
    [{ find: 'c' }, { readConcern: { level: 'linearizable' } }, 'InvalidOptions'],
    [{ find: 'c', tailable: true }, {}, 'InvalidOptions'],
    [{ find: 'c', readOnce: true }, {}, 'OperationNotSupportedInTransaction'],
    [{ create: 'v', viewOn: 'c', pipeline: [] }, {}, 'OperationNotSupportedInTransaction'],
    [{ create: 't', timeseries: { timeField: 't' } }, {}, 'OperationNotSupportedInTransaction'],
    [{ create: 'system.js' }, {}, 'OperationNotSupportedInTransaction'],
    [{ insert: 'system.js', documents: [{ _id: 1 }] }, {}, 'Location50791'],
    [{ update: 'system.js', updates: [{ q: {}, u: { $set: { a: 1 } } }] }, {}, 'Location50791'],
    [{ delete: 'system.js', deletes: [{ q: {}, limit: 1 }] }, {}, 'Location50791'],
    [{ findAndModify: 'system.js', remove: true }, {}, 'Location50791'],
  ] as const)('%j with %j', async ([command, fields, codeName]) => {
    expect(await newClient().begin().run(command, fields)).toMatchObject({ ok: 0, codeName })
  })

  test('a later statement with a read concern, an unknown or an old number', async () => {
    const client = newClient().begin()
    await client.run({ find: 'c' }, { readConcern: { level: 'snapshot' } })
    expect(await client.run({ find: 'c' }, { readConcern: { level: 'local' } })).toMatchObject({
      codeName: 'InvalidOptions',
    })
    const session = { lsid: client.lsid, autocommit: false }
    expect(await server.reply({ find: 'c', ...session, txnNumber: Long.fromNumber(7) })).toMatchObject({ code: 251 })
    expect(await server.reply({ find: 'c', ...session, txnNumber: Long.fromNumber(0) })).toMatchObject({ code: 225 })
    const again = { ...session, txnNumber: Long.fromNumber(1), startTransaction: true }
    expect(await server.reply({ find: 'c', ...again })).toMatchObject({ code: 117 })
    expect(await server.reply({ commitTransaction: 1, $db: 'admin' })).toMatchObject({ codeName: 'CommandFailed' })
  })
})

test('a cursor belongs to its transaction and ends with it', async () => {
  const client = newClient().begin()
  const { cursor } = await client.run({ find: 'c', batchSize: 1 })
  const { id } = cursor as { id: Long }
  const more = { getMore: Long.fromValue(id), collection: 'c' }
  expect(await server.reply({ ...more, lsid: client.lsid })).toMatchObject({ code: 50740 })
  await client.run({ insert: 'c', documents: [{ _id: 7, n: 7 }] })
  const rest = await client.run(more)
  expect((rest['cursor'] as { nextBatch: unknown[] }).nextBatch).toHaveLength(3)
  const second = await client.run({ find: 'c', batchSize: 1 })
  await client.commit()
  const late = Long.fromValue((second['cursor'] as { id: Long }).id)
  expect(await server.reply({ getMore: late, collection: 'c', lsid: client.lsid })).toMatchObject({
    codeName: 'CursorNotFound',
  })
})

test('a statement that leaves index entries for later turns is answered when they are there', async () => {
  const replicaSet = { name: 'rs0', member: 'db.example:27017' }
  server = await openServer({ replicaSet, engine: { commitSliceEntries: 2 } })
  await server.run({ createIndexes: 'c', indexes: [{ key: { v: 1 }, name: 'v_1' }] })
  const v = Array.from({ length: 500 }, (_, n) => n)
  await server.run({ insert: 'c', documents: [{ _id: 1, v }] })
  const client = newClient().begin()
  expect(await client.run({ insert: 'c', documents: [{ _id: 2, v }] })).toMatchObject({ ok: 1, n: 1 })
  const change = {
    findAndModify: 'c',
    query: { _id: 1 },
    update: { $set: { v: v.map((n) => n + 1000) } },
    fields: { _id: 1 },
  }
  expect(await client.run(change)).toMatchObject({ value: { _id: 1 } })
  expect(await client.run({ find: 'c', filter: { v: 1499 }, projection: { _id: 1 } })).toMatchObject({
    cursor: { firstBatch: [{ _id: 1 }] },
  })
  expect(await client.run({ delete: 'c', deletes: [{ q: { v: 499 }, limit: 0 }] })).toMatchObject({ ok: 1, n: 1 })
  expect(await client.commit()).toMatchObject({ ok: 1 })
  expect(await server.reply({ count: 'c', query: { v: { $gte: 0 } } })).toMatchObject({ n: 1 })
})

test('open transactions, their locks and those who wait are shown', async () => {
  const client = newClient().begin()
  await client.run(set(1, 10))
  const waiting = server.reply(set(1, 11))
  const { lockInfo } = await server.reply({ lockInfo: 1, $db: 'admin' })
  expect(lockInfo).toContainEqual({
    resourceId: 'record test.c 1',
    granted: [{ mode: 'X', transaction: expect.any(Number) }],
    pending: [{ mode: 'X', waitedMillis: expect.any(Number) }],
  })
  expect(lockInfo).toContainEqual({
    resourceId: 'collection test.c',
    granted: [{ mode: 'S', transaction: expect.any(Number) }],
    pending: [],
  })
  const { inprog } = await server.reply({ currentOp: 1, $db: 'admin' })
  expect(inprog).toContainEqual(
    expect.objectContaining({
      type: 'idleSession',
      transaction: expect.objectContaining({
        parameters: { txnNumber: 1, autocommit: false },
        statements: 1,
        locks: 2,
      }),
    }),
  )
  expect(inprog).toContainEqual(expect.objectContaining({ type: 'op', op: 'update', waitingForLock: true }))
  expect(await server.reply({ serverStatus: 1 })).toMatchObject({
    transactions: { currentOpen: 1, currentInactive: 1, totalStarted: 1 },
    lauradb: { engine: { openTransactionCount: 1, lockWaitCount: 1 } },
  })
  await client.abort()
  expect(await waiting).toMatchObject({ nModified: 1 })
  expect(await server.reply({ lockInfo: 1, $db: 'admin' })).toMatchObject({ lockInfo: [] })
})

test('a rename that must wait for a transaction keeps the collection that it is to replace', async () => {
  await server.reply({ insert: 'other', documents: [{ _id: 9 }] })
  const client = newClient().begin()
  expect(await client.run({ find: 'other' })).toMatchObject({ ok: 1 })
  const renaming = server.reply({
    renameCollection: 'test.other',
    to: 'test.c',
    dropTarget: true,
    maxTimeMS: 1000,
    $db: 'admin',
  })
  expect(await server.reply({ count: 'c' })).toMatchObject({ n: 3 })
  expect(await renaming).toMatchObject({ ok: 0, codeName: 'MaxTimeMSExpired' })
  expect(await server.reply({ count: 'c' })).toMatchObject({ n: 3 })
})
