/**
 * What MongoDB's database tools send: mongodump, mongorestore, mongoexport, mongoimport, mongostat, mongotop, mongofiles. The tools are not needed: their
 * commands are repeated here, with the options that the Go driver adds, and what they take from the answers is looked at.
 */
import { Binary, BSON, type Document, GridFSBucket, Long, ObjectId, Timestamp } from 'mongodb'
import { beforeAll, describe, expect, it } from 'vitest'
import { runningServer } from './running-server.ts'

const server = runningServer(['--repl-set', 'rs0'])

/** Runs a command as the tools do: all that a cursor has, in batches. */
async function all(database: string, command: Document): Promise<Document[]> {
  const db = server.client.db(database)
  let { cursor } = (await db.command(command)) as { cursor: Document }
  const documents = [...(cursor['firstBatch'] as Document[])]
  while (Number(cursor['id']) !== 0) {
    const collection = String(cursor['ns']).slice(database.length + 1)
    const getMore = Long.fromValue(cursor['id'] as Long)
    cursor = ((await db.command({ getMore, collection })) as { cursor: Document })['cursor']
    documents.push(...(cursor['nextBatch'] as Document[]))
  }
  return documents
}

interface Dumped {
  readonly options: Document
  readonly indexes: readonly Document[]
  readonly type: string
  /** As the metadata file has them. */
  readonly uuid: string
  readonly documents: readonly Document[]
}

/** A database as mongodump reads it, by the name of its collections. */
async function dump(database: string): Promise<Map<string, Dumped>> {
  const admin = server.client.db('admin')
  await admin.command({ ping: 1 })
  expect(await admin.command({ ismaster: 1 })).toMatchObject({ ismaster: true, setName: 'rs0' })
  // Atlas's proxies know it, and nobody else.
  await expect(admin.command({ atlasVersion: 1 })).rejects.toMatchObject({ code: 59 })
  const { databases } = await admin.command({ listDatabases: 1, nameOnly: true, filter: {} })
  expect((databases as Document[]).map(({ name }) => String(name))).toContain(database)
  const found = await all(database, { listCollections: 1, filter: {}, cursor: {} })
  const dumped = new Map<string, Dumped>()
  for (const { name, type, options, info } of found as {
    name: string
    type: string
    options: Document
    info: Document
  }[]) {
    if (name.startsWith('system.') && name !== 'system.js') continue
    const place = type === 'timeseries' ? `system.buckets.${name}` : name
    const [described] = await all(database, { listCollections: 1, filter: { name: place }, cursor: {} })
    expect(described).toMatchObject({ name: place })
    const isView = type === 'view'
    const indexes = isView ? [] : await all(database, { listIndexes: name, cursor: {} })
    if (!isView) await server.client.db(database).command({ collStats: name })
    const { n } = isView ? { n: 0 } : await server.client.db(database).command({ count: place })
    const documents = isView
      ? []
      : await all(database, { find: place, filter: {}, batchSize: 7, noCursorTimeout: true })
    expect(n).toBe(documents.length)
    dumped.set(name, { type, options, indexes, uuid: isView ? '' : uuidOf(info), documents })
  }
  return dumped
}

function uuidOf(info: Document): string {
  return info['uuid'] === undefined ? '' : (info['uuid'] as Binary).toString('hex')
}

/** The like of mongorestore: into a database of another name, with what extended JSON keeps of the metadata. */
async function restore(database: string, dumped: ReadonlyMap<string, Dumped>): Promise<void> {
  const db = server.client.db(database)
  const admin = server.client.db('admin')
  const { versionArray } = await admin.command({ buildInfo: 1 })
  expect(versionArray).toEqual([8, expect.any(Number), expect.any(Number), 0])
  const known = (await all(database, { listCollections: 1, cursor: {} })).map(({ name }) => String(name))
  for (const [name, kept] of dumped) {
    if (known.includes(name)) await db.command({ drop: name })
    const metadata = BSON.EJSON.stringify({ options: kept.options, indexes: kept.indexes }, { relaxed: false })
    const { options, indexes } = BSON.EJSON.parse(metadata, { relaxed: false }) as {
      options: Document
      indexes: Document[]
    }
    const named = indexes.map(({ v, ...index }): Document => ({ ...index, ns: `${database}.${name}` }))
    const idIndex =
      options['clusteredIndex'] === undefined ? named.find((index) => index['name'] === '_id_') : undefined
    await db.command({ create: name, ...options, ...(idIndex === undefined ? {} : { idIndex }) })
    const place = kept.type === 'timeseries' ? `system.buckets.${name}` : name
    for (let from = 0; from < kept.documents.length; from += 10) {
      const documents = kept.documents.slice(from, from + 10)
      const writeConcern = { w: 'majority' }
      const written = await db.command({
        insert: place,
        documents,
        ordered: false,
        bypassDocumentValidation: true,
        writeConcern,
      })
      expect(written).toMatchObject({ n: documents.length, ok: 1 })
    }
    const others = named.filter((index) => index['name'] !== '_id_' && index['clustered'] !== true)
    if (others.length > 0) await db.command({ createIndexes: name, indexes: others, ignoreUnknownIndexOptions: true })
  }
}

describe('mongodump and mongorestore', () => {
  const day = new Date('2026-01-02T03:04:05.678Z')

  beforeAll(async () => {
    const db = server.client.db('dumped')
    const validator = { n: { $type: 'number' } }
    await db.createCollection('plain', { validator, validationLevel: 'moderate', validationAction: 'warn' })
    await db.collection('plain').insertMany(Array.from({ length: 53 }, (_, n) => ({ n, at: day, big: Long.MAX_VALUE })))
    await db.collection('plain').createIndex({ n: -1 }, { unique: true, partialFilterExpression: { n: { $gt: 3 } } })
    await db.collection('plain').createIndex({ '$**': 1 }, { name: 'wild', wildcardProjection: { at: 0 } })
    await db.collection('plain').createIndex({ at: 1 }, { expireAfterSeconds: 10 ** 9, hidden: true })
    await db.createCollection('capped', { capped: true, size: 100_000, max: 20 })
    await db.collection('capped').insertMany(Array.from({ length: 30 }, (_, n) => ({ n })))
    await db.createCollection('collated', { collation: { locale: 'de', strength: 2 } })
    await db.collection('collated').createIndex({ name: 1 })
    await db.createCollection('clustered', { clusteredIndex: { key: { _id: 1 }, unique: true } })
    await db.collection<{ _id: number }>('clustered').insertOne({ _id: 7 })
    await db.createCollection('looked', { viewOn: 'plain', pipeline: [{ $match: { n: { $lt: 3 } } }] })
    await db.createCollection('empty')
    await db.createCollection('weather', {
      timeseries: { timeField: 't', metaField: 'place' },
      expireAfterSeconds: 10 ** 9,
    })
    const measurements = Array.from({ length: 25 }, (_, n) => ({
      t: new Date(day.getTime() + n * 1000),
      place: { id: n % 3 },
      n,
      '2': n,
    }))
    await db.collection('weather').insertMany([...measurements, { t: day, odd: [1, { a: null }] }])
    await db.createCollection('silent', { timeseries: { timeField: 't', granularity: 'hours' } })
    await db.collection<{ _id: string; t: Date }>('silent').insertOne({ _id: 'text', t: new Date(-5) })
  })

  it('move everything that a database holds', async () => {
    const before = await dump('dumped')
    expect([...before.keys()].sort()).toEqual(
      ['capped', 'clustered', 'collated', 'empty', 'looked', 'plain', 'silent', 'weather'].sort(),
    )
    await restore('restored', before)
    // A second time over what is there, as --drop does.
    await restore('restored', before)
    const after = await dump('restored')
    for (const [name, { uuid, documents, ...rest }] of before) {
      const other = after.get(name)!
      expect({ name, ...rest }).toEqual({ name, options: other.options, indexes: other.indexes, type: other.type })
      // A bucket's _id is its own.
      const shown = ({ _id, ...bucket }: Document) => (rest.type === 'timeseries' ? bucket : { _id, ...bucket })
      expect(other.documents.map(shown)).toEqual(documents.map(shown))
      expect(uuid).toMatch(rest.type !== 'collection' ? /^$/ : /^[0-9a-f]{32}$/)
    }
    const measurements = (database: string, name: string) =>
      server.client.db(database).collection(name).find().sort({ t: 1, n: 1 }).toArray()
    for (const name of ['weather', 'silent'])
      expect(await measurements('restored', name)).toEqual(await measurements('dumped', name))
    expect(await server.client.db('restored').collection('looked').countDocuments()).toBe(3)
  })

  it('see a time-series collection as buckets, each with its time in its _id', async () => {
    const buckets = server.client.db('dumped').collection('system.buckets.weather')
    expect(await buckets.findOne({ 'control.max.n': 4 })).toEqual({
      _id: expect.any(ObjectId),
      control: {
        version: 1,
        min: { t: new Date('2026-01-02T03:04:00Z'), _id: expect.any(ObjectId), n: 4, '2': 4 },
        max: { t: new Date('2026-01-02T03:04:09.678Z'), _id: expect.any(ObjectId), n: 4, '2': 4 },
      },
      meta: { id: 1 },
      data: {
        t: { '0': new Date('2026-01-02T03:04:09.678Z') },
        _id: { '0': expect.any(ObjectId) },
        n: { '0': 4 },
        '2': { '0': 4 },
      },
    })
    for (const { _id, control } of await buckets.find().toArray())
      expect((_id as ObjectId).getTimestamp()).toEqual((control as { min: { t: Date } }).min.t)
    // mongodump --query on the metaField.
    expect(await buckets.countDocuments({ 'meta.id': 2 })).toBe(8)
    expect(await buckets.distinct('meta.id')).toEqual([0, 1, 2])
  })

  it('take a bucket of several measurements apart, and refuse what they cannot read', async () => {
    const db = server.client.db('apart')
    await db.createCollection('w', { timeseries: { timeField: 't', metaField: 'm' } })
    const times = [1, 2, 3].map((n) => new Date(n * 1000))
    const data = {
      t: { '0': times[0], '1': times[1], '2': times[2] },
      _id: { '0': 'a', '1': 'b', '2': 'c' },
      x: { '0': 1, '2': 3 },
    }
    const control = { version: 1, min: { t: new Date(0) }, max: { t: times[2] } }
    const insert = (document: Document) => db.command({ insert: 'system.buckets.w', documents: [document] })
    const refusal = (code: number, errmsg: string) => ({
      n: 0,
      writeErrors: [{ code, errmsg: expect.stringContaining(errmsg) }],
    })
    await insert({ _id: new ObjectId(), control, meta: 'here', data })
    expect(await db.collection('w').find().toArray()).toEqual([
      { t: times[0], m: 'here', _id: 'a', x: 1 },
      { t: times[1], m: 'here', _id: 'b' },
      { t: times[2], m: 'here', _id: 'c', x: 3 },
    ])
    const compressed = { t: new Binary(Buffer.from([9, 0]), 7) }
    const packed = { _id: new ObjectId(), control: { ...control, version: 2 }, data: compressed }
    expect(await insert(packed)).toMatchObject(refusal(238, 'compressed'))
    expect(await insert({ _id: new ObjectId(), control, data: 7 })).toMatchObject(refusal(2, 'a bucket has'))
    expect(await insert({ _id: new ObjectId(), control, data: { x: { '0': 1 } } })).toMatchObject(
      refusal(2, "has no 't'"),
    )
    expect(await insert({ _id: new ObjectId(), control, data: { t: { '0': 'noon' } } })).toMatchObject(
      refusal(2, "'t' must"),
    )
    expect(await db.collection('w').countDocuments()).toBe(3)
  })

  it('find no users and roles, and no log to take along', async () => {
    for (const name of ['system.users', 'system.roles', 'system.version']) {
      expect(await all('admin', { find: name, filter: {} })).toEqual([])
      expect(await all('admin', { listIndexes: name }).catch((error: unknown) => error)).toMatchObject({ code: 26 })
    }
    const active = {
      find: 'transactions',
      filter: { state: { $in: ['prepared', 'inProgress'] } },
      sort: { startOpTime: 1 },
      limit: 1,
    }
    expect(await all('config', { ...active, readConcern: { level: 'local' }, singleBatch: true })).toEqual([])
    expect(await all('local', { find: 'oplog.rs', sort: { $natural: -1 }, limit: 1, singleBatch: true })).toEqual([])
    // --restoreDbUsersAndRoles and --oplogReplay end with these.
    for (const command of [
      { _mergeAuthzCollections: 1, tempUsersCollection: 'admin.tempusers', drop: false, db: '' },
      { applyOps: [{ op: 'i', ns: 'a.b', o: { _id: 1 }, ts: new Timestamp({ t: 1, i: 1 }) }] },
    ])
      await expect(server.client.db('admin').command(command)).rejects.toThrow()
  })
})

it('mongoexport: reads in order of _id, with fields and a query', async () => {
  const db = server.client.db('exported')
  await db.collection('c').insertMany([3, 1, 2].map((_id) => ({ _id, a: _id, b: 0 }) as Document))
  expect(await db.command({ count: 'c' })).toMatchObject({ n: 3 })
  const read = { find: 'c', filter: {}, hint: { _id: 1 }, projection: { a: 1 }, noCursorTimeout: true, batchSize: 2 }
  expect(await all('exported', read)).toEqual([1, 2, 3].map((_id) => ({ _id, a: _id })))
  const asked = { find: 'c', filter: { a: { $gte: 2 } }, sort: { a: -1 }, skip: 0, limit: 1 }
  expect(await all('exported', asked)).toEqual([{ _id: 3, a: 3, b: 0 }])
})

it('mongoimport: inserts, upserts, merges and deletes in batches', async () => {
  const db = server.client.db('imported')
  const documents = [1, 2, 3, 3].map((_id) => ({ _id }))
  expect(await db.command({ insert: 'c', documents, ordered: false })).toMatchObject({
    n: 3,
    writeErrors: [{ index: 3, code: 11000 }],
  })
  const upsert = [2, 9].map((_id) => ({ q: { _id }, u: { _id, a: 1 }, upsert: true }))
  expect(await db.command({ update: 'c', updates: upsert, ordered: false })).toMatchObject({
    n: 2,
    nModified: 1,
    upserted: [{ index: 1 }],
  })
  const merge = [2].map((_id) => ({ q: { _id }, u: { $set: { b: 2 } }, upsert: true }))
  await db.command({ update: 'c', updates: merge, ordered: false, bypassDocumentValidation: true })
  await db.command({ delete: 'c', deletes: [{ q: { _id: 1 }, limit: 1 }], ordered: false })
  expect(await db.collection('c').find().sort({ _id: 1 }).toArray()).toEqual([
    { _id: 2, a: 1, b: 2 },
    { _id: 3 },
    { _id: 9, a: 1 },
  ])
  await db.command({ drop: 'c', writeConcern: { w: 'majority' } })
})

it('mongostat and mongotop: have every figure that they show', async () => {
  const admin = server.client.db('admin')
  const number = expect.any(Number)
  expect(await admin.command({ serverStatus: 1, recordStats: 0 })).toMatchObject({
    host: expect.any(String),
    version: expect.any(String),
    process: 'laura',
    opcounters: { insert: number, query: number, update: number, delete: number, getmore: number, command: number },
    mem: { resident: number, virtual: number },
    network: { bytesIn: expect.anything(), bytesOut: expect.anything(), numRequests: expect.anything() },
    connections: { current: number, available: number },
    globalLock: {
      currentQueue: { readers: number, writers: number },
      activeClients: { readers: number, writers: number },
    },
    extra_info: { page_faults: number },
    asserts: { user: number },
    storageEngine: { name: expect.any(String) },
    repl: { setName: 'rs0', isWritablePrimary: true },
  })
  await server.client.db('topped').collection('c').insertOne({})
  const { totals } = await admin.command({ top: 1 })
  const figure = { time: number, count: number }
  expect((totals as Document)['topped.c']).toMatchObject({ total: figure, readLock: figure, writeLock: figure })
})

it('mongofiles: keeps files in GridFS', async () => {
  const bucket = new GridFSBucket(server.client.db('files'), { chunkSizeBytes: 1024 })
  const content = Buffer.from(Array.from({ length: 5000 }, (_, n) => n % 251))
  await new Promise((resolve, reject) => {
    bucket.openUploadStream('a.bin').on('finish', resolve).on('error', reject).end(content)
  })
  expect((await server.client.db('files').collection('fs.chunks').indexes()).map(({ key }) => key)).toContainEqual({
    files_id: 1,
    n: 1,
  })
  const chunks: Buffer[] = []
  for await (const chunk of bucket.openDownloadStreamByName('a.bin')) chunks.push(chunk as Buffer)
  expect(Buffer.concat(chunks)).toEqual(content)
})
