import { describe, expect, it } from 'vitest'
import { LauraServerError } from '../src/index.ts'
import { testServer } from './server.ts'

const server = testServer(['--repl-set', 'rs0', '--set-parameter', 'enableTestCommands=true'])
const db = () => server.client.db('sessions')

describe('a session', () => {
  it('is named in its commands, and ended with the client', async () => {
    const client = await server.connect()
    await client.withSession(async (session) => {
      await client.db('sessions').collection('s').insertOne({ a: 1 }, { session })
      expect(await client.db('sessions').collection('s').findOne({}, { session })).toMatchObject({ a: 1 })
      expect(await client.db('sessions').collection('s').find({}, { session }).toArray()).toHaveLength(1)
    })
    await client.close()
  })
})

describe('a transaction', () => {
  it('is all or nothing', async () => {
    const collection = db().collection<{ _id: number; n?: number }>('t')
    await collection.insertOne({ _id: 0 })
    await using session = server.client.startSession()
    session.startTransaction()
    await collection.insertOne({ _id: 1 }, { session })
    await collection.updateOne({ _id: 0 }, { $set: { n: 1 } }, { session })
    expect(await collection.countDocuments({}, { session })).toBe(2)
    expect(await collection.countDocuments()).toBe(1)
    await session.abortTransaction()
    expect(await collection.findOne({ _id: 0 })).toEqual({ _id: 0 })
    const result = await session.withTransaction(async () => {
      await collection.insertOne({ _id: 2 }, { session })
      return 'done'
    })
    expect(result).toBe('done')
    expect(await collection.countDocuments()).toBe(2)
    await expect(
      session.withTransaction(async () => {
        await collection.insertOne({ _id: 3 }, { session })
        throw new Error('changed my mind')
      }),
    ).rejects.toThrow('changed my mind')
    expect(await collection.findOne({ _id: 3 })).toBeNull()
  })

  it('that conflicts with another is done again', async () => {
    const collection = db().collection<{ _id: number; n: number }>('conflict')
    await collection.insertOne({ _id: 1, n: 0 })
    await Promise.all(
      Array.from({ length: 4 }, () =>
        server.client.withSession((session) =>
          session.withTransaction(async () => {
            const { n } = (await collection.findOne({ _id: 1 }, { session }))!
            await collection.updateOne({ _id: 1 }, { $set: { n: n + 1 } }, { session })
          }),
        ),
      ),
    )
    expect(await collection.findOne({ _id: 1 })).toEqual({ _id: 1, n: 4 })
  })
})

describe('a transaction that asks for more than a snapshot', () => {
  it('is refused when what it has read was written, under serializable', async () => {
    const collection = db().collection<{ _id: number; n: number }>('skew')
    await collection.insertMany([1, 2].map((_id) => ({ _id, n: 0 })))
    for (const isolation of ['snapshot', 'serializable'] as const) {
      await using one = server.client.startSession()
      await using two = server.client.startSession({ defaultTransactionOptions: { isolation } })
      one.startTransaction({ isolation })
      two.startTransaction()
      for (const session of [one, two]) expect(await collection.find({}, { session }).toArray()).toHaveLength(2)
      await collection.updateOne({ _id: 1 }, { $inc: { n: 1 } }, { session: one })
      await collection.updateOne({ _id: 2 }, { $inc: { n: 1 } }, { session: two })
      await one.commitTransaction()
      if (isolation === 'snapshot') await two.commitTransaction()
      else await expect(two.commitTransaction()).rejects.toMatchObject({ codeName: 'WriteConflict' })
    }
  })

  it('makes others wait who would write what it has read, when it locks that', async () => {
    const collection = db().collection<{ _id: number; n: number }>('locked')
    await collection.insertOne({ _id: 1, n: 1 })
    await using session = server.client.startSession()
    session.startTransaction({ isolation: 'serializable', readLocks: true })
    expect(await collection.findOne({ _id: 1 }, { session })).toMatchObject({ n: 1 })
    await using other = server.client.startSession()
    other.startTransaction({ onConflict: 'wait', lockTimeoutMs: 10 })
    const late = collection.updateOne({ _id: 1 }, { $set: { n: 7 } }, { session: other })
    await expect(late).rejects.toMatchObject({ codeName: 'LockTimeout' })
    const waiting = collection.updateOne({ _id: 1 }, { $mul: { n: 10 } })
    await collection.updateOne({ _id: 1 }, { $inc: { n: 1 } }, { session })
    await session.commitTransaction()
    await waiting
    expect(await collection.findOne({ _id: 1 })).toEqual({ _id: 1, n: 20 })
  })

  it('is refused when there is no such thing', async () => {
    await using session = server.client.startSession()
    session.startTransaction({ readLocks: true })
    await expect(db().collection('locked').findOne({}, { session })).rejects.toMatchObject({ codeName: 'BadValue' })
  })
})

describe('a retryable write', () => {
  it('is done once when the first answer is lost', async () => {
    const collection = db().collection<{ _id: number; n: number }>('once')
    await collection.insertOne({ _id: 1, n: 0 })
    await db()
      .admin()
      .command({
        configureFailPoint: 'failCommand',
        mode: { times: 1 },
        data: { failCommands: ['update'], closeConnection: true },
      })
    await collection.updateOne({ _id: 1 }, { $inc: { n: 1 } })
    expect(await collection.findOne({ _id: 1 })).toEqual({ _id: 1, n: 1 })
    const client = await server.connect({ retryWrites: false })
    await db()
      .admin()
      .command({
        configureFailPoint: 'failCommand',
        mode: { times: 1 },
        data: { failCommands: ['update'], errorCode: 10107, errorLabels: ['RetryableWriteError'] },
      })
    await expect(
      client
        .db('sessions')
        .collection<{ _id: number; n: number }>('once')
        .updateOne({ _id: 1 }, { $inc: { n: 1 } }),
    ).rejects.toThrow(LauraServerError)
  })
})

describe('a change stream', () => {
  it('gives events as they happen, and resumes after a token', async () => {
    const collection = db().collection<{ _id: number }>('watched')
    await db().createCollection('watched')
    const stream = collection.watch()
    expect(await stream.tryNext()).toBeNull()
    const first = stream.next()
    await collection.insertOne({ _id: 1 })
    expect(await first).toMatchObject({ operationType: 'insert', documentKey: { _id: 1 } })
    await collection.insertOne({ _id: 2 })
    await stream.close()
    const again = collection.watch([], { resumeAfter: stream.resumeToken! })
    expect(await again.next()).toMatchObject({ documentKey: { _id: 2 } })
    await again.close()
  })

  it('goes on by itself after the server was killed and started again', async () => {
    const collection = db().collection<{ _id: number }>('watched on')
    await db().createCollection('watched on')
    const stream = collection.watch()
    expect(await stream.tryNext()).toBeNull()
    for (let _id = 0; _id < 5; _id++) await collection.insertOne({ _id })
    for (let _id = 0; _id < 3; _id++) expect(await stream.next()).toMatchObject({ documentKey: { _id } })
    await server.restart()
    await collection.insertOne({ _id: 5 })
    for (let _id = 3; _id < 6; _id++) expect(await stream.next()).toMatchObject({ documentKey: { _id } })
    await stream.close()
  })
})
