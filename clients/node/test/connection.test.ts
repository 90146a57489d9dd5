import { describe, expect, it } from 'vitest'
import { LauraClient, LauraNetworkError, LauraServerError, LauraUsageError } from '../src/index.ts'
import { testServer } from './server.ts'

const server = testServer()

describe('a URI', () => {
  it.each([
    ['mongodb://localhost', /begins with grpc/],
    ['grpc://', /begins with grpc/],
    ['grpc://me:secret@localhost', /no authentication/],
    ['grpc://localhost/?nothing=1', /unknown option nothing/],
    ['grpc://localhost/?maxPoolSize=0', /maxPoolSize must be/],
    ['grpc://localhost/?retryReads=maybe', /retryReads must be/],
  ])('%s is refused', (uri, reason) => {
    expect(() => new LauraClient(uri)).toThrow(LauraUsageError)
    expect(() => new LauraClient(uri)).toThrow(reason)
  })

  it('names the database', () => {
    expect(new LauraClient('grpc://localhost/shop?appName=x').db().databaseName).toBe('shop')
    expect(new LauraClient('grpc://localhost').db().databaseName).toBe('test')
  })
})

describe('a client', () => {
  it('says when nobody answers', async () => {
    const error: unknown = await LauraClient.connect('grpc://127.0.0.1:1', { serverSelectionTimeoutMS: 100 }).catch(
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(LauraNetworkError)
  })

  it('says that it is closed, and fails what was in progress', async () => {
    const client = await LauraClient.connect(server.uri)
    await client.close()
    await expect(client.db().ping()).rejects.toThrow(/closed/)
  })

  it('is known to the server by its name', async () => {
    const client = await server.connect({ appName: 'inventory' })
    const me = await client.db('admin').command({ currentOp: 1, $ownOps: true })
    expect((me['inprog'] as { appName: string }[])[0]!.appName).toBe('inventory')
  })

  it('opens further connections when there is much to do, up to the limit', async () => {
    const before = await connections()
    const client = await server.connect({ maxPoolSize: 3, commandsPerConnection: 5 })
    await Promise.all(Array.from({ length: 200 }, () => client.db().ping()))
    for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 50 }, () => client.db().ping()))
    expect((await connections()) - before).toBe(3)
  })

  it('reports a command’s error by code, name and labels', async () => {
    const error = (await server.client
      .db()
      .command({ nothing: 1 })
      .catch((reason: unknown) => reason)) as LauraServerError
    expect(error).toBeInstanceOf(LauraServerError)
    expect(error).toMatchObject({ code: 59, codeName: 'CommandNotFound' })
    expect(error.hasErrorLabel('RetryableWriteError')).toBe(false)
  })
})

async function connections(): Promise<number> {
  const status = await server.client.db('admin').command({ serverStatus: 1 })
  return Number((status['connections'] as { current: number }).current)
}

describe('a server that is started again', () => {
  it('is found again; reads are tried again, and cursors say that they are broken', async () => {
    const client = await server.connect()
    const collection = client.db('again').collection<{ _id: number }>('c')
    await collection.insertMany(
      Array.from({ length: 3000 }, (_, _id) => ({ _id })),
      { writeConcern: { w: 1, j: true } },
    )
    const cursor = collection.find().batchSize(10)
    expect(await cursor.next()).toEqual({ _id: 0 })
    const restarted = server.restart()
    // Reads that meet the break are done again on the next connection.
    const counts: number[] = []
    const reading = (async () => {
      for (let n = 0; n < 20; n++) counts.push(await collection.countDocuments())
    })()
    await restarted
    await reading
    expect(counts).toEqual(Array.from({ length: 20 }, () => 3000))
    await expect(
      (async () => {
        for (let n = 0; n < 3000; n++) await cursor.next()
      })(),
    ).rejects.toThrow(LauraNetworkError)
    await collection.insertOne({ _id: 5000 })
    expect(await collection.findOne({ _id: 5000 })).toEqual({ _id: 5000 })
  })
})
