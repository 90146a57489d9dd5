/** A server that is told to stop while clients are at work. */
import { rmSync } from 'node:fs'
import { MongoClient } from 'mongodb'
import { afterAll, expect, it } from 'vitest'
import { LauraClient } from '../../clients/node/src/index.ts'
import { LauraServer, laura, loggedErrors } from '../laura-process.ts'
import { temporaryFolder } from './running-server.ts'

const folder = temporaryFolder()
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('SIGTERM under eight writing clients: what was acknowledged is there, without a replay', async () => {
  const dir = `${folder}/writing`
  const server = await LauraServer.start(dir)
  const acknowledged: number[] = []
  let next = 0
  let failures = 0
  let enough = (): void => undefined
  const working = new Promise<void>((resolve) => (enough = resolve))
  const write = async (): Promise<void> => {
    const client = await new MongoClient(server.mongoUri, { serverSelectionTimeoutMS: 500 }).connect()
    const items = client.db('stop').collection<{ _id: number }>('c')
    try {
      for (;;) {
        const _id = next++
        await items.insertOne({ _id })
        acknowledged.push(_id)
        if (acknowledged.length === 300) enough()
      }
    } catch {
      failures++
    } finally {
      await client.close()
    }
  }
  const writers = Array.from({ length: 8 }, write)
  await working
  const { code, stderr } = await server.stop()
  await Promise.all(writers)
  expect(code).toBe(0)
  expect(loggedErrors(stderr)).toEqual([])
  expect(failures).toBe(8)

  const again = await LauraServer.start(dir)
  const client = await new MongoClient(again.mongoUri).connect()
  const found = new Set(await client.db('stop').collection<{ _id: number }>('c').distinct('_id'))
  expect(acknowledged.filter((_id) => !found.has(_id))).toEqual([])
  // At most the one request of each client that was not answered may be there, too.
  expect(found.size).toBeLessThanOrEqual(acknowledged.length + 8)
  await client.close()
  const opened = (await again.stop()).stderr.split('\n').find((line) => line.includes('directory open'))!
  expect(JSON.parse(opened)).toMatchObject({ replayedEntryCount: 0 })
  expect((await laura(['check', dir])).code).toBe(0)
})

it('SIGTERM lets a long request finish, and takes no new connection', async () => {
  const server = await LauraServer.start(`${folder}/long`)
  const client = await new MongoClient(server.mongoUri, { serverSelectionTimeoutMS: 500 }).connect()
  const items = client.db('stop').collection('lists')
  const list = Array.from({ length: 500 }, (_, i) => i)
  await items.insertMany(Array.from({ length: 2000 }, (_, _id) => ({ _id: _id as never, list })))
  const running = items
    .aggregate([{ $unwind: '$list' }, { $group: { _id: '$list', n: { $sum: 1 } } }, { $count: 'groups' }])
    .toArray()
  const admin = client.db('admin')
  for (;;) {
    const { inprog } = await admin.command({ currentOp: 1 })
    if ((inprog as { ns?: string }[]).some(({ ns }) => ns === items.namespace)) break
  }
  const stopped = server.stop()
  expect(await running).toEqual([{ groups: 500 }])
  expect((await stopped).code).toBe(0)
  await expect(new MongoClient(server.mongoUri, { serverSelectionTimeoutMS: 200 }).connect()).rejects.toThrow()
  await client.close()
})

it('SIGTERM ends streams of changes on every door at once', async () => {
  const server = await LauraServer.start(`${folder}/streams`)
  const client = await new MongoClient(server.mongoUri, { serverSelectionTimeoutMS: 500 }).connect()
  await client.db('shop').collection('items').insertOne({})
  const query = JSON.stringify({ query: 'subscription { itemsChanged { id } }' })
  const headers = { 'content-type': 'application/json', accept: 'text/event-stream' }
  const streams = [
    await fetch(`${server.httpUri}/v1/databases/shop/collections/items/changes`),
    await fetch(`${server.httpUri}/graphql-stream/shop`, { method: 'POST', headers, body: query }),
  ]
  expect(streams.map(({ status }) => status)).toEqual([200, 200])
  const other = await LauraClient.connect(server.grpcUri)
  const watches = [client.db('shop').watch(), other.db('shop').watch()]
  const waits = watches.map((watch) => watch.next().catch(() => 'ended'))
  // All four wait for changes; the Node client's begins with the first question.
  await expect
    .poll(async () => {
      const { inprog } = await client.db('admin').command({ currentOp: 1, 'command.getMore': { $exists: true } })
      return (inprog as unknown[]).length
    })
    .toBeGreaterThanOrEqual(3)
  const beganMs = performance.now()
  const { code, stderr } = await server.stop()
  expect(code).toBe(0)
  expect(loggedErrors(stderr)).toEqual([])
  // Less than the patience with requests that do not end.
  expect(performance.now() - beganMs).toBeLessThan(8000)
  for (const stream of streams) await stream.text()
  await Promise.all([client.close(), other.close()])
  await Promise.all(waits)
})
