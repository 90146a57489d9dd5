import { Long, UUID } from 'bson'
import { expect, test } from 'vitest'
import { openServer, type TestServer } from './testdata/server.ts'

type Document = Record<string, unknown>

const replicaSet = { name: 'rs0', member: 'db.example:27017' }
const block = (global: boolean, more: Document = {}): Document => ({
  setUserWriteBlockMode: 1,
  global,
  ...more,
  $db: 'admin',
})
const blocked = { ok: 0, code: 371, codeName: 'UserWritesBlocked' }

async function opened(): Promise<TestServer> {
  const server = await openServer({ replicaSet })
  await server.run({ insert: 'c', documents: [{ _id: 1, n: 0 }] })
  return server
}

const writes: readonly Document[] = [
  { insert: 'c', documents: [{ _id: 2 }] },
  { update: 'c', updates: [{ q: {}, u: { $inc: { n: 1 } } }] },
  { delete: 'c', deletes: [{ q: {}, limit: 1 }] },
  { findAndModify: 'c', query: {}, remove: true },
  { bulkWrite: 1, ops: [{ insert: 0, document: { _id: 3 } }], nsInfo: [{ ns: 'test.c' }], $db: 'admin' },
  { create: 'd' },
  { drop: 'c' },
  { dropDatabase: 1 },
  { createIndexes: 'c', indexes: [{ key: { n: 1 }, name: 'n' }] },
  { dropIndexes: 'c', index: '*' },
  { collMod: 'c', validator: {} },
  { renameCollection: 'test.c', to: 'test.e', $db: 'admin' },
  { aggregate: 'c', pipeline: [{ $out: 'd' }], cursor: {} },
  { aggregate: 'c', pipeline: [{ $merge: 'd' }], cursor: {} },
]

test.each(writes.map((command) => [Object.keys(command)[0]!, command] as const))(
  '%s is refused',
  async (_, command) => {
    const server = await opened()
    await server.run(block(true))
    expect(await server.reply(command)).toMatchObject(blocked)
    expect(await server.all({ find: 'c' })).toEqual([{ _id: 1, n: 0 }])
    await server.run({ insert: 'own', documents: [{ _id: 1 }], $db: 'config' })
    await server.run(block(false))
    await server.run(command)
  },
)

test('statements of transactions are refused, and it holds after a restart', async () => {
  const server = await opened()
  const fields = { lsid: { id: new UUID() }, txnNumber: Long.fromNumber(1), autocommit: false }
  await server.run({ update: 'c', updates: [{ q: {}, u: { $inc: { n: 1 } } }], ...fields, startTransaction: true })
  await server.run(block(true, { reason: 'DiskUseThresholdExceeded' }))
  await server.run({ commitTransaction: 1, ...fields, $db: 'admin' })
  const next = { ...fields, txnNumber: Long.fromNumber(2) }
  expect(await server.reply({ insert: 'c', documents: [{ _id: 2 }], ...next, startTransaction: true })).toMatchObject(
    blocked,
  )
  const again = await openServer({ replicaSet, world: server.world.restart() })
  expect(await again.reply({ insert: 'c', documents: [{ _id: 2 }] })).toMatchObject({
    ...blocked,
    errmsg: 'User writes blocked. Reason: DiskUseThresholdExceeded',
  })
  expect(await again.reply(block(true))).toMatchObject({ ok: 0, codeName: 'IllegalOperation' })
  await again.run(block(false))
  await again.run({ insert: 'c', documents: [{ _id: 2 }] })
})

test('a standalone has no such mode', async () => {
  const server = await openServer()
  expect(await server.reply(block(true))).toMatchObject({ ok: 0, codeName: 'IllegalOperation' })
})
