import { Long, UUID } from 'bson'
import { beforeEach, expect, test } from 'vitest'
import { openServer, type TestServer } from './testdata/server.ts'

type Document = Record<string, unknown>

let server: TestServer
const lsid = { id: new UUID() }

beforeEach(async () => {
  server = await openServer({ replicaSet: { name: 'rs0' } })
})

function numbered(command: Document, txnNumber: number): Document {
  return { ...command, lsid, txnNumber: Long.fromNumber(txnNumber) }
}

/** The reply without what differs between two attempts. */
function bare(reply: Document): Document {
  const { $clusterTime: _cluster, operationTime: _time, ...rest } = reply
  return rest
}

/** The same database after a power loss. */
async function afterCrash(): Promise<TestServer> {
  return openServer({ replicaSet: { name: 'rs0' }, world: server.world.crash() })
}

const inserts = { insert: 'c', documents: [{ _id: 1 }, { _id: 2 }, { _id: 3 }] }
const updates = {
  update: 'c',
  updates: [
    { q: { _id: 1 }, u: { $inc: { n: 1 } } },
    { q: { x: 9 }, u: { $inc: { n: 1 } }, upsert: true },
    { q: { _id: 2, n: { $exists: false } }, u: { $set: { n: 5 } } },
  ],
}
const deletes = {
  delete: 'c',
  deletes: [
    { q: { _id: 1 }, limit: 1 },
    { q: {}, limit: 1 },
  ],
}

test.each([
  ['inserts', inserts, [0, 1, 2]],
  ['updates', updates, [0, 1, 2]],
  ['deletes', deletes, [0, 1]],
])(
  '%s that come again are answered and not done again, over another connection and after a crash too',
  async (_, command, ids) => {
    if (command !== inserts) await server.run(inserts)
    const first = bare(await server.run(numbered(command, 1)))
    expect(first).not.toHaveProperty('retriedStmtIds')
    const documents = await server.all({ find: 'c', sort: { _id: 1 } })
    const expected = { ...first, retriedStmtIds: ids }
    expect(bare(await server.connect(2).run(numbered(command, 1)))).toEqual(expected)
    server = await afterCrash()
    expect(bare(await server.run(numbered(command, 1)))).toEqual(expected)
    expect(await server.all({ find: 'c', sort: { _id: 1 } })).toEqual(documents)
    // The next number is another command.
    expect(await server.reply(numbered(command, 2))).not.toHaveProperty('retriedStmtIds')
  },
)

test.each([
  ['the document before', { update: { $inc: { n: 1 } } }],
  ['the document after', { update: { $inc: { n: 1 } }, new: true, fields: { n: 1 } }],
  ['the document that it removes', { remove: true }],
  ['the document after an upsert', { query: { _id: 9 }, update: { $inc: { n: 1 } }, upsert: true, new: true }],
  ['nothing before an upsert', { query: { _id: 9 }, update: { $inc: { n: 1 } }, upsert: true }],
])('findAndModify shows %s again', async (_, command) => {
  await server.run({ insert: 'c', documents: [{ _id: 1, n: 1, other: 'x' }] })
  const numberedCommand = numbered({ findAndModify: 'c', query: { _id: 1 }, ...command }, 1)
  const first = bare(await server.run(numberedCommand))
  await server.run({ update: 'c', updates: [{ q: {}, u: { $set: { n: 100 } }, multi: true }] })
  expect(bare(await server.run(numberedCommand))).toEqual({ ...first, retriedStmtId: 0 })
  server = await afterCrash()
  expect(bare(await server.run(numberedCommand))).toEqual({ ...first, retriedStmtId: 0 })
})

test('bulkWrite does each of its operations once', async () => {
  const ops = [
    { insert: 0, document: { _id: 1 } },
    { insert: 0, document: { _id: 2 } },
    { update: 0, filter: { _id: 1 }, updateMods: { $inc: { n: 1 } } },
    { delete: 0, filter: { _id: 2 } },
  ]
  const command = numbered({ bulkWrite: 1, ops, nsInfo: [{ ns: 'test.c' }], $db: 'admin' }, 1)
  const first = bare(await server.run(command))
  expect(bare(await server.run(command))).toEqual({ ...first, retriedStmtIds: [0, 1, 2, 3] })
  expect(await server.all({ find: 'c' })).toEqual([{ _id: 1, n: 1 }])
})

test('a statement that failed is tried again, those before it are not', async () => {
  await server.run({ insert: 'c', documents: [{ _id: 2 }] })
  expect(await server.run(numbered(inserts, 1))).toMatchObject({ n: 1, writeErrors: [{ index: 1, code: 11000 }] })
  await server.run({ delete: 'c', deletes: [{ q: { _id: 2 }, limit: 1 }] })
  const again = await server.run(numbered(inserts, 1))
  expect(again).toMatchObject({ n: 3, retriedStmtIds: [0] })
  expect(await server.run(numbered(inserts, 1))).toMatchObject({ n: 3, retriedStmtIds: [0, 1, 2] })
})

test('an unordered insert records the runs between its failures', async () => {
  await server.run({ insert: 'c', documents: [{ _id: 2 }, { _id: 5 }] })
  const documents = [1, 2, 3, 4, 5, 6].map((_id) => ({ _id }))
  const command = numbered({ insert: 'c', documents, ordered: false }, 1)
  expect(await server.run(command)).toMatchObject({ n: 4 })
  expect(await server.run(command)).toMatchObject({ n: 4, retriedStmtIds: [0, 2, 3, 5] })
})

test('statements may have numbers of their own', async () => {
  const first = numbered({ ...inserts, stmtIds: [7, 8, 20] }, 1)
  await server.run(first)
  expect(
    await server.run(numbered({ insert: 'c', documents: [{ _id: 30 }, { _id: 31 }], stmtId: 19 }, 1)),
  ).toMatchObject({
    n: 2,
    retriedStmtIds: [20],
  })
  expect(await server.reply(numbered({ ...inserts, stmtIds: [1] }, 2))).toMatchObject({ ok: 0, code: 16 })
})

test('a number before the last one is refused, also one that was only begun before a crash', async () => {
  await server.run(numbered(inserts, 5))
  expect(await server.reply(numbered(inserts, 4))).toMatchObject({ ok: 0, code: 225, codeName: 'TransactionTooOld' })
  server = await afterCrash()
  expect(await server.reply(numbered(inserts, 4))).toMatchObject({ ok: 0, code: 225 })
})

test('a number that was used for one kind of write is refused for another', async () => {
  await server.run(numbered(inserts, 1))
  const reply = await server.run(numbered({ ...updates, updates: updates.updates.slice(0, 1) }, 1))
  expect(reply).toMatchObject({ n: 0, writeErrors: [{ code: 40606 }] })
})

test.each([
  [{ update: 'c', updates: [{ q: {}, u: { $set: { a: 1 } }, multi: true }] }],
  [{ delete: 'c', deletes: [{ q: {}, limit: 0 }] }],
])('what may change many documents is refused: %j', async (command) => {
  await server.run(inserts)
  expect(await server.run(numbered(command, 1))).toMatchObject({ n: 0, writeErrors: [{ code: 72 }] })
})

test('the same number at the same time over two connections is done once', async () => {
  const slow = await openServer({ replicaSet: { name: 'rs0' }, tickMs: 2 })
  await slow.run({ insert: 'c', documents: Array.from({ length: 200 }, (_, _id) => ({ _id, x: 1 })) })
  const command = numbered(
    {
      update: 'c',
      updates: [
        { q: { _id: { $gte: 0 }, x: 1, n: { $lt: 1e9 } }, u: { $inc: { n: 1 } } },
        { q: { x: 1, y: 3 }, u: { $inc: { n: 1 } }, upsert: true },
      ],
    },
    1,
  )
  const attempts = await Promise.all([1, 2, 3].map((id) => slow.connect(id).run(command)))
  expect(attempts.filter((reply) => 'retriedStmtIds' in reply)).toHaveLength(2)
  expect(await slow.all({ find: 'c', filter: { y: 3 } })).toMatchObject([{ n: 1 }])
})

test('errors after which another attempt may succeed are labelled for retryable writes alone', async () => {
  server = await openServer({ replicaSet: { name: 'rs0' } })
  const failing = { failCommands: ['insert'], errorCode: 10107 }
  server.database.parameters.force('enableTestCommands', true)
  await server.run({ configureFailPoint: 'failCommand', mode: 'alwaysOn', data: failing, $db: 'admin' })
  expect(await server.reply(numbered(inserts, 1))).toMatchObject({ code: 10107, errorLabels: ['RetryableWriteError'] })
  expect(await server.reply(inserts)).not.toHaveProperty('errorLabels')
})
