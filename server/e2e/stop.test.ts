/** A server that is told to stop while clients are at work. */
import { rmSync } from 'node:fs'
import { MongoClient } from 'mongodb'
import { afterAll, expect, it } from 'vitest'
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
