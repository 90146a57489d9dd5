/** Commands beside the commit of a transaction that is applied in slices: those that write wait for it, wherever they are. */
import { Long, UUID } from 'bson'
import { expect, test } from 'vitest'
import { openServer, type TestServer, until } from './testdata/server.ts'

type Document = Record<string, unknown>

const count = 400

async function opened(seed: number): Promise<TestServer> {
  const replicaSet = { name: 'rs0', member: 'db.example:27017' }
  const server = await openServer({ seed, tickMs: 1, replicaSet, engine: { commitSliceOperations: 1 } })
  for (const name of ['c', 'd', 'gone', 'indexed', 'converted'])
    await server.run({ insert: name, documents: Array.from({ length: count }, (_, _id) => ({ _id, n: 0 })) })
  return server
}

/** A transaction that adds 1 to `n` of every document of `c` but the last 100, ready to be committed. */
async function transaction(server: TestServer): Promise<Document> {
  const fields = { lsid: { id: new UUID() }, txnNumber: Long.fromNumber(1), autocommit: false }
  const updates = [{ q: { _id: { $lt: count - 100 } }, u: { $inc: { n: 1 } }, multi: true }]
  await server.run({ update: 'c', updates, ...fields, startTransaction: true })
  return { commitTransaction: 1, $db: 'admin', ...fields }
}

const others: readonly { readonly command: Document; readonly reply: Document; readonly after?: () => Document }[] = [
  {
    command: { insert: 'c', documents: Array.from({ length: 200 }, (_, n) => ({ _id: 1000 + n, n: 5 })) },
    reply: { n: 200 },
  },
  {
    command: {
      update: 'c',
      updates: [{ q: { _id: { $gte: count - 50, $lt: count } }, u: { $inc: { n: 10 } }, multi: true }],
    },
    reply: { n: expect.any(Number) as number },
  },
  { command: { update: 'c', updates: [{ q: { _id: 3 }, u: { $inc: { m: 1 } } }] }, reply: { n: 1, nModified: 1 } },
  { command: { delete: 'c', deletes: [{ q: { _id: count - 60 }, limit: 1 }] }, reply: { n: 1 } },
  {
    command: { findAndModify: 'c', query: { _id: 4 }, update: { $inc: { n: 100 } }, new: true },
    reply: { value: { _id: 4, n: 101 } },
  },
  { command: { create: 'made' }, reply: {} },
  { command: { drop: 'gone' }, reply: {} },
  { command: { createIndexes: 'indexed', indexes: [{ key: { n: 1 }, name: 'n' }] }, reply: { numIndexesAfter: 2 } },
  {
    command: {
      aggregate: 'd',
      pipeline: [{ $set: { n: 1 } }, { $merge: { into: 'd', whenMatched: [{ $set: { n: { $add: ['$n', 1] } } }] } }],
      cursor: {},
    },
    reply: {},
  },
  { command: { aggregate: 'd', pipeline: [{ $match: {} }, { $out: 'out' }], cursor: {} }, reply: {} },
  { command: { cloneCollectionAsCapped: 'd', toCollection: 'capped', size: 4096 }, reply: {} },
  { command: { convertToCapped: 'converted', size: 4096 }, reply: {} },
  { command: { dropDatabase: 1, $db: 'other' }, reply: {} },
  { command: { collMod: 'indexed', validator: {} }, reply: {} },
]

test.each([1, 2, 3, 4, 5, 6])('what writes beside it does so once, before it or after it (seed %i)', async (seed) => {
  const server = await opened(seed)
  const { random, clock } = server.world
  const commit = await transaction(server)
  const running: Promise<void>[] = []
  let connection = 10
  const start = ({ command, reply }: (typeof others)[number]): void => {
    const answer = server.connect(++connection).run(command)
    running.push(answer.then((given) => expect(given, JSON.stringify(command)).toMatchObject(reply)))
  }
  const waiting = [...others]
  const some = (share: number): void => {
    for (const each of [...waiting]) {
      // What is about its documents waits for its locks, which it has by now, or for its commit.
      if (!random.chance(share)) continue
      waiting.splice(waiting.indexOf(each), 1)
      start(each)
    }
  }
  some(0.4)
  const committed = server.run(commit)
  let sawApplying = 0
  for (let over = false; !over; ) {
    await clock.yield()
    some(0.02)
    if (server.engine.writable === undefined) {
      over = sawApplying > 0
      continue
    }
    sawApplying++
    if (sawApplying % 20 !== 0) continue
    const before = (await server.connect(5).run({ count: 'c', query: { n: 1 } })) as { n: number }
    if (server.engine.writable !== undefined) expect(before.n).toBe(0)
  }
  some(1)
  await committed
  await Promise.all(running)
  const documents = (await server.all({ find: 'c', sort: { _id: 1 } })) as { _id: number; n: number; m?: number }[]
  expect(documents).toHaveLength(count - 1 + 200)
  for (const { _id, n, m } of documents) {
    const expected = _id >= 1000 ? 5 : _id === 4 ? 101 : _id >= count - 50 ? 10 : _id >= count - 100 ? 0 : 1
    expect(n, String(_id)).toBe(expected)
    expect(m).toBe(_id === 3 ? 1 : undefined)
  }
  for (const { n } of (await server.all({ find: 'd' })) as { n: number }[]) expect(n).toBe(1)
  expect(await server.all({ find: 'out' })).toHaveLength(count)
  expect((await server.engine.check()).problems).toEqual([])
  expect(server.engine.locks.isEmpty).toBe(true)
})

test('one that waits for it is shown, and can be killed', async () => {
  const server = await opened(7)
  const commit = await transaction(server)
  const committed = server.run(commit)
  await until(server, () => server.engine.writable !== undefined)
  const waiting = server.connect(20).reply({ insert: 'c', documents: [{ _id: 2000 }], maxTimeMS: 60_000 })
  const killed = server.connect(21).reply({ drop: 'd', comment: 'killed' })
  const { inprog } = (await server.connect(22).run({ currentOp: 1, $db: 'admin' })) as { inprog: Document[] }
  const shown = inprog.filter(({ waitingForLock }) => waitingForLock === true)
  expect(shown.map(({ command }) => Object.keys(command as Document)[0])).toEqual(['insert', 'drop'])
  const { lockInfo } = (await server.connect(22).run({ lockInfo: 1, $db: 'admin' })) as { lockInfo: Document[] }
  const lock = lockInfo.find(({ resourceId }) => resourceId === 'commit')!
  expect(lock['granted']).toEqual([{ mode: 'X', transaction: expect.any(Number) as number }])
  expect(lock['pending']).toHaveLength(2)
  await server.connect(22).run({ killOp: 1, op: shown[1]!['opid'], $db: 'admin' })
  expect(await killed).toMatchObject({ ok: 0, codeName: 'Interrupted' })
  expect(server.engine.writable).not.toBe(undefined)
  expect(await waiting).toMatchObject({ ok: 1, n: 1 })
  await committed
  expect(await server.run({ count: 'd' })).toMatchObject({ n: count })
})

test('an index build that is killed beside it is given up', async () => {
  const server = await opened(8)
  await server.run({ insert: 'd', documents: Array.from({ length: 600 }, (_, n) => ({ _id: 1000 + n })) })
  const createIndexes = { createIndexes: 'd', indexes: [{ key: { n: 1 }, name: 'n' }] }
  const built = server.connect(20).reply(createIndexes)
  const collection = server.engine.collection('test', 'd')!
  const build = [...server.database.operations.values()].find(({ command }) => command.name === 'createIndexes')!
  await until(server, () => collection.unfinished.length > 0)
  // It is done, and waits for who uses the collection.
  const fields = { lsid: { id: new UUID() }, txnNumber: Long.fromNumber(1), autocommit: false }
  await server.run({ find: 'd', filter: { _id: 1 }, ...fields, startTransaction: true })
  await until(server, () => build.isWaitingForLock)
  const committed = server.run(await transaction(server.connect(21)))
  await until(server, () => server.engine.writable !== undefined)
  await server.connect(22).run({ killOp: 1, op: build.id, $db: 'admin' })
  expect(await built).toMatchObject({ ok: 0, codeName: 'Interrupted' })
  expect(collection.unfinished).toHaveLength(0)
  await committed
  await server.run({ abortTransaction: 1, $db: 'admin', ...fields })
  expect(await server.run(createIndexes)).toMatchObject({ numIndexesAfter: 2 })
})
