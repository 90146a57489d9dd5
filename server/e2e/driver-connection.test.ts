/** The official driver's connections: compression, sessions, write concerns, monitoring, much at once. */
import { type CommandStartedEvent, type CommandSucceededEvent, MongoClient, type MongoClientOptions } from 'mongodb'
import { describe, expect, it } from 'vitest'
import { runningServer } from './running-server.ts'

const server = runningServer()
let lastCollection = 0
const fresh = (client: MongoClient = server.client) =>
  client.db('connection').collection<{ _id: number; n?: number; text?: string }>(`c${++lastCollection}`)

async function hasSnappy(): Promise<boolean> {
  const name = 'snappy'
  return import(name).then(
    () => true,
    () => false,
  )
}

async function hasZstd(): Promise<boolean> {
  const name = '@mongodb-js/zstd'
  return import(name).then(
    () => true,
    () => false,
  )
}

type Compressor = NonNullable<Exclude<MongoClientOptions['compressors'], string>>[number]

// The driver compresses with packages that it only takes when they are installed.
const compressors: Compressor[] = [
  'zlib',
  ...((await hasZstd()) ? (['zstd'] as const) : []),
  ...((await hasSnappy()) ? (['snappy'] as const) : []),
]

describe('compression', () => {
  it.each(compressors)('%s carries small and large documents', async (compressor) => {
    const client = await server.connect({ compressors: [compressor], monitorCommands: true })
    const items = fresh(client)
    const text = 'compressible '.repeat(100_000)
    await items.insertMany(Array.from({ length: 5 }, (_, _id) => ({ _id, text })))
    await items.insertOne({ _id: 5, text: '' })
    const found = await items.find().sort({ _id: 1 }).toArray()
    expect(found.map((each) => each.text)).toEqual([text, text, text, text, text, ''])
  })
})

describe('sessions', () => {
  it('are there without being asked for, and end with the client', async () => {
    const started: CommandStartedEvent[] = []
    const client = new MongoClient(server.uri, { monitorCommands: true })
    client.on('commandStarted', (event) => started.push(event))
    const items = fresh(client)
    await items.insertOne({ _id: 1 })
    await items.find().toArray()
    expect(started.map(({ commandName }) => commandName)).toEqual(['insert', 'find'])
    for (const { command } of started) expect(command['lsid'].id.sub_type).toBe(4)
    await client.close()
    expect(started.at(-1)!.commandName).toBe('endSessions')
  })

  it('that are explicit carry several operations, and cursors', async () => {
    const items = fresh()
    await items.insertMany(Array.from({ length: 50 }, (_, _id) => ({ _id })))
    await server.client.withSession({ causalConsistency: true }, async (session) => {
      await items.updateOne({ _id: 1 }, { $set: { n: 1 } }, { session })
      expect(await items.findOne({ _id: 1 }, { session })).toEqual({ _id: 1, n: 1 })
      expect(await items.find({}, { session, batchSize: 7 }).toArray()).toHaveLength(50)
    })
  })

  it('refuse what cannot be done yet by its name, and go on', async () => {
    const items = fresh()
    await items.insertOne({ _id: 1 })
    const session = server.client.startSession()
    session.startTransaction()
    // What a standalone mongod says; the driver puts words of its own in the place of the message.
    await expect(items.insertOne({ _id: 2 }, { session })).rejects.toMatchObject({
      originalError: { code: 20 },
    })
    await session.abortTransaction().catch(() => undefined)
    await session.endSession()
    expect(await items.countDocuments()).toBe(1)
  })
})

describe('write concerns', () => {
  it('w: 0 does not wait, and what comes after sees the write', async () => {
    const client = await server.connect({ maxPoolSize: 1, writeConcern: { w: 0 } })
    const items = fresh(client)
    for (let _id = 0; _id < 20; _id++) expect((await items.insertOne({ _id })).acknowledged).toBe(false)
    // A write that fails is not told either.
    await items.insertOne({ _id: 3 })
    await items.updateOne({ _id: 3 }, { $set: { n: 1 } })
    await items.deleteOne({ _id: 4 })
    const found = await items.find().toArray()
    expect(found).toHaveLength(19)
    expect(found.find(({ _id }) => _id === 3)).toEqual({ _id: 3, n: 1 })
  })

  it('w: 1 with j: false, j: true and majority are taken; what nobody can promise is refused', async () => {
    const items = fresh()
    await items.insertOne({ _id: 1 }, { writeConcern: { w: 1, j: false } })
    await items.insertOne({ _id: 2 }, { writeConcern: { w: 1, j: true } })
    await items.insertOne({ _id: 3 }, { writeConcern: { w: 'majority', wtimeoutMS: 1000 } })
    await expect(items.insertOne({ _id: 4 }, { writeConcern: { w: 3 } })).rejects.toThrow(/standalone|w > 1|replica/)
    expect(await items.find({}, { readConcern: { level: 'majority' } }).toArray()).toHaveLength(3)
    expect(await items.find({}, { readConcern: { level: 'local' } }).toArray()).toHaveLength(3)
  })
})

describe('monitoring', () => {
  it('tells each command with its reply', async () => {
    const client = await server.connect({ monitorCommands: true })
    const succeeded: CommandSucceededEvent[] = []
    const failed: string[] = []
    client.on('commandSucceeded', (event) => succeeded.push(event))
    client.on('commandFailed', ({ commandName, failure }) => failed.push(`${commandName}: ${failure.message}`))
    const items = fresh(client)
    await items.insertOne({ _id: 1 })
    await items.countDocuments()
    await expect(client.db('connection').command({ frobnicate: 1 })).rejects.toMatchObject({ code: 59 })
    expect(succeeded.map(({ commandName }) => commandName)).toEqual(['insert', 'aggregate'])
    expect(succeeded[0]!.reply).toMatchObject({ ok: 1, n: 1 })
    expect(failed).toEqual(["frobnicate: no such command: 'frobnicate'"])
  })
})

describe('many at once', () => {
  it('64 operations at a time do not disturb each other', async () => {
    const client = await server.connect({ maxPoolSize: 32 })
    const items = fresh(client)
    await items.insertOne({ _id: 0, n: 0 })
    const rounds = 5
    await Promise.all(
      Array.from({ length: 64 }, async (_, worker) => {
        for (let round = 0; round < rounds; round++) {
          const _id = 1 + worker * rounds + round
          await items.insertOne({ _id, n: worker })
          await items.updateOne({ _id: 0 }, { $inc: { n: 1 } })
          expect(await items.findOne({ _id })).toEqual({ _id, n: worker })
        }
        expect(await items.countDocuments({ n: worker, _id: { $gt: 0 } })).toBeGreaterThanOrEqual(rounds)
        await items.deleteMany({ n: worker, _id: { $gt: 0 } })
      }),
    )
    expect(await items.find().toArray()).toEqual([{ _id: 0, n: 64 * rounds }])
  })

  it('an upsert on a unique key by many at once makes one document', async () => {
    const items = fresh()
    const results = await Promise.all(
      Array.from({ length: 32 }, () => items.updateOne({ _id: 7 }, { $inc: { n: 1 } }, { upsert: true })),
    )
    expect(results.reduce((sum, { upsertedCount }) => sum + upsertedCount, 0)).toBe(1)
    expect(await items.find().toArray()).toEqual([{ _id: 7, n: 32 }])
  })

  it('a hundred clients come and go', async () => {
    for (let round = 0; round < 4; round++) {
      await Promise.all(
        Array.from({ length: 25 }, async () => {
          const client = await new MongoClient(server.uri, { maxPoolSize: 1 }).connect()
          await client.db('connection').command({ ping: 1 })
          await client.close()
        }),
      )
    }
    const { connections } = await server.client.db('admin').command({ serverStatus: 1 })
    expect(connections.current).toBeLessThan(100)
    expect(connections.totalCreated).toBeGreaterThan(100)
  })
})
