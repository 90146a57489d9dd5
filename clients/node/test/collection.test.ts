import { describe, expect, expectTypeOf, it } from 'vitest'
import {
  type Collection,
  Decimal128,
  LauraBulkWriteError,
  LauraServerError,
  LauraUsageError,
  Long,
  ObjectId,
  type WithId,
} from '../src/index.ts'
import { testServer } from './server.ts'

interface Person {
  _id: number
  name: string
  age: number
  tags?: string[]
}

const server = testServer()
let last = 0
const fresh = <T extends object = Person>() =>
  server.client.db('api').collection<T & Record<string, unknown>>(`c${++last}`) as unknown as Collection<
    T & Record<string, unknown>
  >

async function people(count: number): Promise<Collection<Person & Record<string, unknown>>> {
  const collection = fresh()
  await collection.insertMany(Array.from({ length: count }, (_, n) => ({ _id: n, name: `p${n}`, age: n % 10 })))
  return collection
}

async function failure(promise: Promise<unknown>): Promise<LauraServerError> {
  const error: unknown = await promise.catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(LauraServerError)
  return error as LauraServerError
}

describe('inserting', () => {
  it('insertOne makes an ObjectId, or takes the _id given', async () => {
    const collection = server.client.db('api').collection('ids')
    const { insertedId } = await collection.insertOne({ a: 1 })
    expect(insertedId).toBeInstanceOf(ObjectId)
    expect(await collection.findOne({ _id: insertedId })).toEqual({ _id: insertedId, a: 1 })
    expect((await collection.insertOne({ _id: 'x' as never, a: 2 })).insertedId).toBe('x')
  })

  it('a duplicate is an error with code, name and key', async () => {
    const collection = await people(3)
    const error = await failure(collection.insertOne({ _id: 1, name: 'again', age: 1 }))
    expect(error).toMatchObject({ code: 11000, codeName: 'DuplicateKey', keyValue: { _id: 1 } })
    expect(error.message).toMatch(/^E11000/)
  })

  it('insertMany takes more than one message holds', async () => {
    const collection = fresh<{ _id: number; pad: string }>()
    const pad = 'x'.repeat(10_000)
    const documents = Array.from({ length: 5000 }, (_, _id) => ({ _id, pad }))
    const { insertedCount, insertedIds } = await collection.insertMany(documents)
    expect(insertedCount).toBe(5000)
    expect(insertedIds[4999]).toBe(4999)
    expect(await collection.countDocuments()).toBe(5000)
    let seen = 0
    for await (const { _id } of collection.find().sort({ _id: 1 }).batchSize(100)) expect(_id).toBe(seen++)
    expect(seen).toBe(5000)
  })

  it('values come back as they went, of every type', async () => {
    const collection = server.client.db('api').collection('types')
    const document = {
      _id: new ObjectId(),
      text: 'ünï',
      number: 1.5,
      whole: 7,
      large: Long.fromString('9007199254740993'),
      money: Decimal128.fromString('12.50'),
      date: new Date(1_700_000_000_000),
      nothing: null,
      list: [1, 'two', { three: 3 }],
      bytes: Buffer.from([1, 2, 3]),
      pattern: /^a/i,
    }
    await collection.insertOne(document)
    const found = await collection.findOne({ _id: document._id })
    expect({ ...found, bytes: undefined }).toEqual({ ...document, bytes: undefined })
    expect(Buffer.from((found!['bytes'] as { buffer: Uint8Array }).buffer)).toEqual(document.bytes)
  })
})

describe('finding', () => {
  it('findOne gives a document or null', async () => {
    const collection = await people(20)
    expect(await collection.findOne({ age: 3 }, { sort: { _id: -1 }, projection: { name: 1 } })).toEqual({
      _id: 13,
      name: 'p13',
    })
    expect(await collection.findOne({ age: 33 })).toBeNull()
  })

  it('a cursor has the driver’s methods', async () => {
    const collection = await people(300)
    const cursor = collection
      .find({ age: { $lt: 5 } })
      .sort('_id', -1)
      .skip(1)
      .limit(100)
      .project({ name: 1 })
      .batchSize(7)
    expect(await cursor.hasNext()).toBe(true)
    expect(await cursor.next()).toEqual({ _id: 293, name: 'p293' })
    expect(cursor.bufferedCount()).toBe(6)
    expect(await cursor.toArray()).toHaveLength(99)
    expect(await cursor.next()).toBeNull()
    expect(cursor.closed).toBe(true)
    cursor.rewind()
    expect(await cursor.next()).toEqual({ _id: 293, name: 'p293' })
    await cursor.close()
    expect(await cursor.next()).toBeNull()
    expect(
      await cursor
        .clone()
        .map(({ _id }) => Number(_id))
        .map((id) => id + 0.5)
        .next(),
    ).toBe(293.5)
    expect(() =>
      collection
        .find()
        .limit(1)
        .sort([['age', 1]])
        .sort({ age: 'desc' }),
    ).not.toThrow()
    const used = collection.find()
    await used.next()
    expect(() => used.limit(1)).toThrow(LauraUsageError)
    await used.close()
  })

  it('a loop that is left closes the cursor on the server', async () => {
    const collection = await people(5000)
    const open = async () => {
      const status = await server.client.db('admin').command({ serverStatus: 1 })
      return Number((status['metrics'] as { cursor: { open: { total: number } } }).cursor.open.total)
    }
    const before = await open()
    for await (const _ of collection.find().batchSize(10)) break
    while ((await open()) > before) await new Promise((resolve) => setTimeout(resolve, 10))
  })

  it('many finds share the connections', async () => {
    const collection = await people(1000)
    const found = await Promise.all(Array.from({ length: 1000 }, (_, n) => collection.findOne({ _id: n })))
    expect(found.map((each) => each!._id)).toEqual(Array.from({ length: 1000 }, (_, n) => n))
  })

  it('counts, distinct values, explain', async () => {
    const collection = await people(25)
    expect(await collection.countDocuments({ age: { $lt: 2 } })).toBe(6)
    expect(await collection.countDocuments({}, { skip: 5, limit: 7 })).toBe(7)
    expect(await collection.countDocuments({ age: 77 })).toBe(0)
    expect(await collection.estimatedDocumentCount()).toBe(25)
    expect(await collection.distinct('age', { _id: { $lt: 3 } })).toEqual([0, 1, 2])
    expect(await collection.find({ age: 1 }).explain()).toHaveProperty('queryPlanner')
  })

  it('aggregates', async () => {
    const collection = await people(25)
    const sums = collection.aggregate<{ _id: number; n: number }>([
      { $group: { _id: '$age', n: { $sum: 1 } } },
      { $sort: { _id: 1 } },
    ])
    expect(await sums.next()).toEqual({ _id: 0, n: 3 })
    expect(await sums.toArray()).toHaveLength(9)
    expect(
      await server.client
        .db('api')
        .aggregate([{ $documents: [{ a: 1 }] }])
        .toArray(),
    ).toEqual([{ a: 1 }])
    const error = await failure(collection.aggregate([{ $nothing: 1 }]).toArray())
    expect(error.code).toBe(40324)
  })
})

describe('changing', () => {
  it('updates one, many, by pipeline, with upsert and array filters', async () => {
    const collection = await people(20)
    expect(await collection.updateOne({ age: 1 }, { $set: { name: 'x' } })).toEqual({
      acknowledged: true,
      matchedCount: 1,
      modifiedCount: 1,
      upsertedCount: 0,
      upsertedId: null,
    })
    expect(await collection.updateMany({ age: 2 }, { $inc: { age: 100 } })).toMatchObject({
      matchedCount: 2,
      modifiedCount: 2,
    })
    await collection.updateOne({ _id: 3 }, [{ $set: { name: { $concat: ['$name', '!'] } } }])
    expect(await collection.findOne({ _id: 3 })).toMatchObject({ name: 'p3!' })
    expect(await collection.updateOne({ _id: 50 }, { $set: { name: 'new' } }, { upsert: true })).toMatchObject({
      upsertedCount: 1,
      upsertedId: 50,
    })
    await collection.updateOne({ _id: 4 }, { $set: { tags: ['a', 'b'] } })
    await collection.updateOne({ _id: 4 }, { $set: { 'tags.$[each]': 'c' } }, { arrayFilters: [{ each: 'b' }] })
    expect(await collection.findOne({ _id: 4 })).toMatchObject({ tags: ['a', 'c'] })
    await expect(collection.updateOne({ _id: 1 }, { name: 'no operator' } as never)).rejects.toThrow(LauraUsageError)
  })

  it('replaces and deletes', async () => {
    const collection = await people(20)
    expect(await collection.replaceOne({ _id: 1 }, { name: 'r', age: 0 })).toMatchObject({ modifiedCount: 1 })
    await expect(collection.replaceOne({ _id: 1 }, { $set: { a: 1 } } as never)).rejects.toThrow(LauraUsageError)
    expect(await collection.deleteOne({ age: 3 })).toEqual({ acknowledged: true, deletedCount: 1 })
    expect(await collection.deleteMany({ age: { $gte: 5 } })).toEqual({ acknowledged: true, deletedCount: 10 })
  })

  it('finds and changes one', async () => {
    const collection = await people(5)
    expect(await collection.findOneAndUpdate({ _id: 1 }, { $inc: { age: 1 } })).toMatchObject({ age: 1 })
    expect(
      await collection.findOneAndUpdate({ _id: 1 }, { $inc: { age: 1 } }, { returnDocument: 'after' }),
    ).toMatchObject({ age: 3 })
    expect(
      await collection.findOneAndReplace(
        { _id: 2 },
        { name: 'r', age: 9 },
        { returnDocument: 'after', projection: { age: 1 } },
      ),
    ).toEqual({ _id: 2, age: 9 })
    expect(await collection.findOneAndDelete({}, { sort: { _id: -1 } })).toMatchObject({ _id: 4 })
    expect(await collection.findOneAndDelete({ _id: 99 })).toBeNull()
    const whole = await collection.findOneAndUpdate(
      { _id: 0 },
      { $set: { name: 'z' } },
      { includeResultMetadata: true },
    )
    expect(whole).toMatchObject({ ok: 1, lastErrorObject: { n: 1 } })
  })

  it('writes in bulk, in order or not, and says what failed', async () => {
    const collection = await people(5)
    const result = await collection.bulkWrite([
      { insertOne: { document: { _id: 10, name: 'i', age: 1 } } },
      { updateOne: { filter: { _id: 10 }, update: { $set: { age: 2 } } } },
      { updateOne: { filter: { _id: 77 }, update: { $set: { age: 2 } }, upsert: true } },
      { replaceOne: { filter: { _id: 1 }, replacement: { name: 'r', age: 1 } } },
      { deleteOne: { filter: { _id: 2 } } },
      { deleteMany: { filter: { _id: { $in: [3, 4] } } } },
    ])
    expect(result).toEqual({
      acknowledged: true,
      insertedCount: 1,
      matchedCount: 2,
      modifiedCount: 2,
      deletedCount: 3,
      upsertedCount: 1,
      insertedIds: { 0: 10 },
      upsertedIds: { 2: 77 },
    })
    const inserts = [20, 20, 21].map((_id) => ({ insertOne: { document: { _id, name: 'd', age: 1 } } }))
    const ordered = await failure(collection.bulkWrite(inserts))
    expect(ordered).toBeInstanceOf(LauraBulkWriteError)
    expect(ordered).toMatchObject({
      code: 11000,
      writeErrors: [{ index: 1, code: 11000, op: inserts[1] }],
      result: { insertedCount: 1, insertedIds: { 0: 20 } },
    })
    const unordered = await failure(collection.bulkWrite(inserts, { ordered: false }))
    expect(unordered).toMatchObject({
      writeErrors: [{ index: 0 }, { index: 1 }],
      result: { insertedCount: 1, insertedIds: { 2: 21 } },
    })
  })
})

describe('collections and databases', () => {
  it('makes, lists and drops indexes', async () => {
    const collection = await people(5)
    expect(await collection.createIndex({ name: 1, age: -1 }, { unique: true })).toBe('name_1_age_-1')
    expect(
      await collection.createIndexes([{ key: { age: 1 } }, { key: { tags: 1 }, name: 'by tag', sparse: true }]),
    ).toEqual(['age_1', 'by tag'])
    expect(await collection.createIndex('name')).toBe('name_1')
    expect((await collection.listIndexes().toArray()).map((index) => index['name'])).toEqual([
      '_id_',
      'name_1_age_-1',
      'age_1',
      'by tag',
      'name_1',
    ])
    expect(await collection.indexExists(['age_1', 'by tag'])).toBe(true)
    await collection.dropIndex('age_1')
    expect(await collection.indexExists('age_1')).toBe(false)
    await collection.dropIndexes()
    expect(await collection.indexes()).toHaveLength(1)
  })

  it('makes, renames, lists and drops collections and databases', async () => {
    const db = server.client.db('catalog')
    const capped = await db.createCollection('a', { capped: true, size: 4096 })
    expect(await capped.isCapped()).toBe(true)
    const renamed = await capped.rename('b')
    expect(renamed.namespace).toBe('catalog.b')
    expect((await db.listCollections().toArray()).map((each) => each['name'])).toEqual(['b'])
    expect((await db.collections()).map(({ collectionName }) => collectionName)).toEqual(['b'])
    expect(await renamed.drop()).toBe(true)
    await db.collection('c').insertOne({})
    const { databases } = await db.admin().listDatabases({ nameOnly: true })
    expect(databases).toContainEqual(expect.objectContaining({ name: 'catalog' }))
    expect(await db.dropDatabase()).toBe(true)
    expect(await db.ping()).toMatchObject({ ok: 1 })
    expect(await db.runCursorCommand({ find: 'none' }).toArray()).toEqual([])
  })
})

describe('types', () => {
  it('know the documents of a collection', async () => {
    const collection = server.client.db('api').collection<Person>('typed')
    // Not called: what matters is that it compiles.
    const typed = () =>
      [collection.findOne(), collection.find().map(({ name }) => name.length), collection.distinct('age')] as const
    expectTypeOf<Awaited<ReturnType<typeof typed>[0]>>().toEqualTypeOf<WithId<Person> | null>()
    expectTypeOf<Awaited<ReturnType<ReturnType<typeof typed>[1]['next']>>>().toEqualTypeOf<number | null>()
    expectTypeOf<Awaited<ReturnType<typeof typed>[2]>>().toEqualTypeOf<number[]>()
    expectTypeOf<Parameters<typeof collection.insertOne>[0]>().toExtend<{ name: string }>()
    // @ts-expect-error: age is a number
    const wrong = collection.find({ age: 'old' })
    await wrong.close()
  })
})
