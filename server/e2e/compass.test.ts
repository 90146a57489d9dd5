/**
 * What MongoDB Compass sends while its user connects, looks around, reads, explains, and changes collections, indexes and validators; as it was seen to
 * send it. The answers must have what it shows.
 */
import { type ClientSession, type Document, Int32, Long, ObjectId } from 'mongodb'
import { beforeAll, describe, expect, it } from 'vitest'
import { runningServer } from './running-server.ts'

const server = runningServer(['--repl-set', 'rs0'])
const database = 'compass'
const number = expect.any(Number)
const text = expect.any(String)

function run(command: Document, on = database): Promise<Document> {
  return server.client.db(on).command(command)
}

async function aggregate(collection: string | 1, pipeline: Document[], on = database): Promise<Document[]> {
  const { cursor } = await run({ aggregate: collection, pipeline, cursor: {} }, on)
  return (cursor as { firstBatch: Document[] }).firstBatch
}

beforeAll(async () => {
  await run({ create: 'items' })
  const documents = Array.from({ length: 200 }, (_, a) => ({ a, b: `x${a % 7}`, c: { d: [a, { e: a }] } }))
  await server.client.db(database).collection('items').insertMany(documents)
})

describe('connecting', () => {
  it('tells who is there, and what the server is', async () => {
    expect(await run({ connectionStatus: 1, showPrivileges: true }, 'admin')).toMatchObject({
      authInfo: { authenticatedUsers: [], authenticatedUserRoles: [], authenticatedUserPrivileges: [] },
    })
    expect(await run({ hostInfo: 1 }, 'admin')).toMatchObject({
      os: { type: text, name: text, version: text },
      system: { cpuArch: text, memSizeMB: number, numCores: number },
      extra: expect.any(Object),
    })
    expect(await run({ buildInfo: 1 }, 'admin')).toMatchObject({
      version: text,
      versionArray: [number, number, number, 0],
      modules: [],
      gitVersion: text,
    })
    expect(await run({ getParameter: 1, featureCompatibilityVersion: 1 }, 'admin')).toMatchObject({
      featureCompatibilityVersion: { version: expect.stringMatching(/^\d+\.\d+$/) },
    })
    expect(await run({ getCmdLineOpts: 1 }, 'admin')).toMatchObject({
      argv: expect.any(Array),
      parsed: expect.any(Object),
    })
    expect(await run({ ping: 1 }, 'admin')).toMatchObject({ ok: 1 })
  })

  it('answers the questions by which it knows other servers as MongoDB does', async () => {
    await expect(run({ atlasVersion: 1 }, 'admin')).rejects.toMatchObject({ code: 59, codeName: 'CommandNotFound' })
    await expect(run({ getParameter: 'foo' }, 'admin')).rejects.toMatchObject({
      code: 72,
      message: 'no option found to get',
    })
    await expect(run({ listStreamProcessors: 1 }, 'admin')).rejects.toMatchObject({ code: 59 })
    const local = [
      { $match: { managedClusterType: 'atlasCliLocalDevCluster' } },
      { $group: { _id: 1, n: { $sum: 1 } } },
    ]
    expect(await aggregate('atlascli', local, 'admin')).toEqual([])
  })
})

describe('the lists', () => {
  it('of databases, with their figures', async () => {
    expect((await run({ listDatabases: 1 }, 'admin'))['databases']).toContainEqual({
      name: database,
      sizeOnDisk: number,
      empty: false,
    })
    expect((await run({ listDatabases: 1, nameOnly: true }, 'admin'))['databases']).toContainEqual({ name: database })
    expect(await run({ dbStats: 1 })).toMatchObject({
      db: database,
      collections: number,
      views: number,
      objects: number,
      avgObjSize: number,
      dataSize: number,
      storageSize: number,
      indexes: number,
      indexSize: number,
    })
  })

  it('of collections, of every kind', async () => {
    await run({ create: 'view', viewOn: 'items', pipeline: [{ $match: { a: 1 } }] })
    await run({ create: 'series', timeseries: { timeField: 't', metaField: 'm' } })
    await run({ create: 'clustered', clusteredIndex: { key: { _id: 1 }, unique: true, name: 'x' } })
    const named = async (more: Document) => {
      const { cursor } = await run({
        listCollections: 1,
        filter: {},
        cursor: {},
        authorizedCollections: false,
        ...more,
      })
      return new Map((cursor as { firstBatch: Document[] }).firstBatch.map((each) => [each['name'], each]))
    }
    const whole = await named({ nameOnly: false })
    expect(whole.get('items')).toMatchObject({
      type: 'collection',
      options: {},
      info: { readOnly: false, uuid: expect.anything() },
    })
    expect(whole.get('view')).toMatchObject({ type: 'view', options: { viewOn: 'items' }, info: { readOnly: true } })
    expect(whole.get('series')).toMatchObject({ type: 'timeseries', options: { timeseries: { timeField: 't' } } })
    expect(whole.get('clustered')).toMatchObject({ options: { clusteredIndex: { name: 'x' } } })
    expect((await named({ nameOnly: true })).get('view')).toEqual({ name: 'view', type: 'view' })
    expect([...(await named({ filter: { name: 'items' } })).keys()]).toEqual(['items'])
  })

  it('of what a collection holds, which a view does not tell', async () => {
    const sum = (name: string) => ({ $sum: { $toDouble: `$storageStats.${name}` } })
    const group = {
      _id: null,
      capped: { $first: '$storageStats.capped' },
      count: { $sum: '$storageStats.count' },
      size: sum('size'),
      storageSize: sum('storageSize'),
      totalIndexSize: sum('totalIndexSize'),
      freeStorageSize: sum('freeStorageSize'),
      nindexes: { $max: '$storageStats.nindexes' },
      unscaledCollSize: {
        $sum: { $multiply: [{ $toDouble: '$storageStats.avgObjSize' }, { $toDouble: '$storageStats.count' }] },
      },
    }
    const stats = [{ $collStats: { storageStats: {} } }, { $group: group }]
    expect(await aggregate('items', stats)).toEqual([
      expect.objectContaining({
        capped: false,
        count: 200,
        size: number,
        storageSize: number,
        totalIndexSize: number,
        nindexes: 1,
      }),
    ])
    await expect(aggregate('view', stats)).rejects.toMatchObject({ code: 166 })
    expect(await aggregate('series', stats)).toHaveLength(1)
  })
})

describe('a collection', () => {
  it('is read and counted, with limits of time', async () => {
    const { cursor } = await run({
      find: 'items',
      filter: { a: { $gt: 5 } },
      sort: { a: -1 },
      limit: 2,
      maxTimeMS: 60_000,
    })
    expect((cursor as { firstBatch: Document[] }).firstBatch.map(({ a }) => a as number)).toEqual([199, 198])
    expect(await run({ count: 'items', maxTimeMS: 500 })).toMatchObject({ n: 200 })
    const counted = [{ $match: { a: { $gt: 5 } } }, { $group: { _id: 1, n: { $sum: 1 } } }]
    expect(await aggregate('items', counted)).toEqual([{ _id: 1, n: 194 }])
  })

  it('gives a sample for its schema', async () => {
    const pipeline = [{ $match: {} }, { $sample: { size: 100 } }, { $project: { a: 1 } }]
    const { cursor } = await run({
      aggregate: 'items',
      pipeline,
      allowDiskUse: true,
      maxTimeMS: 10_000,
      cursor: { batchSize: 1000 },
    })
    const ids = (cursor as { firstBatch: Document[] }).firstBatch.map(({ _id }) => String(_id))
    expect(new Set(ids).size).toBe(100)
  })

  it('explains', async () => {
    const explain = (command: Document, verbosity: string) => run({ explain: command, verbosity })
    const stats = {
      executionSuccess: true,
      nReturned: 1,
      executionTimeMillis: number,
      totalKeysExamined: number,
      totalDocsExamined: number,
    }
    expect(await explain({ find: 'items', filter: { a: 3 } }, 'executionStats')).toMatchObject({
      queryPlanner: { namespace: `${database}.items`, winningPlan: { stage: 'COLLSCAN' }, rejectedPlans: [] },
      executionStats: {
        ...stats,
        executionStages: { stage: 'COLLSCAN', nReturned: 1, executionTimeMillisEstimate: expect.anything() },
      },
      serverInfo: { host: text, port: number, version: text },
    })
    const plans = await explain({ find: 'items', filter: { a: { $gt: 3 } } }, 'allPlansExecution')
    expect(plans).toMatchObject({ executionStats: { nReturned: 196, allPlansExecution: expect.any(Array) } })
    const pipeline = [{ $match: { a: 3 } }, { $group: { _id: '$b' } }]
    const explained = await explain({ aggregate: 'items', pipeline, cursor: {} }, 'queryPlanner')
    expect(explained['stages'] ?? explained['queryPlanner']).toBeDefined()
  })

  it('is changed a document at a time, and told of the shard key that there is not', async () => {
    const change = { findAndModify: 'items', query: { a: 1 }, remove: false, new: true, upsert: false }
    expect((await run({ ...change, update: { a: 1, r: 1 } }))['value']).toEqual({
      _id: expect.any(ObjectId),
      a: 1,
      r: 1,
    })
    expect((await run({ ...change, update: { $set: { u: 1 } } }))['value']).toMatchObject({ r: 1, u: 1 })
    const key = {
      find: 'collections',
      filter: { _id: `${database}.items`, unsplittable: { $ne: true } },
      projection: { key: 1, _id: 0 },
    }
    expect((await run(key, 'config'))['cursor']).toMatchObject({ firstBatch: [] })
  })

  it('shows what an update would do, in a transaction that is left', async () => {
    const items = server.client.db(database).collection('items')
    const preview = async (session: ClientSession) => {
      const before = await items.find({ a: 3 }, { session, limit: 10, maxTimeMS: 999, sort: {} }).toArray()
      const ids = { _id: { $in: before.map(({ _id }) => _id) } }
      await items.updateMany(ids, { $set: { z: 9 }, $rename: { b: 'bb' } }, { session })
      const after = await items.find(ids, { session }).toArray()
      await session.abortTransaction()
      return [before, after]
    }
    const [before, after] = await server.client.withSession((session) =>
      session.withTransaction(() => preview(session)),
    )
    expect(before).toMatchObject([{ a: 3, b: 'x3' }])
    expect(after).toEqual([{ _id: before![0]!['_id'], a: 3, c: expect.anything(), bb: 'x3', z: 9 }])
    expect(await items.findOne({ a: 3 })).toEqual(before![0])
  })

  it('gets a validator, a new name and an end', async () => {
    await run({ create: 'moved' })
    const validator = { $jsonSchema: { required: ['a'] } }
    expect(
      await run({ collMod: 'moved', validator, validationLevel: 'moderate', validationAction: 'warn' }),
    ).toMatchObject({ ok: 1 })
    await run({ collMod: 'moved', validator: {} })
    const names = { renameCollection: `${database}.moved`, to: `${database}.there`, dropTarget: false }
    expect(await run(names, 'admin')).toMatchObject({ ok: 1 })
    expect(await run({ drop: 'there' })).toMatchObject({ nIndexesWas: 1, ns: `${database}.there` })
  })
})

describe('indexes', () => {
  it('are made, shown with their use and size, hidden and dropped', async () => {
    const made = { name: 'aa', unique: true, partialFilterExpression: { a: { $gt: 0 } }, key: { a: 1 } }
    expect(await run({ createIndexes: 'items', indexes: [made] })).toMatchObject({
      numIndexesBefore: 1,
      numIndexesAfter: 2,
    })
    await run({ createIndexes: 'items', indexes: [{ wildcardProjection: { b: 1 }, name: '$**_1', key: { '$**': 1 } }] })
    const { cursor } = await run({ listIndexes: 'items', cursor: {} })
    expect((cursor as { firstBatch: Document[] }).firstBatch).toEqual([
      { v: 2, key: { _id: 1 }, name: '_id_' },
      { v: 2, key: { a: 1 }, name: 'aa', unique: true, partialFilterExpression: { a: { $gt: 0 } } },
      { v: 2, key: { '$**': 1 }, name: '$**_1', wildcardProjection: { b: 1 } },
    ])
    const project = {
      name: 1,
      usageHost: '$host',
      usageCount: '$accesses.ops',
      usageSince: '$accesses.since',
      building: 1,
    }
    const used = await aggregate('items', [{ $indexStats: {} }, { $project: project }])
    const use = { usageHost: text, usageCount: number, usageSince: expect.any(Date) }
    expect(used).toEqual(['_id_', 'aa', '$**_1'].map((name) => ({ name, ...use })))
    const sizes = await aggregate('items', [
      { $collStats: { storageStats: {} } },
      { $project: { indexSizes: { $objectToArray: '$storageStats.indexSizes' } } },
      { $unwind: '$indexSizes' },
      { $group: { _id: '$indexSizes.k', size: { $sum: { $toDouble: '$indexSizes.v' } } } },
    ])
    expect(sizes.map(({ _id }) => _id as string).sort()).toEqual(['$**_1', '_id_', 'aa'])
    for (const { size } of sizes) expect(size).toBeGreaterThan(0)
    const building = { ns: `${database}.items`, active: true, 'command.createIndexes': { $exists: true } }
    const progress = [
      { $currentOp: { allUsers: true, localOps: false } },
      { $match: building },
      { $sort: { 'command.indexes.name': 1, secs_running: -1 } },
      { $unwind: '$command.indexes' },
      { $group: { _id: '$command.indexes.name', active: { $first: '$active' }, progress: { $first: '$progress' } } },
    ]
    expect(await aggregate(1, progress, 'admin')).toEqual([])
    const hide = { collMod: 'items', index: { name: 'aa', hidden: true } }
    expect(await run(hide)).toMatchObject({ hidden_old: false, hidden_new: true })
    expect(await run({ dropIndexes: 'items', index: 'aa' })).toMatchObject({ nIndexesWas: 3 })
  })

  it('of a search server are refused by the number that it knows', async () => {
    await expect(aggregate('items', [{ $listSearchIndexes: {} }])).rejects.toMatchObject({ code: 31082 })
    for (const command of [
      { createSearchIndexes: 'items', indexes: [{ name: 's', definition: {} }] },
      { updateSearchIndex: 'items', name: 's', definition: {} },
      { dropSearchIndex: 'items', name: 's' },
    ])
      await expect(run(command)).rejects.toMatchObject({ code: 31082 })
  })
})

it('the performance tab has its figures, and ends an operation', async () => {
  const client = await server.connect()
  const waiting = client.db(database).collection('items').watch()
  const waits = waiting.tryNext()
  const ops = [{ $currentOp: { allUsers: true, idleConnections: false, truncateOps: false } }]
  const active = await aggregate(1, ops, 'admin')
  expect(active).toContainEqual(
    expect.objectContaining({
      active: true,
      opid: number,
      op: text,
      ns: text,
      secs_running: expect.anything(),
      command: expect.any(Object),
    }),
  )
  await waits
  await waiting.close()
  const { totals } = await run({ top: 1 }, 'admin')
  expect((totals as Document)[`${database}.items`]).toMatchObject({
    readLock: { time: number, count: number },
    insert: { count: 1 },
  })
  expect(await run({ serverStatus: 1 }, 'admin')).toMatchObject({
    opcounters: { insert: number, query: number, command: number },
    network: { bytesIn: expect.anything(), bytesOut: expect.anything() },
    globalLock: {
      activeClients: { readers: number, writers: number },
      currentQueue: { readers: number, writers: number },
    },
    mem: { resident: number, virtual: number },
    connections: { current: number },
  })
  expect(await run({ killOp: 1, op: new Int32(2_000_000_000) }, 'admin')).toMatchObject({ info: text, ok: 1 })
  expect(await run({ killOp: 1, op: Long.fromNumber(7), comment: 'compass' }, 'admin')).toMatchObject({ ok: 1 })
})
