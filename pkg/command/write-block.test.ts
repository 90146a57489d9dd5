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
async function opened(): Promise<TestServer> {
  const server = await openServer({ replicaSet })
  await server.run({ insert: 'c', documents: [{ _id: 1, n: 0 }] })
  return server
}

test('without authorization everybody writes on, in and outside of transactions', async () => {
  const server = await opened()
  await server.run(block(true))
  await server.run({ update: 'c', updates: [{ q: {}, u: { $inc: { n: 1 } } }] })
  await server.run({ create: 'd' })
  await server.run({ aggregate: 'c', pipeline: [{ $out: 'e' }], cursor: {} })
  const fields = { lsid: { id: new UUID() }, txnNumber: Long.fromNumber(1), autocommit: false }
  await server.run({ insert: 'c', documents: [{ _id: 2 }], ...fields, startTransaction: true })
  await server.run({ commitTransaction: 1, ...fields, $db: 'admin' })
  expect(await server.all({ find: 'c' })).toEqual([{ _id: 1, n: 1 }, { _id: 2 }])
})

test('the reason stays until the mode ends, over restarts too', async () => {
  const server = await opened()
  await server.run(block(true, { reason: 'DiskUseThresholdExceeded' }))
  await server.run(block(true, { reason: 'DiskUseThresholdExceeded' }))
  const again = await openServer({ replicaSet, world: server.world.restart() })
  expect(await again.all({ find: 'user_writes_critical_sections', $db: 'config' })).toEqual([
    { _id: '', blockNewUserShardedDDL: false, blockUserWrites: true, reason: 'DiskUseThresholdExceeded' },
  ])
  expect(await again.reply(block(true))).toMatchObject({ ok: 0, codeName: 'IllegalOperation' })
  await again.run(block(false))
  await again.run(block(true))
})

test('what is no reason is refused', async () => {
  const server = await opened()
  expect(await server.reply(block(true, { reason: 'Whim' }))).toMatchObject({ ok: 0, codeName: 'BadValue' })
  expect(await server.reply(block(true, { reason: 1 }))).toMatchObject({ ok: 0, codeName: 'TypeMismatch' })
})

test('a standalone has no such mode', async () => {
  const server = await openServer()
  expect(await server.reply(block(true))).toMatchObject({ ok: 0, codeName: 'IllegalOperation' })
})
