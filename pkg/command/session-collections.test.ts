import { Long, UUID } from 'bson'
import { expect, test } from 'vitest'
import { openServer } from './testdata/server.ts'

test('config.transactions shows the record of each session that has written under a number', async () => {
  const server = await openServer({ replicaSet: { name: 'rs0' } })
  const ids = Array.from({ length: 1200 }, () => new UUID())
  for (const [i, id] of ids.entries()) {
    const numbered = { lsid: { id }, txnNumber: Long.fromNumber(i) }
    await server.run({ insert: 'c', documents: [{ _id: i }], ...numbered })
  }
  const config = { $db: 'config' }
  const all = await server.all({ find: 'transactions', $db: 'config', batchSize: 5000 })
  expect(all).toHaveLength(1200)
  const [one] = await server.all({ find: 'transactions', filter: { txnNum: 7 }, ...config })
  expect(one).toMatchObject({ txnNum: 7, lastWriteOpTime: { t: 1 } })
  expect(String((one!['_id'] as { id: UUID }).id)).toBe(String(ids[7]))
  expect((await server.run({ count: 'transactions', query: { txnNum: { $lt: 10 } }, ...config }))['n']).toBe(10)
  const pipeline = [{ $group: { _id: null, most: { $max: '$txnNum' } } }]
  const { cursor } = await server.run({ aggregate: 'transactions', pipeline, cursor: {}, ...config })
  expect((cursor as { firstBatch: unknown }).firstBatch).toEqual([{ _id: null, most: 1199 }])
})

test('config.system.sessions shows the sessions in use', async () => {
  const server = await openServer()
  const id = new UUID()
  await server.run({ ping: 1, lsid: { id } })
  const found = await server.all({ find: 'system.sessions', $db: 'config' })
  expect(found).toMatchObject([{ _id: { uid: expect.anything() as unknown }, lastUse: expect.any(Date) as Date }])
  await server.run({ endSessions: [{ id }] })
  expect(await server.all({ find: 'system.sessions', $db: 'config' })).toEqual([])
})

test('a session that nobody uses for half an hour ends, one that is refreshed goes on', async () => {
  const server = await openServer()
  const [idle, kept] = [new UUID(), new UUID()]
  await server.run({ ping: 1, lsid: { id: idle } })
  for (let minutes = 0; minutes < 40; minutes += 10) {
    await server.run({ refreshSessions: [{ id: kept }] })
    await server.world.clock.sleep(10 * 60_000)
  }
  const found = await server.all({ find: 'system.sessions', $db: 'config' })
  expect(found.map(({ _id }) => String((_id as { id: UUID }).id))).toEqual([String(kept)])
})
