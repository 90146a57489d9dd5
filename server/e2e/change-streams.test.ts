/** watch() of the official driver and of Mongoose, on a server that is no replica set, across restarts and kills. */
import { rmSync } from 'node:fs'
import { type ChangeStream, type ChangeStreamDocument, MongoClient, type ResumeToken } from 'mongodb'
import { createConnection, Schema } from 'mongoose'
import { describe, expect, it } from 'vitest'
import { LauraServer } from '../laura-process.ts'
import { runningServer, temporaryFolder } from './running-server.ts'

type Item = { _id: number; n?: number }
/** How long an empty batch takes. */
const soon = { maxAwaitTimeMS: 20 }
type Change = ChangeStreamDocument<Item>

describe('the official driver', () => {
  const server = runningServer()

  it('watches a collection, a database and everything', async () => {
    const items = server.client.db('shop').collection<Item>('items')
    const streams = [items.watch([], soon), server.client.db('shop').watch([], soon), server.client.watch([], soon)]
    for (const stream of streams) expect(await stream.tryNext()).toBeNull()
    await items.insertOne({ _id: 1 })
    for (const change of await Promise.all(streams.map((stream) => stream.next())))
      expect(change).toMatchObject({
        operationType: 'insert',
        ns: { db: 'shop', coll: 'items' },
        fullDocument: { _id: 1 },
      })
    await Promise.all(streams.map((stream) => stream.close()))
  })

  it('tells a thousand changes in order, to listeners and in a loop', async () => {
    const items = server.client.db('many').collection<Item>('items')
    const heard: number[] = []
    const stream = items.watch([{ $match: { operationType: 'insert' } }])
    const all = new Promise<void>((resolve) => {
      stream.on('change', (change: Change) => {
        if (change.operationType === 'insert') heard.push(change.documentKey._id)
        if (heard.length === 1000) resolve()
      })
    })
    await new Promise((resolve) => stream.once('resumeTokenChanged', resolve))
    for (let from = 0; from < 1000; from += 100)
      await items.insertMany(Array.from({ length: 100 }, (_, i) => ({ _id: from + i })))
    await all
    await stream.close()
    expect(heard).toEqual(Array.from({ length: 1000 }, (_, i) => i))
  })

  it('hears of the end of a collection', async () => {
    const items = server.client.db('ends').collection<Item>('items')
    await items.insertOne({ _id: 1 })
    const stream = items.watch([], soon)
    expect(await stream.tryNext()).toBeNull()
    await items.drop()
    const types: string[] = []
    for (let i = 0; i < 2; i++) types.push((await stream.next()).operationType)
    expect(types).toEqual(['drop', 'invalidate'])
    await expect(stream.next()).rejects.toThrow('closed')
  })
})

describe('mongoose', () => {
  const server = runningServer()

  it('watches a model', async () => {
    const connection = createConnection()
    await connection.openUri(server.uri, { dbName: 'library' })
    const Book = connection.model('Book', new Schema({ title: String }))
    const stream = Book.watch()
    const changed = new Promise<{ operationType: string; fullDocument: { title: string } }>((resolve) => {
      stream.on('change', resolve)
    })
    await new Promise((resolve) => stream.once('ready', resolve))
    const { driverChangeStream } = stream as unknown as { driverChangeStream: ChangeStream }
    await new Promise((resolve) => driverChangeStream.once('resumeTokenChanged', resolve))
    await Book.create({ title: 'Frankenstein' })
    expect(await changed).toMatchObject({ operationType: 'insert', fullDocument: { title: 'Frankenstein' } })
    await stream.close()
    await connection.close()
  })
})

it('a stream goes on after a clean stop and after a kill where it had got to', async () => {
  const dir = temporaryFolder()
  let token: ResumeToken | undefined
  let server = await LauraServer.start(dir)
  let next = 0
  const seen: number[] = []
  for (const end of ['stop', 'kill', 'stop', 'last'] as const) {
    const client = await new MongoClient(server.mongoUri).connect()
    const items = client.db('shop').collection<Item>('items')
    const stream = items.watch([], token === undefined ? soon : { ...soon, resumeAfter: token })
    if (token === undefined) await stream.tryNext()
    for (let i = 0; i < 20; i++) await items.insertOne({ _id: next++ })
    // Some of what is there is left for the next time.
    const wanted = end === 'last' ? next - seen.length : next - seen.length - 7
    for (let i = 0; i < wanted; i++) {
      const change = await stream.next()
      if (change.operationType === 'insert') seen.push(change.documentKey._id)
    }
    token = stream.resumeToken
    await stream.close()
    await client.close()
    if (end === 'kill') {
      server.process.kill('SIGKILL')
      await server.finished
    } else await server.stop()
    if (end !== 'last') server = await LauraServer.start(dir)
  }
  rmSync(dir, { recursive: true, force: true })
  expect(seen).toEqual(Array.from({ length: next }, (_, i) => i))
})
