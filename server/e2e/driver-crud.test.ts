/** The official driver, as an application uses it every day. */
import { type AnyBulkWriteOperation, type Document, MongoBulkWriteError, MongoServerError, ObjectId } from 'mongodb'
import { describe, expect, it } from 'vitest'
import { runningServer } from './running-server.ts'

const server = runningServer()
let lastCollection = 0
const fresh = <T extends Document = Document>() => server.client.db('crud').collection<T>(`c${++lastCollection}`)
const failure = (running: Promise<unknown>): Promise<unknown> =>
  running.then(
    () => expect.unreachable('it succeeded'),
    (error: unknown) => error,
  )

describe('insert and find', () => {
  it('insertOne makes an _id and says so', async () => {
    const people = fresh()
    const { acknowledged, insertedId } = await people.insertOne({ name: 'Ada', tags: ['x', { y: 1 }] })
    expect(acknowledged).toBe(true)
    expect(insertedId).toBeInstanceOf(ObjectId)
    expect(await people.findOne({ _id: insertedId })).toEqual({ _id: insertedId, name: 'Ada', tags: ['x', { y: 1 }] })
    expect(await people.findOne({ name: 'Grace' })).toBe(null)
  })

  it('insertMany, sort, skip, limit, project', async () => {
    const numbers = fresh<{ _id: number; n: number; odd: boolean }>()
    const { insertedCount, insertedIds } = await numbers.insertMany(
      Array.from({ length: 50 }, (_, i) => ({ _id: i, n: (i * 7) % 50, odd: i % 2 === 1 })),
    )
    expect(insertedCount).toBe(50)
    expect(insertedIds[49]).toBe(49)
    const found = await numbers
      .find({ n: { $gte: 10 } })
      .sort({ n: -1 })
      .skip(2)
      .limit(3)
      .project({ n: 1, _id: 0 })
      .toArray()
    expect(found).toEqual([{ n: 47 }, { n: 46 }, { n: 45 }])
    expect(await numbers.countDocuments({ odd: true })).toBe(25)
    expect(await numbers.estimatedDocumentCount()).toBe(50)
    expect((await numbers.distinct('n', { n: { $lt: 3 } })).sort()).toEqual([0, 1, 2])
    expect(
      await numbers
        .find()
        .map(({ n }) => n)
        .hasNext(),
    ).toBe(true)
  })

  it('fetches further batches, as many as there are', async () => {
    const many = fresh<{ _id: number }>()
    await many.insertMany(Array.from({ length: 1050 }, (_, i) => ({ _id: i })))
    const cursor = many.find({}, { batchSize: 100 }).sort({ _id: 1 })
    const ids: number[] = []
    for await (const { _id } of cursor) ids.push(_id)
    expect(ids).toEqual(Array.from({ length: 1050 }, (_, i) => i))
    expect(await many.find().batchSize(2).limit(7).toArray()).toHaveLength(7)
    expect(await many.find().toArray()).toHaveLength(1050)
    expect(await many.aggregate([{ $match: { _id: { $gte: 50 } } }], { batchSize: 3 }).toArray()).toHaveLength(1000)
  })

  it('closes a cursor that is left early', async () => {
    const many = fresh<{ _id: number }>()
    await many.insertMany(Array.from({ length: 300 }, (_, i) => ({ _id: i })))
    const open = async () => (await server.client.db('admin').command({ serverStatus: 1 }))['metrics'].cursor.open.total
    const before = Number(await open())
    for await (const { _id } of many.find({}, { batchSize: 10 })) {
      expect(Number(await open())).toBe(before + 1)
      if (_id === 3) break
    }
    expect(Number(await open())).toBe(before)
  })

  it('keeps a cursor at the moment it was opened', async () => {
    const many = fresh<{ _id: number; n?: number }>()
    await many.insertMany(Array.from({ length: 200 }, (_, i) => ({ _id: i })))
    const cursor = many.find({}, { batchSize: 10 })
    await cursor.next()
    await many.updateMany({}, { $set: { n: 1 } })
    await many.deleteMany({ _id: { $gte: 100 } })
    const rest = await cursor.toArray()
    expect(rest).toHaveLength(199)
    expect(rest.every(({ n }) => n === undefined)).toBe(true)
    expect(await many.countDocuments({ n: 1 })).toBe(100)
  })

  it('finds in a collection and database that is not there', async () => {
    const nowhere = server.client.db('nowhere').collection('none')
    expect(await nowhere.find().toArray()).toEqual([])
    expect(await nowhere.findOne()).toBe(null)
    expect(await nowhere.countDocuments()).toBe(0)
    expect(await nowhere.estimatedDocumentCount()).toBe(0)
    expect(await nowhere.distinct('a')).toEqual([])
    expect(await nowhere.aggregate([{ $group: { _id: null } }]).toArray()).toEqual([])
    expect(await nowhere.updateOne({}, { $set: { a: 1 } })).toMatchObject({ matchedCount: 0, upsertedCount: 0 })
    expect(await nowhere.deleteMany()).toMatchObject({ deletedCount: 0 })
  })
})

describe('update and delete', () => {
  it('updateOne, updateMany, replaceOne, upserts', async () => {
    const items = fresh<{ _id: number | string; n?: number; list?: number[]; x?: number; by?: string }>()
    await items.insertMany([
      { _id: 1, n: 1 },
      { _id: 2, n: 2, list: [1, 2, 3, 2] },
    ])
    expect(await items.updateOne({ _id: 1 }, { $inc: { n: 5 }, $set: { x: 1 } })).toEqual({
      acknowledged: true,
      matchedCount: 1,
      modifiedCount: 1,
      upsertedCount: 0,
      upsertedId: null,
    })
    expect(await items.updateOne({ _id: 1 }, { $set: { x: 1 } })).toMatchObject({ matchedCount: 1, modifiedCount: 0 })
    expect(await items.updateMany({}, { $unset: { x: '' } })).toMatchObject({ matchedCount: 2, modifiedCount: 1 })
    await items.updateOne({ _id: 2 }, { $push: { list: { $each: [9, 8] } } })
    await items.updateOne({ _id: 2 }, { $pull: { list: 2 } })
    expect(await items.replaceOne({ _id: 1 }, { by: 'replace' })).toMatchObject({ modifiedCount: 1 })
    expect(await items.updateOne({ _id: 'new', n: 4 }, { $set: { x: 2 } }, { upsert: true })).toMatchObject({
      matchedCount: 0,
      upsertedCount: 1,
      upsertedId: 'new',
    })
    expect(await items.find().toArray()).toEqual([
      { _id: 1, by: 'replace' },
      { _id: 2, n: 2, list: [1, 3, 9, 8] },
      { _id: 'new', n: 4, x: 2 },
    ])
    expect(await items.deleteOne({ _id: 1 })).toEqual({ acknowledged: true, deletedCount: 1 })
    expect(await items.deleteMany({})).toEqual({ acknowledged: true, deletedCount: 2 })
  })

  it('findOneAndUpdate, findOneAndReplace, findOneAndDelete', async () => {
    const items = fresh<{ _id: number; n?: number; r?: boolean }>()
    await items.insertMany([
      { _id: 1, n: 1 },
      { _id: 2, n: 2 },
    ])
    expect(await items.findOneAndUpdate({ n: { $gt: 0 } }, { $inc: { n: 10 } }, { sort: { n: -1 } })).toEqual({
      _id: 2,
      n: 2,
    })
    expect(
      await items.findOneAndUpdate({ _id: 3 }, { $inc: { n: 1 } }, { upsert: true, returnDocument: 'after' }),
    ).toEqual({ _id: 3, n: 1 })
    expect(
      await items.findOneAndReplace({ _id: 1 }, { r: true }, { returnDocument: 'after', projection: { _id: 0 } }),
    ).toEqual({ r: true })
    const whole = await items.findOneAndDelete({ _id: 2 }, { includeResultMetadata: true })
    expect(whole).toMatchObject({ ok: 1, lastErrorObject: { n: 1 }, value: { _id: 2, n: 12 } })
    expect(await items.findOneAndDelete({ _id: 2 })).toBe(null)
    expect(await items.find().sort({ _id: 1 }).toArray()).toEqual([
      { _id: 1, r: true },
      { _id: 3, n: 1 },
    ])
  })

  it('refuses an update that would change _id, and an operator that it does not know', async () => {
    const items = fresh<{ _id: number; n: number }>()
    await items.insertOne({ _id: 1, n: 1 })
    const immutable = (await failure(items.updateOne({ _id: 1 }, { $set: { _id: 2 } } as object))) as MongoServerError
    expect(immutable).toMatchObject({ code: 66 })
    expect(immutable.message).toContain("'_id'")
    const unknown = (await failure(items.updateOne({ _id: 1 }, { $frob: { n: 1 } } as object))) as MongoServerError
    expect(unknown).toMatchObject({ code: 9 })
    expect(unknown.message).toContain('$frob')
    const filter = (await failure(items.find({ n: { $frob: 1 } } as object).toArray())) as MongoServerError
    expect(filter).toMatchObject({ code: 2, message: 'unknown operator: $frob' })
    expect(await items.find().toArray()).toEqual([{ _id: 1, n: 1 }])
  })
})

describe('bulk writes', () => {
  const mixed: AnyBulkWriteOperation<{ _id: number; n: number }>[] = [
    { insertOne: { document: { _id: 1, n: 1 } } },
    { insertOne: { document: { _id: 2, n: 2 } } },
    { updateOne: { filter: { _id: 1 }, update: { $inc: { n: 10 } } } },
    { updateMany: { filter: {}, update: { $inc: { n: 100 } } } },
    { replaceOne: { filter: { _id: 3 }, replacement: { n: 3 }, upsert: true } },
    { deleteOne: { filter: { _id: 2 } } },
    { deleteMany: { filter: { n: 1000 } } },
  ]

  it('bulkWrite of a collection does them in order', async () => {
    const items = fresh<{ _id: number; n: number }>()
    const result = await items.bulkWrite(mixed)
    expect(result).toMatchObject({
      insertedCount: 2,
      matchedCount: 3,
      modifiedCount: 3,
      deletedCount: 1,
      upsertedCount: 1,
      insertedIds: { 0: 1, 1: 2 },
      upsertedIds: { 4: 3 },
    })
    expect(await items.find().sort({ _id: 1 }).toArray()).toEqual([
      { _id: 1, n: 111 },
      { _id: 3, n: 3 },
    ])
  })

  it('stops at the first error when ordered, and goes on when not', async () => {
    const operations: AnyBulkWriteOperation<{ _id: number; n: number }>[] = [1, 1, 2, 2, 3].map((_id, n) => ({
      insertOne: { document: { _id, n } },
    }))
    const items = fresh<{ _id: number; n: number }>()
    const ordered = (await failure(items.bulkWrite(operations))) as MongoBulkWriteError
    expect(ordered).toBeInstanceOf(MongoBulkWriteError)
    expect(ordered).toMatchObject({ code: 11000, insertedCount: 1 })
    expect(await items.countDocuments()).toBe(1)
    const others = fresh<{ _id: number; n: number }>()
    const unordered = (await failure(others.bulkWrite(operations, { ordered: false }))) as MongoBulkWriteError
    expect(unordered.insertedCount).toBe(3)
    const errors = unordered.writeErrors as unknown as { index: number; code: number }[]
    expect(errors.map(({ index, code }) => [index, code])).toEqual([
      [1, 11000],
      [3, 11000],
    ])
    expect((await others.find().sort({ _id: 1 }).toArray()).map(({ n }) => n)).toEqual([0, 2, 4])
  })

  it('client.bulkWrite writes to several collections at once', async () => {
    const [a, b] = [fresh<{ _id: number; n?: number }>(), fresh<{ _id: number; n?: number }>()]
    const result = await server.client.bulkWrite<{ [namespace: string]: { _id: number; n?: number } }>(
      [
        { name: 'insertOne', namespace: a.namespace, document: { _id: 1, n: 1 } },
        { name: 'insertOne', namespace: b.namespace, document: { _id: 1, n: 1 } },
        { name: 'updateOne', namespace: b.namespace, filter: { _id: 1 }, update: { $inc: { n: 1 } } },
        { name: 'updateOne', namespace: b.namespace, filter: { _id: 7 }, update: { $inc: { n: 1 } }, upsert: true },
        { name: 'deleteMany', namespace: a.namespace, filter: {} },
      ],
      { verboseResults: true },
    )
    expect(result).toMatchObject({
      acknowledged: true,
      insertedCount: 2,
      upsertedCount: 1,
      matchedCount: 1,
      modifiedCount: 1,
      deletedCount: 1,
    })
    expect(result.insertResults?.get(0)).toMatchObject({ insertedId: 1 })
    expect(result.updateResults?.get(3)).toMatchObject({ upsertedId: 7 })
    expect(await a.countDocuments()).toBe(0)
    expect(await b.find().sort({ _id: 1 }).toArray()).toEqual([
      { _id: 1, n: 2 },
      { _id: 7, n: 1 },
    ])
    const partial = await failure(
      server.client.bulkWrite<{ [namespace: string]: { _id: number } }>(
        [1, 2, 2, 3].map((_id) => ({ name: 'insertOne' as const, namespace: a.namespace, document: { _id } })),
      ),
    )
    expect(partial).toMatchObject({ partialResult: { insertedCount: 2 } })
    expect((partial as { writeErrors: Map<number, { code: number }> }).writeErrors.get(2)).toMatchObject({
      code: 11000,
    })
  })

  it('splits more operations than one command may carry', async () => {
    const items = fresh<{ _id: number; s: string }>()
    const documents = Array.from({ length: 120_000 }, (_, _id) => ({ _id, s: 'x' }))
    const { insertedCount } = await items.insertMany(documents, { ordered: false })
    expect(insertedCount).toBe(120_000)
    expect(await items.countDocuments()).toBe(120_000)
    await items.drop()
  })
})

describe('indexes', () => {
  it('are made, listed, used and dropped', async () => {
    const items = fresh<{ _id: number; a: number; b?: string }>()
    await items.insertMany(Array.from({ length: 100 }, (_, i) => ({ _id: i, a: i % 10 })))
    expect(await items.createIndex({ a: 1 })).toBe('a_1')
    expect(await items.createIndex({ a: 1 })).toBe('a_1')
    expect(await items.createIndexes([{ key: { b: -1 }, name: 'other' }])).toEqual(['other'])
    expect(await items.indexes()).toEqual([
      { v: 2, key: { _id: 1 }, name: '_id_' },
      { v: 2, key: { a: 1 }, name: 'a_1' },
      { v: 2, key: { b: -1 }, name: 'other' },
    ])
    expect(await items.indexExists('a_1')).toBe(true)
    expect(await items.find({ a: 3 }).toArray()).toHaveLength(10)
    expect(JSON.stringify(await items.find({ a: 3 }).explain())).toContain('a_1')
    await items.dropIndex('a_1')
    expect(await items.find({ a: 3 }).toArray()).toHaveLength(10)
    expect(await failure(items.dropIndex('a_1'))).toMatchObject({ code: 27 })
    await items.dropIndexes()
    expect((await items.indexes()).map(({ name }) => name)).toEqual(['_id_'])
    expect(await failure(items.dropIndex('_id_'))).toMatchObject({ code: 72 })
  })

  it('a unique one refuses duplicates with code 11000, keyPattern and keyValue', async () => {
    const users = fresh<{ _id: number; email: string }>()
    await users.createIndex({ email: 1 }, { unique: true })
    await users.insertOne({ _id: 1, email: 'a@b.c' })
    const error = (await failure(users.insertOne({ _id: 2, email: 'a@b.c' }))) as MongoServerError
    expect(error).toBeInstanceOf(MongoServerError)
    expect(error).toMatchObject({ code: 11000, keyPattern: { email: 1 }, keyValue: { email: 'a@b.c' } })
    expect(error.message).toBe(
      `E11000 duplicate key error collection: ${users.namespace} index: email_1 dup key: { email: "a@b.c" }`,
    )
    expect(await failure(users.insertOne({ _id: 1, email: 'x' }))).toMatchObject({
      code: 11000,
      keyPattern: { _id: 1 },
      keyValue: { _id: 1 },
    })
    await users.insertOne({ _id: 2, email: 'd@e.f' })
    expect(await failure(users.updateOne({ _id: 2 }, { $set: { email: 'a@b.c' } }))).toMatchObject({ code: 11000 })
    expect(await failure(users.findOneAndUpdate({ _id: 2 }, { $set: { email: 'a@b.c' } }))).toMatchObject({
      code: 11000,
      keyValue: { email: 'a@b.c' },
    })
    expect(await users.findOne({ _id: 2 })).toEqual({ _id: 2, email: 'd@e.f' })
    const clash = fresh<{ _id: number; a: number }>()
    await clash.insertMany([
      { _id: 1, a: 1 },
      { _id: 2, a: 1 },
    ])
    expect(await failure(clash.createIndex({ a: 1 }, { unique: true }))).toMatchObject({ code: 11000 })
    expect((await clash.indexes()).map(({ name }) => name)).toEqual(['_id_'])
  })
})

describe('aggregate', () => {
  it('runs match, group, sort, project and count', async () => {
    const sales = fresh<{ _id: number; item: string; price: number; quantity: number }>()
    await sales.insertMany([
      { _id: 1, item: 'pen', price: 2, quantity: 10 },
      { _id: 2, item: 'ink', price: 8, quantity: 1 },
      { _id: 3, item: 'pen', price: 3, quantity: 5 },
      { _id: 4, item: 'book', price: 20, quantity: 0 },
    ])
    expect(
      await sales
        .aggregate([
          { $match: { quantity: { $gt: 0 } } },
          {
            $group: {
              _id: '$item',
              count: { $sum: 1 },
              average: { $avg: '$price' },
              low: { $min: '$price' },
              high: { $max: '$price' },
            },
          },
          { $sort: { _id: 1 } },
        ])
        .toArray(),
    ).toEqual([
      { _id: 'ink', count: 1, average: 8, low: 8, high: 8 },
      { _id: 'pen', count: 2, average: 2.5, low: 2, high: 3 },
    ])
    expect(
      await sales
        .aggregate([{ $sort: { price: -1 } }, { $skip: 1 }, { $limit: 2 }, { $project: { _id: 0, item: 1 } }])
        .toArray(),
    ).toEqual([{ item: 'ink' }, { item: 'pen' }])
    expect(await sales.aggregate([{ $match: { item: 'pen' } }, { $count: 'n' }]).toArray()).toEqual([{ n: 2 }])
    const refused = (await failure(sales.aggregate([{ $frobnicate: {} }]).toArray())) as MongoServerError
    expect(refused.code).toBe(40324)
    expect(refused.message).toContain('$frobnicate')
  })
})

describe('databases and collections', () => {
  it('are listed, renamed and dropped', async () => {
    const db = server.client.db('lists')
    await db.createCollection('a')
    await db.collection('b').insertOne({ x: 1 })
    const names = async () => (await db.listCollections().toArray()).map(({ name }) => name).sort()
    expect(await names()).toEqual(['a', 'b'])
    expect((await db.collections()).map(({ collectionName }) => collectionName).sort()).toEqual(['a', 'b'])
    await db.createCollection('a')
    expect(await failure(db.createCollection('a', { storageEngine: { wiredTiger: {} } }))).toMatchObject({ code: 48 })
    await db.renameCollection('b', 'c')
    expect(await db.collection('c').countDocuments()).toBe(1)
    expect(await failure(db.renameCollection('c', 'a'))).toMatchObject({ code: 48 })
    await db.renameCollection('c', 'a', { dropTarget: true })
    expect(await names()).toEqual(['a'])
    const { databases } = await db.admin().listDatabases()
    expect(databases.map(({ name }) => name)).toContain('lists')
    expect(await db.stats()).toMatchObject({ db: 'lists', collections: 1, objects: 1, ok: 1 })
    expect(await db.collection('a').drop()).toBe(true)
    expect(await db.dropDatabase()).toBe(true)
    const left = await db.admin().listDatabases({ nameOnly: true })
    expect(left.databases.map(({ name }) => name)).not.toContain('lists')
  })

  it('the server presents itself as MongoDB 8.2', async () => {
    const admin = server.client.db('admin').admin()
    expect((await admin.buildInfo())['version']).toMatch(/^8\.2\.\d+$/)
    expect(await admin.ping()).toMatchObject({ ok: 1 })
    expect((await admin.serverStatus())['connections'].current).toBeGreaterThan(0)
    expect(await server.client.db('admin').command({ hello: 1 })).toMatchObject({
      maxWireVersion: 27,
      isWritablePrimary: true,
    })
    await server.client.db('crud').collection('validated').insertOne({ a: 1 })
    expect(await server.client.db('crud').command({ validate: 'validated' })).toMatchObject({
      valid: true,
      nrecords: 1,
    })
  })
})
