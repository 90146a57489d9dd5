import { Long, Timestamp, UUID } from 'bson'
import { beforeEach, expect, test } from 'vitest'
import { openServer, type TestServer } from './testdata/server.ts'

type Document = Record<string, unknown>

const lsid = { id: new UUID() }
let server: TestServer

beforeEach(async () => {
  server = await openServer({ replicaSet: { name: 'rs0', member: 'db.example:27017' } })
})

function timeOf(reply: Document): bigint {
  return (reply['operationTime'] as Timestamp).toBigInt()
}

test('hello tells of a set of one member, which is primary', async () => {
  const reply = await server.run({ hello: 1 })
  expect(reply).toMatchObject({
    setName: 'rs0',
    setVersion: 1,
    hosts: ['db.example:27017'],
    me: 'db.example:27017',
    primary: 'db.example:27017',
    isWritablePrimary: true,
    secondary: false,
  })
  expect((reply['electionId'] as { toHexString(): string }).toHexString()).toBe('7fffffff0000000000000001')
  expect(await server.run({ isMaster: 1 })).toMatchObject({ ismaster: true, setName: 'rs0' })
})

test('each client is told the address it came to when none was configured', async () => {
  const plain = await openServer({ replicaSet: { name: 'rs0' } })
  for (const [localAddress, member] of [
    ['127.0.0.1:27017', '127.0.0.1:27017'],
    ['::ffff:10.0.0.1:27018', '10.0.0.1:27018'],
    ['::1:27019', '[::1]:27019'],
  ] as const) {
    Object.assign(plain.context, { localAddress })
    expect(await plain.run({ hello: 1 })).toMatchObject({ me: member, hosts: [member] })
  }
})

test('a standalone says nothing of a set and of cluster times', async () => {
  const reply = await (await openServer()).run({ hello: 1 })
  for (const name of ['setName', 'hosts', 'me', 'lastWrite', '$clusterTime', 'operationTime'])
    expect(reply).not.toHaveProperty(name)
})

test('a hello that knows the topology is answered when its time is over, one that does not at once', async () => {
  const { processId, counter } = (await server.run({ hello: 1 }))['topologyVersion'] as Document
  const topologyVersion = { processId, counter: Long.fromNumber(counter as number) }
  const begin = server.world.clock.monotonicMs()
  await server.run({ hello: 1, topologyVersion, maxAwaitTimeMS: 500 })
  expect(server.world.clock.monotonicMs() - begin).toBeGreaterThanOrEqual(500)
  const other = { processId, counter: Long.fromNumber(5) }
  const again = server.world.clock.monotonicMs()
  await server.run({ hello: 1, topologyVersion: other, maxAwaitTimeMS: 500 })
  expect(server.world.clock.monotonicMs() - again).toBeLessThan(500)
  expect(await server.reply({ hello: 1, topologyVersion })).toMatchObject({ code: 31368 })
  expect(await server.reply({ hello: 1, maxAwaitTimeMS: 5 })).toMatchObject({ code: 31368 })
})

test('operationTime grows with every write and is that of the last write for a read', async () => {
  const first = timeOf(await server.run({ insert: 'c', documents: [{ _id: 1 }] }))
  const second = timeOf(await server.run({ insert: 'c', documents: [{ _id: 2 }] }))
  expect(second).toBeGreaterThan(first)
  expect(timeOf(await server.run({ find: 'c' }))).toBe(second)
  expect(timeOf(await server.reply({ insert: 'c', documents: [{ _id: 2 }], ordered: 1 }))).toBe(second)
})

test('a fresh set has a cluster time that a client may ask to read after', async () => {
  const { operationTime } = await server.run({ ping: 1 })
  expect((operationTime as Timestamp).toBigInt()).toBeGreaterThan(0n)
  await server.run({ find: 'c', readConcern: { afterClusterTime: operationTime } })
})

test('a cluster time that a client brings is before all later writes, unless it is too far ahead', async () => {
  const nowSeconds = Math.floor(server.world.clock.nowMs() / 1000)
  const told = new Timestamp({ t: nowSeconds + 1000, i: 7 })
  const $clusterTime = { clusterTime: told }
  expect((await server.run({ ping: 1, $clusterTime }))['$clusterTime']).toMatchObject($clusterTime)
  expect(timeOf(await server.run({ insert: 'c', documents: [{}] }))).toBeGreaterThan(told.toBigInt())
  const far = { clusterTime: new Timestamp({ t: nowSeconds + 400 * 86_400, i: 1 }) }
  expect(await server.reply({ ping: 1, $clusterTime: far })).toMatchObject({ ok: 0, code: 209 })
})

test('a read that names a time answers with a time that is not before it', async () => {
  const told = new Timestamp({ t: Math.floor(server.world.clock.nowMs() / 1000) + 50, i: 1 })
  const reply = await server.run({
    find: 'c',
    $clusterTime: { clusterTime: told },
    readConcern: { level: 'majority', afterClusterTime: told },
  })
  expect(timeOf(reply)).toBe(told.toBigInt())
})

test('a write concern for more members than one is done and reported as not met', async () => {
  const reply = await server.run({ insert: 'c', documents: [{ _id: 1 }], writeConcern: { w: 2 } })
  expect(reply).toMatchObject({ n: 1, writeConcernError: { code: 100, codeName: 'UnsatisfiableWriteConcern' } })
  expect(await server.all({ find: 'c' })).toEqual([{ _id: 1 }])
  expect(await server.run({ insert: 'c', documents: [{}], writeConcern: { w: 'majority' } })).not.toHaveProperty(
    'writeConcernError',
  )
})

test('what is read with majority is on disk before the client has it', async () => {
  await server.run({ insert: 'c', documents: [{ _id: 1 }], writeConcern: { w: 1, j: false } })
  const { engine } = server
  expect(engine.durableIndex).toBeLessThan(engine.lastIndex)
  await server.run({ find: 'c' })
  expect(engine.durableIndex).toBeLessThan(engine.lastIndex)
  await server.run({ find: 'c', readConcern: { level: 'majority' } })
  expect(engine.durableIndex).toBe(engine.lastIndex)
})

test('a snapshot read tells its time, and shows the same when it names that time later', async () => {
  server = await openServer({ replicaSet: { name: 'rs0' }, engine: { historyWindowMs: 60_000 } })
  await server.run({ insert: 'c', documents: [{ _id: 1, x: 1 }] })
  const { cursor } = await server.run({ find: 'c', readConcern: { level: 'snapshot' } })
  const { atClusterTime } = cursor as Document
  await server.run({ update: 'c', updates: [{ q: {}, u: { $set: { x: 2 } } }] })
  const readConcern = { level: 'snapshot', atClusterTime }
  expect(await server.all({ find: 'c', readConcern })).toEqual([{ _id: 1, x: 1 }])
  expect(await server.all({ aggregate: 'c', pipeline: [], cursor: {}, readConcern })).toEqual([{ _id: 1, x: 1 }])
  expect(await server.run({ distinct: 'c', key: 'x', readConcern })).toMatchObject({ values: [1], atClusterTime })
  expect(await server.all({ find: 'c' })).toEqual([{ _id: 1, x: 2 }])
  expect(await server.run({ find: 'c' })).not.toHaveProperty('cursor.atClusterTime')
})

test('how far back can be read is set while the server runs', async () => {
  await server.run({ insert: 'c', documents: [{ _id: 1, x: 1 }] })
  const window = (seconds: number): Promise<Document> =>
    server.run({ setParameter: 1, minSnapshotHistoryWindowInSeconds: seconds, $db: 'admin' })
  expect(await window(100)).toMatchObject({ was: 0 })
  const { cursor } = await server.run({ find: 'c', readConcern: { level: 'snapshot' } })
  const readConcern = { level: 'snapshot', atClusterTime: (cursor as Document)['atClusterTime'] }
  await server.run({ update: 'c', updates: [{ q: {}, u: { $set: { x: 2 } } }] })
  expect(await server.all({ find: 'c', readConcern })).toEqual([{ _id: 1, x: 1 }])
  await window(0)
  expect(await server.reply({ find: 'c', readConcern })).toMatchObject({ ok: 0, code: 239 })
})

test.each([
  [{ ping: 1, autocommit: false }, 72],
  [{ insert: 'c', documents: [{}], txnNumber: Long.fromNumber(1) }, 72],
  [{ insert: 'c', documents: [{}], txnNumber: Long.fromNumber(-1), lsid }, 72],
  [{ insert: 'c', documents: [{}], txnNumber: Long.fromNumber(1), lsid, autocommit: true }, 72],
  [{ find: 'c', txnNumber: Long.fromNumber(1), lsid }, 50768],
])('refuses the transaction fields of %j with %d', async (command, code) => {
  expect(await server.reply(command)).toMatchObject({ ok: 0, code })
})

test('$$CLUSTER_TIME is one time for a whole command, not before what was written and not after what is', async () => {
  const before = timeOf(await server.run({ insert: 'c', documents: [{ _id: 1 }] }))
  const [found] = await server.all({
    find: 'c',
    filter: { $expr: { $lt: [new Timestamp({ t: 1, i: 0 }), '$$CLUSTER_TIME'] } },
    projection: {
      t: '$$CLUSTER_TIME',
      inner: { $map: { input: [1, 2], in: '$$CLUSTER_TIME' } },
      no: '$$CLUSTER_TIME.t',
    },
  })
  const time = (found!['t'] as Timestamp).toBigInt()
  expect(found).toEqual({ _id: 1, t: found!['t'], inner: [found!['t'], found!['t']] })
  expect(time).toBeGreaterThanOrEqual(before)
  expect(timeOf(await server.run({ insert: 'c', documents: [{ _id: 2 }] }))).toBeGreaterThan(time)
  const standalone = await openServer()
  await standalone.run({ insert: 'c', documents: [{ _id: 1 }] })
  const projection = { t: '$$CLUSTER_TIME' }
  expect(await standalone.reply({ find: 'c', projection })).toMatchObject({ code: 10071200 })
})

test('a view and a validator take the cluster time anew each time', async () => {
  const validator = { $expr: { $lt: ['$t', '$$CLUSTER_TIME'] } }
  await server.run({ create: 'checked', validator })
  const early = new Timestamp({ t: 1, i: 1 })
  await server.run({ insert: 'checked', documents: [{ _id: 1, t: early }] })
  const late = new Timestamp({ t: 0x7fffffff, i: 1 })
  expect(await server.reply({ insert: 'checked', documents: [{ _id: 2, t: late }] })).toMatchObject({
    writeErrors: [{ code: 121 }],
  })
  await server.run({ create: 'v', viewOn: 'checked', pipeline: [{ $set: { now: '$$CLUSTER_TIME' } }] })
  const first = (await server.all({ find: 'v' }))[0]!['now'] as Timestamp
  await server.run({ insert: 'checked', documents: [{ _id: 3, t: early }] })
  const second = (await server.all({ find: 'v' }))[0]!['now'] as Timestamp
  expect(second.toBigInt()).toBeGreaterThan(first.toBigInt())
})

test('a transaction number is an int64, which is looked at before the session', async () => {
  const command = { commitTransaction: 1, autocommit: false, $db: 'admin' }
  expect(await server.reply({ ...command, txnNumber: 1 })).toMatchObject({ code: 14 })
  expect(await server.reply({ ...command, txnNumber: 1, lsid })).toMatchObject({ code: 14 })
  expect(await server.reply({ ...command, txnNumber: Long.fromNumber(1) })).toMatchObject({ code: 72 })
})

test('validate repairs nothing in a replica set, and may look in the background', async () => {
  const { run, reply } = await openServer({ replicaSet: { name: 'rs0' } })
  await run({ create: 'c' })
  expect(await reply({ validate: 'c', repair: true })).toMatchObject({ code: 72 })
  expect(await reply({ validate: 'c', fixMultikey: true })).toMatchObject({ code: 72 })
  expect(await run({ validate: 'c', background: true })).toMatchObject({ valid: true })
})

test('cluster parameters are set, kept and shown, and limit reads that name no time', async () => {
  const first = await openServer({ replicaSet: { name: 'rs0' }, tickMs: 1 })
  const admin = { $db: 'admin' }
  const get = async ({ run }: typeof first, name: string) => {
    const { clusterParameters } = await run({ getClusterParameter: name, ...admin })
    return (clusterParameters as Record<string, unknown>[])[0]
  }
  expect(await get(first, 'defaultMaxTimeMS')).toEqual({ _id: 'defaultMaxTimeMS', readOperations: 0 })
  await first.run({ setClusterParameter: { defaultMaxTimeMS: { readOperations: 50 } }, ...admin })
  const images = { preAndPostImages: { expireAfterSeconds: 100 } }
  await first.run({ setClusterParameter: { changeStreamOptions: images }, ...admin })
  const second = await openServer({ replicaSet: { name: 'rs0' }, tickMs: 1, world: first.world.crash() })
  expect(await get(second, 'changeStreamOptions')).toMatchObject({ clusterParameterTime: expect.anything(), ...images })
  await second.run({ insert: 'c', documents: Array.from({ length: 5000 }, (_, _id) => ({ _id })) })
  const slow = { filter: { $expr: { $eq: ['$a', 1] } } }
  const code = async (command: Record<string, unknown>) => (await second.reply(command))['code']
  expect(await code({ find: 'c', ...slow })).toBe(50)
  expect(await code({ count: 'c', query: slow.filter })).toBe(50)
  expect(await code({ find: 'c', ...slow, maxTimeMS: 0 })).toBe(undefined)
  const pipeline = [{ $match: slow.filter }]
  expect(await code({ aggregate: 'c', pipeline, cursor: {} })).toBe(50)
  expect(await code({ aggregate: 'c', pipeline: [...pipeline, { $out: 'd' }], cursor: {} })).toBe(undefined)
  await second.run({ setClusterParameter: { defaultMaxTimeMS: { readOperations: 0 } }, ...admin })
  expect(await code({ find: 'c', ...slow })).toBe(undefined)
})

test.each([
  [{ defaultMaxTimeMS: { readOperations: 'x' } }, 14],
  [{ defaultMaxTimeMS: { readOperations: -1 } }, 2],
  [{ defaultMaxTimeMS: { other: 1 } }, 2],
  [{ changeStreamOptions: { preAndPostImages: { expireAfterSeconds: 0 } } }, 2],
  [{ querySettings: { settingsArray: [] } }, 238],
  [{ nothing: {} }, 4],
])('the cluster parameter %j is refused with %d', async (setClusterParameter, code) => {
  const { reply } = await openServer({ replicaSet: { name: 'rs0' } })
  expect(await reply({ setClusterParameter, $db: 'admin' })).toMatchObject({ code })
})
