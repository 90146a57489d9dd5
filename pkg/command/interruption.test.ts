import { Long, UUID } from 'bson'
import { expect, test } from 'vitest'
import { openServer, type TestServer } from './testdata/server.ts'

/** A server whose clock goes on by 2 ms at every look at it: long work pauses often. */
async function slowServer(count: number): Promise<TestServer> {
  const server = await openServer({ tickMs: 2 })
  await server.run({ insert: 'c', documents: Array.from({ length: count }, (_, i) => ({ _id: i, a: i % 7 })) })
  return server
}

test.each([
  ['find', { find: 'c', filter: { a: 99 } }],
  ['sort', { find: 'c', sort: { a: 1 } }],
  ['count', { count: 'c', query: { a: 99 } }],
  ['distinct', { distinct: 'c', key: 'a' }],
  ['aggregate', { aggregate: 'c', pipeline: [{ $group: { _id: '$a', n: { $sum: 1 } } }], cursor: {} }],
  ['update', { update: 'c', updates: [{ q: {}, u: { $inc: { b: 1 } }, multi: true }] }],
  ['delete', { delete: 'c', deletes: [{ q: { a: { $gte: 0 } }, limit: 0 }] }],
])('%s stops when its time is over', async (_, command) => {
  const server = await slowServer(3000)
  expect(await server.reply({ ...command, maxTimeMS: 10 })).toMatchObject({
    ok: 0,
    code: 50,
    codeName: 'MaxTimeMSExpired',
    errmsg: 'operation exceeded time limit',
  })
  expect(server.engine.statistics().openSnapshotCount).toBe(0)
  expect(await server.reply({ ...command, maxTimeMS: 60_000 })).toMatchObject({ ok: 1 })
  expect((await server.engine.check()).problems).toEqual([])
})

test('killOp interrupts an operation that currentOp lists', async () => {
  const server = await slowServer(10_000)
  const other = server.connect(2)
  const counting = server.reply({ find: 'c', filter: { a: 99 } })
  const { inprog } = (await other.run({ currentOp: 1, $db: 'admin' })) as unknown as {
    inprog: { opid: number; ns: string; command: object }[]
  }
  const found = inprog.find(({ ns }) => ns === 'test.c')!
  expect(found.command).toMatchObject({ find: 'c', filter: { a: 99 } })
  const pipeline = [{ $currentOp: {} }, { $match: { ns: 'test.c' } }]
  expect(await other.all({ aggregate: 1, pipeline, cursor: {}, $db: 'admin' })).toMatchObject([{ opid: found.opid }])
  await other.run({ killOp: 1, op: found.opid, $db: 'admin' })
  expect(await counting).toMatchObject({ ok: 0, code: 11601, codeName: 'Interrupted' })
  expect(server.database.operations.size).toBe(0)
})

test('other requests are answered while a long one runs', async () => {
  const server = await slowServer(5000)
  const other = server.connect(2)
  let done = false
  const counting = server.run({ count: 'c', query: { a: 3 } }).then((reply) => {
    done = true
    return reply
  })
  await other.run({ insert: 'c', writeConcern: { j: false }, documents: Array.from({ length: 10 }, () => ({ a: 3 })) })
  expect(done).toBe(false)
  // What was written meanwhile is not counted: the count reads one moment.
  expect(await counting).toMatchObject({ n: 714 })
  expect(await server.run({ count: 'c', query: { a: 3 } })).toMatchObject({ n: 724 })
})

test('a read is interrupted when its connection closes, a write is not', async () => {
  const server = await slowServer(5000)
  const reader = server.connect(2)
  const writer = server.connect(3)
  const reading = reader.reply({ count: 'c', query: { a: 99 } })
  const writing = writer.reply({ update: 'c', updates: [{ q: {}, u: { $set: { b: 1 } }, multi: true }] })
  reader.context.close()
  writer.context.close()
  expect(await reading).toMatchObject({ code: 279 })
  expect(await writing).toMatchObject({ ok: 1, nModified: 5000 })
})

test('closing the database interrupts what runs and refuses what comes', async () => {
  const server = await slowServer(5000)
  const counting = server.reply({ count: 'c', query: { a: 99 } })
  server.database.close()
  expect(await counting).toMatchObject({ code: 11600 })
  expect(await server.reply({ ping: 1 })).toMatchObject({ code: 91 })
})

test('two multi updates at once both reach every document', async () => {
  const server = await slowServer(2000)
  const other = server.connect(2)
  const update = { update: 'c', updates: [{ q: {}, u: { $inc: { n: 1 } }, multi: true }] }
  expect(await Promise.all([server.run(update), other.run(update)])).toEqual([
    { n: 2000, nModified: 2000, ok: 1 },
    { n: 2000, nModified: 2000, ok: 1 },
  ])
  expect(await server.run({ count: 'c', query: { n: 2 } })).toMatchObject({ n: 2000 })
})

test('a collection dropped under a long write ends it', async () => {
  const server = await slowServer(5000)
  const other = server.connect(2)
  const writing = server.reply({ update: 'c', updates: [{ q: {}, u: { $set: { b: 1 } }, multi: true }] })
  await other.run({ drop: 'c' })
  expect(await writing).toMatchObject({ ok: 1, writeErrors: [{ code: 175 }] })
  expect((await server.engine.check()).problems).toEqual([])
})

const natural = { $natural: 1 }
const increment = { $inc: { n: 1 } }

test.each([
  ['update', { update: 'c', updates: [{ q: { u: 1 }, u: increment, upsert: true, hint: natural }] }],
  ['findAndModify', { findAndModify: 'c', query: { u: 1 }, update: increment, upsert: true, hint: natural }],
])('of two upserts at once by %s one inserts and the other changes', async (_, command) => {
  const server = await openServer({ tickMs: 2 })
  await server.run({ insert: 'c', documents: Array.from({ length: 1000 }, (_, i) => ({ _id: i, u: -i })) })
  await server.run({ createIndexes: 'c', indexes: [{ key: { u: 1 }, name: 'u', unique: true }] })
  const other = server.connect(2)
  const replies = await Promise.all([server.run(command), other.run(command)])
  expect(replies.map((reply) => reply['writeErrors'])).toEqual([undefined, undefined])
  expect(await server.all({ find: 'c', filter: { u: 1 }, projection: { _id: 0, u: 1, n: 1 } })).toEqual([
    { u: 1, n: 2 },
  ])
})

test.each([
  ['an update', { update: 'c', updates: [{ q: { a: 3 }, u: { $inc: { b: 1 } }, multi: true }] }],
  ['a removal', { delete: 'c', deletes: [{ q: { a: 3 }, limit: 0 }] }],
])('%s of many leaves alone what others have changed since it was found', async (_, command) => {
  for (const pauses of [1, 2, 3]) {
    const server = await slowServer(3000)
    const other = server.connect(2)
    const running = server.run(command)
    for (let i = 0; i < pauses; i++) await server.world.clock.yield()
    // The last one that matches is at work last.
    const last = 2999 - ((2999 - 3) % 7)
    await other.run({ update: 'c', updates: [{ q: { _id: last }, u: { $set: { a: 4 } } }] })
    const { n } = (await running) as unknown as { n: number }
    expect(n).toBe(428)
    expect(await server.all({ find: 'c', filter: { _id: last } })).toEqual([{ _id: last, a: 4 }])
    expect((await server.engine.check()).problems).toEqual([])
  }
})

test('currentOp lists idle connections and idle transactions as it is asked to', async () => {
  const server = await openServer({ replicaSet: { name: 'rs0' } })
  server.connect(7)
  const transaction = { lsid: { id: new UUID() }, txnNumber: Long.ONE, autocommit: false }
  await server.run({ insert: 'c', documents: [{}], ...transaction, startTransaction: true })
  const kinds = async (options: object): Promise<unknown[]> => {
    const pipeline = [{ $currentOp: options }, { $project: { type: 1, active: 1, _id: 0 } }]
    return server.all({ aggregate: 1, pipeline, cursor: {}, $db: 'admin' })
  }
  const asking = { type: 'op', active: true }
  const session = { type: 'idleSession', active: false }
  expect(await kinds({})).toEqual([asking, session])
  expect(await kinds({ idleSessions: false })).toEqual([asking])
  expect(await kinds({ idleConnections: true })).toEqual([asking, { type: 'op', active: false }, session])
})

test('currentOp shows what the other fields of the command ask for', async () => {
  const server = await openServer({ replicaSet: { name: 'rs0' } })
  server.connect(7)
  const transaction = { lsid: { id: new UUID() }, txnNumber: Long.ONE, autocommit: false }
  await server.run({ insert: 'c', documents: [{}], ...transaction, startTransaction: true })
  const shown = async (fields: object): Promise<number> => {
    const { inprog } = await server.run({ currentOp: 1, ...fields, comment: 'x', $db: 'admin' })
    return (inprog as readonly unknown[]).length
  }
  expect(await shown({})).toBe(2)
  expect(await shown({ $all: 'yes', $ownOps: true, $truncateOps: false })).toBe(3)
  expect(await shown({ active: true })).toBe(1)
  expect(await shown({ 'transaction.parameters.txnNumber': { $gte: 1 } })).toBe(1)
  expect(await shown({ $all: true, $or: [{ type: 'idleSession' }, { active: false }] })).toBe(2)
  expect(await server.reply({ currentOp: 1, active: { $no: 1 }, $db: 'admin' })).toMatchObject({ code: 2 })
})
