/** Mongoose on top of the driver: models, validation, references, unique indexes, cursors. */
import { createConnection, type HydratedDocument, Schema, Types } from 'mongoose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runningServer } from './running-server.ts'

const server = runningServer()
const connection = createConnection()
beforeAll(() => connection.openUri(server.uri, { dbName: 'library' }))
afterAll(() => connection.close())

const authorSchema = new Schema(
  {
    name: { type: String, required: true, unique: true, trim: true },
    born: { type: Number, min: 0, max: 3000 },
    tags: [String],
    address: { city: String, geo: { type: Map, of: Number } },
  },
  { timestamps: true },
)
authorSchema.virtual('label').get(function () {
  return `${this.name} (${this.born})`
})
const Author = connection.model('Author', authorSchema)

const bookSchema = new Schema({
  title: { type: String, index: true },
  author: { type: Schema.Types.ObjectId, ref: 'Author' },
  price: Schema.Types.Decimal128,
  pages: Number,
  published: Date,
  notes: [{ by: String, text: String }],
})
const Book = connection.model('Book', bookSchema)

beforeAll(async () => {
  await Author.init()
  await Book.init()
})

describe('models', () => {
  it('make the indexes of their schemas', async () => {
    expect((await Author.listIndexes()).map(({ name, unique }) => [name, unique])).toEqual([
      ['_id_', undefined],
      ['name_1', true],
    ])
    expect((await Book.listIndexes()).map(({ name }) => name)).toEqual(['_id_', 'title_1'])
  })

  it('create, read, change and delete', async () => {
    const ada = await Author.create({ name: ' Ada ', born: 1815, address: { city: 'London', geo: { lat: 51.5 } } })
    expect(ada.name).toBe('Ada')
    const found = await Author.findById(ada._id).orFail()
    expect(found.get('label')).toBe('Ada (1815)')
    expect(found.address?.geo?.get('lat')).toBe(51.5)
    found.tags.push('mathematics', 'poetry')
    found.address!.city = 'Ockham'
    await found.save()
    found.tags = found.tags.filter((tag) => tag !== 'poetry')
    await found.save()
    const again = await Author.findOne({ tags: 'mathematics' }).orFail()
    expect([...again.tags]).toEqual(['mathematics'])
    expect(again.updatedAt.getTime()).toBeGreaterThanOrEqual(again.createdAt.getTime())
    expect(await Author.updateOne({ name: 'Ada' }, { $inc: { born: 1 } })).toMatchObject({ modifiedCount: 1 })
    expect((await Author.findOneAndUpdate({ name: 'Ada' }, { born: 1815 }, { returnDocument: 'after' }))?.born).toBe(
      1815,
    )
    await again.deleteOne()
    expect(await Author.exists({ name: 'Ada' })).toBe(null)
  })

  it('validate before anything is sent', async () => {
    await expect(Author.create({ born: 5000 })).rejects.toMatchObject({
      name: 'ValidationError',
      errors: { name: { kind: 'required' }, born: { kind: 'max' } },
    })
    expect(await Author.countDocuments()).toBe(0)
  })

  it('surface a duplicate of a unique field', async () => {
    await Author.create({ name: 'Grace' })
    await expect(Author.create({ name: 'Grace' })).rejects.toMatchObject({
      code: 11000,
      keyPattern: { name: 1 },
      keyValue: { name: 'Grace' },
    })
    await expect(
      Author.insertMany([{ name: 'Edsger' }, { name: 'Grace' }, { name: 'Donald' }], { ordered: false }),
    ).rejects.toMatchObject({ code: 11000 })
    expect((await Author.find().sort('name').lean()).map(({ name }) => name)).toEqual(['Donald', 'Edsger', 'Grace'])
    await Author.deleteMany({})
  })

  it('upsert, with defaults', async () => {
    const result = await Book.updateOne({ title: 'Notes' }, { $set: { pages: 3 } }, { upsert: true })
    expect(result.upsertedCount).toBe(1)
    expect((await Book.findOne({ title: 'Notes' }))?.pages).toBe(3)
    const put = await Book.findOneAndUpdate({ title: 'New' }, { pages: 1 }, { upsert: true, returnDocument: 'after' })
    expect(put?.title).toBe('New')
    await Book.deleteMany()
  })
})

describe('queries', () => {
  const authors: HydratedDocument<{ name: string; _id: Types.ObjectId }>[] = []

  beforeAll(async () => {
    for (const name of ['Mary', 'Percy'])
      authors.push((await Author.create({ name })) as unknown as (typeof authors)[0])
    await Book.insertMany(
      Array.from({ length: 250 }, (_, i) => ({
        title: `Book ${String(i).padStart(3, '0')}`,
        author: authors[i % 2]!._id,
        pages: i,
        price: Types.Decimal128.fromString(`${i}.50`),
        published: new Date(Date.UTC(2000, 0, 1 + i)),
        notes: [{ by: 'reader', text: `note ${i}` }],
      })),
    )
  })

  it('populate references', async () => {
    const [first] = await Book.find({ pages: { $lt: 3 } })
      .sort({ pages: -1 })
      .populate<{ author: { name: string } }>('author')
    expect(first?.title).toBe('Book 002')
    expect(first?.author.name).toBe('Mary')
    const all = await Book.find({ pages: { $gte: 240 } }).populate<{ author: { name: string } }>('author', 'name -_id')
    expect(new Set(all.map(({ author }) => author.name))).toEqual(new Set(['Mary', 'Percy']))
  })

  it('lean documents are what is stored', async () => {
    const lean = await Book.findOne({ pages: 7 }, { title: 1, price: 1, _id: 0 }).lean()
    expect(JSON.parse(JSON.stringify(lean))).toEqual({ title: 'Book 007', price: { $numberDecimal: '7.50' } })
    expect(lean).not.toHaveProperty('save')
  })

  it('cast, chain and count', async () => {
    expect(await Book.countDocuments({ author: String(authors[0]!._id) })).toBe(125)
    const page = await Book.where('pages').gte(10).lt(20).sort('-pages').skip(2).limit(3).select('pages')
    expect(page.map(({ pages }) => pages)).toEqual([17, 16, 15])
    expect(await Book.find({ published: { $gte: new Date('2000-09-01') } }).countDocuments()).toBe(6)
    expect(await Book.distinct('author')).toHaveLength(2)
    expect(await Book.estimatedDocumentCount()).toBe(250)
    expect(await Book.findOne({ 'notes.text': 'note 33' }).then((book) => book?.pages)).toBe(33)
  })

  it('walk with a cursor', async () => {
    let sum = 0
    for await (const { pages } of Book.find().cursor({ batchSize: 20 })) sum += pages!
    expect(sum).toBe((249 * 250) / 2)
  })

  it('aggregate', async () => {
    const groups = await Book.aggregate<{ _id: Types.ObjectId; n: number; most: number }>()
      .match({ pages: { $gte: 100 } })
      .group({ _id: '$author', n: { $sum: 1 }, most: { $max: '$pages' } })
      .sort({ most: 1 })
    expect(groups.map(({ n, most }) => [n, most])).toEqual([
      [75, 248],
      [75, 249],
    ])
  })

  it('write in bulk', async () => {
    const result = await Book.bulkWrite<{ title: string; pages: number }>([
      { updateMany: { filter: { pages: { $lt: 10 } }, update: { $set: { pages: 0 } } } },
      { deleteOne: { filter: { title: 'Book 249' } } },
      { insertOne: { document: { title: 'Another', pages: 1 } } },
    ])
    expect(result).toMatchObject({ modifiedCount: 9, deletedCount: 1, insertedCount: 1 })
  })
})
