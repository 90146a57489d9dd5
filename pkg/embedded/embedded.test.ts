import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Decimal128, Long, ObjectId } from 'bson'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BulkWriteError, type Collection, type Laura, open } from '../lauradb.ts'

const folder = mkdtempSync(join(tmpdir(), 'laura-embedded-'))
let laura: Laura
let lastCollection = 0

beforeAll(async () => {
  laura = await open(join(folder, 'data'))
})
afterAll(async () => {
  expect((await laura.check()).problems).toEqual([])
  await laura.close()
  rmSync(folder, { recursive: true, force: true })
})

interface Item {
  _id?: unknown
  n?: number
  text?: string
}

function fresh(): Collection<Item> {
  lastCollection++
  return laura.db('app').collection<Item>(`c${lastCollection}`)
}

async function numbered(count: number): Promise<Collection<Item>> {
  const items = fresh()
  await items.insertMany(Array.from({ length: count }, (_, _id) => ({ _id, n: (_id * 7) % count })))
  return items
}

const ids = (items: readonly Item[]) => items.map(({ _id }) => _id)

async function failure(running: Promise<unknown>): Promise<unknown> {
  try {
    await running
  } catch (error) {
    return error
  }
  throw new Error('it succeeded')
}

describe('inserting', () => {
  it('makes an _id, adds it to the document as the driver does, and returns it', async () => {
    const items = fresh()
    const document: Item = { text: 'x' }
    const { acknowledged, insertedId } = await items.insertOne(document)
    expect(acknowledged).toBe(true)
    expect(insertedId).toBeInstanceOf(ObjectId)
    expect(document._id).toBe(insertedId)
    expect(await items.findOne({ _id: insertedId })).toEqual({ _id: insertedId, text: 'x' })
  })

  it('insertMany gives the ids by position, also of a mixture of given and made ones', async () => {
    const items = fresh()
    const { insertedCount, insertedIds } = await items.insertMany([{ _id: 'a' }, { n: 1 }, { _id: 3 }])
    expect(insertedCount).toBe(3)
    expect(insertedIds).toEqual({ 0: 'a', 1: expect.any(ObjectId), 2: 3 })
    expect(await items.countDocuments()).toBe(3)
  })

  it('a duplicate in the middle ends an ordered insertMany there, and not an unordered one', async () => {
    const documents = () => [1, 2, 2, 3, 1, 4].map((_id) => ({ _id }))
    const items = fresh()
    const ordered = (await failure(items.insertMany(documents()))) as BulkWriteError
    expect(ordered).toBeInstanceOf(BulkWriteError)
    expect(ordered).toMatchObject({
      code: 11000,
      details: { keyPattern: { _id: 1 }, keyValue: { _id: 2 } },
      result: { insertedCount: 2, insertedIds: { 0: 1, 1: 2 } },
    })
    expect(ordered.writeErrors.map(({ index }) => index)).toEqual([2])
    expect(ids(await items.find().toArray())).toEqual([1, 2])

    const others = fresh()
    const unordered = (await failure(others.insertMany(documents(), { ordered: false }))) as BulkWriteError
    expect(unordered.writeErrors.map(({ index, error }) => [index, error.code])).toEqual([
      [2, 11000],
      [4, 11000],
    ])
    expect(unordered.result.insertedIds).toEqual({ 0: 1, 1: 2, 3: 3, 5: 4 })
    expect(ids(await others.find().toArray())).toEqual([1, 2, 3, 4])
  })

  it('takes the values of the bson package', async () => {
    const items = fresh()
    const document = {
      _id: Long.fromBigInt(2n ** 60n),
      decimal: Decimal128.fromString('1.10'),
      when: new Date(5),
      list: [1, 'a', null, { b: true }],
      nothing: undefined,
    }
    await items.insertOne(document)
    const { nothing, ...kept } = document
    expect(await items.findOne({ _id: document._id })).toEqual(kept)
  })
})

describe('finding', () => {
  it('sorts, skips, limits, projects, maps and counts', async () => {
    const items = await numbered(20)
    const cursor = items.find({ n: { $gte: 5 } })
    expect(await cursor.sort({ n: -1 }).skip(1).limit(3).project({ n: 1, _id: 0 }).toArray()).toEqual([
      { n: 18 },
      { n: 17 },
      { n: 16 },
    ])
    expect(
      await items
        .find()
        .sort('n', -1)
        .limit(1)
        .map(({ n }) => `#${n}`)
        .toArray(),
    ).toEqual(['#19'])
    expect(
      await items
        .find()
        .sort([['n', 'asc']])
        .limit(2)
        .toArray(),
    ).toEqual([
      { _id: 0, n: 0 },
      { _id: 3, n: 1 },
    ])
    expect(
      await items
        .find({ n: { $lt: 4 } })
        .limit(1)
        .count(),
    ).toBe(4)
    expect(await items.countDocuments({ n: { $lt: 4 } }, { skip: 1, limit: 2 })).toBe(2)
    expect(await items.estimatedDocumentCount()).toBe(20)
    expect(await items.distinct('n', { n: { $in: [1, 2] } })).toEqual(expect.arrayContaining([1, 2]))
    expect(await items.findOne({}, { sort: { n: -1 }, projection: { n: 1, _id: 0 } })).toEqual({ n: 19 })
    expect(await items.findOne({ n: 99 })).toBe(null)
  })

  it('next, hasNext and forEach walk over batches', async () => {
    const items = await numbered(250)
    const cursor = items.find({}, { batchSize: 7 }).sort({ _id: 1 })
    expect(await cursor.hasNext()).toBe(true)
    expect((await cursor.next())?._id).toBe(0)
    expect((await cursor.next())?._id).toBe(1)
    const seen: unknown[] = []
    const takeSome = ({ _id }: Item) => seen.push(_id) < 99
    await cursor.forEach(takeSome)
    expect(seen).toEqual(Array.from({ length: 99 }, (_, i) => i + 2))
    expect(cursor.closed).toBe(true)
    expect(await cursor.next()).toBe(null)
  })

  it('for await left with break closes the cursor, which then holds nothing', async () => {
    const items = await numbered(300)
    const held = () => laura.statistics().openSnapshotCount
    const before = held()
    const cursor = items.find({}, { batchSize: 5 })
    for await (const { _id } of cursor) {
      expect(held()).toBe(before + 1)
      if (_id === 12) break
    }
    expect(cursor.closed).toBe(true)
    expect(held()).toBe(before)
    await using open = items.find({}, { batchSize: 5 })
    expect(await open.next()).not.toBe(null)
  })

  it('shows one moment, whatever is written meanwhile', async () => {
    const items = await numbered(200)
    const cursor = items.find({}, { batchSize: 10 })
    await cursor.next()
    await items.deleteMany({ _id: { $gte: 50 } })
    await items.updateMany({}, { $set: { n: -1 } })
    await items.insertOne({ _id: 1000 })
    const rest = await cursor.toArray()
    expect(rest).toHaveLength(199)
    expect(rest.some(({ n }) => n === -1)).toBe(false)
    expect(await items.countDocuments()).toBe(51)
  })

  it('gives the same documents one by one, all at once, and the rest after the first', async () => {
    const items = fresh()
    // The third batch is cut off by its size.
    const sizes = [1, 2000, 9_000_000, 9_000_000, 30, 0]
    await items.insertMany(sizes.map((size, i) => ({ _id: i, n: i, text: 'x'.repeat(size) })))
    for (const batchSize of [1, 4, 100]) {
      const single: Item[] = []
      for await (const item of items.find({}, { batchSize })) single.push(item)
      expect(single.map(({ text }) => text?.length)).toEqual(sizes)
      expect(await items.find({}, { batchSize }).toArray()).toEqual(single)
      const begun = items.find({}, { batchSize })
      expect(await begun.next()).toEqual(single[0])
      expect(await begun.toArray()).toEqual(single.slice(1))
      expect(await items.aggregate([{ $match: {} }], { batchSize }).toArray()).toEqual(single)
    }
    expect(await items.find({ _id: 1 }).toArray()).toEqual([{ _id: 1, n: 1, text: 'x'.repeat(2000) }])
    expect(await items.find({ _id: 7 }).toArray()).toEqual([])
  })

  it('cannot be changed once it runs, and tells errors of the filter', async () => {
    const items = await numbered(3)
    const cursor = items.find()
    await cursor.next()
    expect(() => cursor.limit(1)).toThrow(/already initialized/)
    await cursor.close()
    expect(await failure(items.find({ n: { $nope: 1 } }).toArray())).toMatchObject({
      code: 2,
      message: 'unknown operator: $nope',
    })
    expect(await failure(items.findOne({ $nope: 1 }))).toMatchObject({ code: 2 })
  })
})

describe('updating and deleting', () => {
  it('updateOne, updateMany and replaceOne count what they did', async () => {
    const items = await numbered(5)
    const none = { acknowledged: true, matchedCount: 0, modifiedCount: 0, upsertedCount: 0, upsertedId: null }
    expect(await items.updateOne({ _id: 1 }, { $inc: { n: 10 } })).toEqual({
      ...none,
      matchedCount: 1,
      modifiedCount: 1,
    })
    expect(await items.updateMany({ _id: { $lt: 3 } }, { $set: { text: 'x' } })).toMatchObject({ modifiedCount: 3 })
    expect(await items.updateMany({ text: 'x' }, { $set: { text: 'x' } })).toMatchObject({
      matchedCount: 3,
      modifiedCount: 0,
    })
    expect(await items.replaceOne({ _id: 4 }, { text: 'new' })).toMatchObject({ modifiedCount: 1 })
    expect(await items.findOne({ _id: 4 })).toEqual({ _id: 4, text: 'new' })
    expect(await items.updateOne({ _id: 99 }, { $set: { n: 1 } })).toEqual(none)
    expect(await items.updateOne({ _id: 99 }, { $set: { n: 1 } }, { upsert: true })).toEqual({
      ...none,
      upsertedCount: 1,
      upsertedId: 99,
    })
    expect(await items.deleteOne({ text: 'x' })).toEqual({ acknowledged: true, deletedCount: 1 })
    expect(await items.deleteMany({ text: 'x' })).toEqual({ acknowledged: true, deletedCount: 2 })
    expect(await items.deleteMany()).toMatchObject({ deletedCount: 3 })
  })

  it('does not take a replacement for an update, nor an update for a replacement', async () => {
    const items = await numbered(1)
    expect(await failure(items.updateOne({}, { n: 1 }))).toMatchObject({
      message: 'Update document requires atomic operators',
    })
    expect(await failure(items.replaceOne({}, { $set: { n: 1 } } as Item))).toMatchObject({
      message: 'Replacement document must not contain atomic operators',
    })
    expect(await items.find().toArray()).toEqual([{ _id: 0, n: 0 }])
  })

  it('findOneAndUpdate, findOneAndReplace and findOneAndDelete give the document before or after', async () => {
    const items = await numbered(3)
    expect(await items.findOneAndUpdate({ _id: 1 }, { $set: { text: 'a' } })).toEqual({ _id: 1, n: 1 })
    expect(await items.findOneAndUpdate({ _id: 1 }, { $set: { n: 5 } }, { returnDocument: 'after' })).toEqual({
      _id: 1,
      n: 5,
      text: 'a',
    })
    const replaced = { sort: { _id: -1 }, projection: { _id: 0 }, returnDocument: 'after' } as const
    expect(await items.findOneAndReplace({}, { text: 'z' }, replaced)).toEqual({ text: 'z' })
    expect(await items.findOneAndDelete({ n: { $gte: 0 } }, { sort: { n: -1 } })).toEqual({ _id: 1, n: 5, text: 'a' })
    expect(await items.findOneAndDelete({ _id: 77 })).toBe(null)
    expect(
      await items.findOneAndUpdate({ _id: 7 }, { $set: { n: 1 } }, { upsert: true, returnDocument: 'after' }),
    ).toEqual({ _id: 7, n: 1 })
    expect(ids(await items.find().sort({ _id: 1 }).toArray())).toEqual([0, 2, 7])
  })
})

describe('bulkWrite', () => {
  it('does operations of all kinds in order', async () => {
    const items = fresh()
    const result = await items.bulkWrite([
      { insertOne: { document: { _id: 1, n: 1 } } },
      { updateOne: { filter: { _id: 1 }, update: { $inc: { n: 1 } } } },
      { insertOne: { document: { _id: 2, n: 5 } } },
      { updateMany: { filter: {}, update: { $inc: { n: 10 } } } },
      { replaceOne: { filter: { _id: 3 }, replacement: { n: 3 }, upsert: true } },
      { deleteOne: { filter: { n: 15 } } },
      { deleteMany: { filter: { n: 77 } } },
    ])
    expect(result).toEqual({
      acknowledged: true,
      insertedCount: 2,
      matchedCount: 3,
      modifiedCount: 3,
      deletedCount: 1,
      upsertedCount: 1,
      insertedIds: { 0: 1, 2: 2 },
      upsertedIds: { 4: 3 },
    })
    expect(await items.find().sort({ _id: 1 }).toArray()).toEqual([
      { _id: 1, n: 12 },
      { _id: 3, n: 3 },
    ])
    await expect(items.bulkWrite([])).rejects.toThrow(/empty/)
  })

  it('stops at the first error when ordered, and names all of them when not', async () => {
    const operations = [
      { insertOne: { document: { _id: 1 } } },
      { insertOne: { document: { _id: 1 } } },
      { updateOne: { filter: { _id: 1 }, update: { $nope: { a: 1 } } } },
      { updateOne: { filter: { _id: 1 }, update: { $set: { n: 9 } } } },
    ]
    const items = fresh()
    const ordered = (await failure(items.bulkWrite(operations))) as BulkWriteError
    expect(ordered.writeErrors.map(({ index }) => index)).toEqual([1])
    expect(await items.find().toArray()).toEqual([{ _id: 1 }])
    await items.drop()
    const unordered = (await failure(items.bulkWrite(operations, { ordered: false }))) as BulkWriteError
    expect(unordered.writeErrors.map(({ index, error }) => [index, error.code])).toEqual([
      [1, 11000],
      [2, 9],
    ])
    expect(unordered.result).toMatchObject({ insertedCount: 1, modifiedCount: 1 })
    expect(await items.find().toArray()).toEqual([{ _id: 1, n: 9 }])
  })
})

describe('aggregating, indexes and collections', () => {
  it('aggregate gives a cursor over batches', async () => {
    const items = await numbered(250)
    const groups = await items
      .aggregate<{ _id: null; total: number }>([{ $group: { _id: null, total: { $sum: '$n' } } }])
      .toArray()
    expect(groups).toEqual([{ _id: null, total: (249 * 250) / 2 }])
    let count = 0
    for await (const _ of items.aggregate([{ $match: { n: { $gte: 50 } } }], { batchSize: 9 })) count++
    expect(count).toBe(200)
    expect(await failure(items.aggregate([{ $nope: {} }]).toArray())).toMatchObject({ code: 40324 })
  })

  it('indexes are made, unique or not, used and dropped', async () => {
    const items = await numbered(50)
    expect(await items.createIndex({ n: 1 }, { unique: true })).toBe('n_1')
    expect(await items.createIndex('text', { name: 'by text' })).toBe('by text')
    expect(await items.indexes()).toEqual([
      { v: 2, key: { _id: 1 }, name: '_id_' },
      { v: 2, key: { n: 1 }, name: 'n_1', unique: true },
      { v: 2, key: { text: 1 }, name: 'by text' },
    ])
    expect(await failure(items.insertOne({ _id: 'new', n: 7 }))).toMatchObject({
      code: 11000,
      details: { keyPattern: { n: 1 }, keyValue: { n: 7 } },
    })
    expect(await failure(items.findOneAndUpdate({ _id: 0 }, { $set: { n: 7 } }))).toMatchObject({
      code: 11000,
      details: { keyValue: { n: 7 } },
    })
    expect(await failure(items.updateOne({ _id: 0 }, { $set: { n: 7 } }))).toMatchObject({
      details: { keyValue: { n: 7 } },
    })
    expect(JSON.stringify(await items.find({ n: 7 }).explain())).toContain('n_1')
    await items.dropIndex('n_1')
    await items.dropIndexes()
    expect(await items.indexes()).toHaveLength(1)
    await items.insertOne({ _id: 'new', n: 7 })
  })

  it('collections are made, listed, renamed and dropped; commands run', async () => {
    const db = laura.db('catalog')
    await db.createCollection('a')
    await db.collection('b').insertOne({ x: 1 })
    expect((await db.listCollections()).map(({ name }) => name).sort()).toEqual(['a', 'b'])
    expect(await failure(db.collection('b').rename('a'))).toMatchObject({ code: 48 })
    const renamed = await db.collection('b').rename('a', { dropTarget: true })
    expect([renamed.namespace, await renamed.countDocuments()]).toEqual(['catalog.a', 1])
    expect(await db.command({ collStats: 'a' })).toMatchObject({ count: 1, ok: 1 })
    expect(await failure(db.command({ nope: 1 }))).toMatchObject({ code: 59, codeName: 'CommandNotFound' })
    expect(await db.dropCollection('a')).toBe(true)
    expect(await db.dropCollection('a')).toBe(false)
    expect(await db.dropDatabase()).toBe(true)
    expect((await laura.listDatabases()).map(({ name }) => name)).not.toContain('catalog')
  })
})

describe('the directory', () => {
  it('has everything again after it was closed, and after it was not', async () => {
    const dir = join(folder, 'again')
    const first = await open(dir)
    await first
      .db('d')
      .collection('c')
      .insertOne({ _id: 1 as never, text: 'kept' })
    await first.db('d').collection('c').createIndex({ text: 1 })
    await first.close()
    await using second = await open(dir)
    const items = second.db('d').collection('c')
    expect(await items.find({ text: 'kept' }).toArray()).toEqual([{ _id: 1, text: 'kept' }])
    expect((await items.indexes()).map(({ name }) => name)).toEqual(['_id_', 'text_1'])
    expect(await second.check()).toMatchObject({ problems: [], documents: 1 })
    await second.checkpoint()
    expect(second.statistics().bytesSinceCheckpoint).toBe(0)
  })

  it('is open only once', async () => {
    expect(await failure(open(join(folder, 'data')))).toMatchObject({ codeName: 'DBPathInUse' })
    const dir = join(folder, 'twice')
    const first = await open(dir)
    await expect(open(dir)).rejects.toMatchObject({ codeName: 'DBPathInUse' })
    await first.close()
    await (await open(dir)).close()
  })

  it('answers nothing more once it is closed', async () => {
    const closed = await open(join(folder, 'closed'))
    const items = closed.db('d').collection('c')
    await items.insertOne({ a: 1 })
    await closed.close()
    await expect(items.insertOne({ a: 2 })).rejects.toThrow()
    await expect(items.find().toArray()).rejects.toThrow()
    await expect(items.findOne()).rejects.toThrow()
  })
})
