/** What goes in through the official driver comes out as it went in: every BSON type, byte for byte. */
import {
  Binary,
  BSON,
  BSONRegExp,
  BSONSymbol,
  Code,
  DBRef,
  Decimal128,
  type Document,
  Double,
  Int32,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
  UUID,
} from 'mongodb'
import { expect, it } from 'vitest'
import { runningServer } from './running-server.ts'

const server = runningServer()
const collection = () => server.client.db('values').collection('c')

const values: Record<string, unknown> = {
  double: new Double(1.5),
  integralDouble: new Double(3),
  negativeZero: new Double(-0),
  nan: new Double(Number.NaN),
  infinity: new Double(Number.POSITIVE_INFINITY),
  tiny: new Double(Number.MIN_VALUE),
  string: 'text',
  emptyString: '',
  unicode: 'Größe 漢字 🦊 e\u0301 \u0000 inside',
  document: { a: { b: { c: {} } } },
  integerLikeNames: new Map([
    ['2', 'two'],
    ['1', 'one'],
    ['10', 'ten'],
  ]),
  array: [1, 'two', null, [], [[{}]]],
  binary: new Binary(Buffer.from([0, 1, 255]), 0),
  emptyBinary: new Binary(Buffer.alloc(0), 0),
  oldBinary: new Binary(Buffer.from([1, 2, 3]), 2),
  userBinary: new Binary(Buffer.from('user'), 0x80),
  vector: Binary.fromFloat32Array(new Float32Array([1, 2.5])),
  uuid: new UUID('0123456789abcdef0123456789abcdef'.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')),
  objectId: new ObjectId('00112233445566778899aabb'),
  true: true,
  false: false,
  date: new Date(1.7e12),
  earlyDate: new Date(-8.64e15),
  lateDate: new Date(8.64e15),
  null: null,
  regex: new BSONRegExp('^a.*"b"', 'ims'),
  dbRef: new DBRef('other', new ObjectId('00112233445566778899aabb'), 'db'),
  code: new Code('function () { return 1 }'),
  codeWithScope: new Code('x', { y: 1, z: [new Int32(2)] }),
  symbol: new BSONSymbol('sym'),
  int32: new Int32(-2147483648),
  int64: Long.MAX_VALUE,
  smallInt64: Long.fromNumber(1),
  negativeInt64: Long.MIN_VALUE,
  timestamp: new Timestamp({ t: 4294967295, i: 4294967295 }),
  decimal: Decimal128.fromString('1.10E+6144'),
  trailingZeros: Decimal128.fromString('1.500'),
  negativeDecimalZero: Decimal128.fromString('-0E-6176'),
  decimalNan: Decimal128.fromString('NaN'),
  minKey: new MinKey(),
  maxKey: new MaxKey(),
}

const raw = { promoteValues: false, promoteLongs: false, promoteBuffers: false, bsonRegExp: true, raw: true } as const

it.each(Object.keys(values))('%s comes back byte for byte', async (name) => {
  const document = { _id: name, value: values[name], nested: { list: [values[name]] } }
  const bytes = BSON.serialize(document)
  await collection().insertOne(document as Document)
  const found = (await collection().findOne({ _id: name as never }, raw)) as unknown as Uint8Array
  expect(Buffer.from(found)).toEqual(Buffer.from(bytes))
  // And through an update and the pipeline, which take the value out of one document and put it into another.
  await collection().updateOne({ _id: name as never }, { $set: { copied: values[name] } })
  const [grouped] = (await collection()
    .aggregate([{ $match: { _id: name } }, { $group: { _id: '$copied' } }], raw)
    .toArray()) as unknown as Uint8Array[]
  // An object of the driver is a plain document to the server.
  expect(Buffer.from(grouped!)).toEqual(Buffer.from(BSON.serialize({ _id: values[name] })))
})

it('each type that may be an _id finds its document, and only that', async () => {
  const ids = server.client.db('values').collection('ids')
  const refused = ['array', 'regex']
  // The driver puts an ObjectId in the place of null.
  const replaced = ['null']
  const equalToOthers = ['trailingZeros', 'decimalNan', 'negativeDecimalZero']
  const allowed = Object.entries(values).filter(([name]) => ![...refused, ...replaced, ...equalToOthers].includes(name))
  await ids.insertMany(allowed.map(([name, _id]) => ({ _id, name }) as Document))
  for (const [name, _id] of allowed) {
    const found = await ids.find({ _id: { $eq: _id as ObjectId } }, { projection: { name: 1, _id: 0 } }).toArray()
    expect(found).toEqual([{ name }])
  }
  for (const name of refused) {
    await expect(ids.insertOne({ _id: values[name] } as Document)).rejects.toThrow(/_id/)
  }
})

it('equal numbers of other types are the same _id', async () => {
  const ids = server.client.db('values').collection('numbers')
  await ids.insertOne({ _id: new Int32(7) } as Document)
  for (const _id of [Long.fromNumber(7), new Double(7), Decimal128.fromString('7.0')]) {
    await expect(ids.insertOne({ _id } as Document)).rejects.toMatchObject({ code: 11000 })
    expect(await ids.countDocuments({ _id: _id as never })).toBe(1)
  }
})

it('names of fields, collections and databases may be any text', async () => {
  const names = ['größe', '漢字', '🦊', 'with space', "quote'd", 'a-b', '__proto__', 'constructor', '0']
  const db = server.client.db('größe')
  for (const name of names) {
    await db.collection(name).insertOne(BSON.deserialize(BSON.serialize(new Map([[name, name]]))))
    const bytes = (await db.collection(name).findOne({}, raw)) as unknown as Uint8Array
    expect(Object.entries(BSON.deserialize(bytes))).toContainEqual([name, name])
  }
  expect((await db.listCollections().toArray()).map(({ name }) => name).sort()).toEqual([...names].sort())
})

it('a document of almost 16 MiB is stored, found and changed; one beyond is refused', async () => {
  const big = server.client.db('values').collection<{ _id: number; text: string; n?: number }>('big')
  const text = 'ab'.repeat(7.5 * 2 ** 20)
  await big.insertOne({ _id: 1, text })
  await big.insertMany([2, 3].map((_id) => ({ _id, text })))
  await big.updateOne({ _id: 1 }, { $set: { n: 1 } })
  for await (const found of big.find()) expect(found.text === text).toBe(true)
  expect(await big.findOne({ n: 1 }, { projection: { text: 0 } })).toEqual({ _id: 1, n: 1 })
  await expect(big.updateOne({ _id: 1 }, { $set: { more: text.slice(0, 2 ** 21) } })).rejects.toThrow(
    'Resulting document after update is larger than 16777216',
  )
  await expect(big.insertOne({ _id: 4, text: text + text.slice(0, 1.5 * 2 ** 20) })).rejects.toMatchObject({
    code: 10334,
  })
  expect(await big.countDocuments({})).toBe(3)
  await big.drop()
})

it('deep documents are stored, and none gets deeper than 180 levels', async () => {
  const nest = (levels: number): object => (levels === 1 ? { end: 1 } : { a: nest(levels - 1) })
  const deep = server.client.db('values').collection<{ _id: number }>('deep')
  await deep.insertOne({ _id: 1, ...nest(180) })
  expect(await deep.findOne()).toEqual({ _id: 1, ...nest(180) })
  await expect(deep.insertOne({ _id: 2, ...nest(181) })).rejects.toThrow(/exceeds 180 levels of nesting/)
  await expect(deep.insertOne({ _id: 2, ...nest(250) })).rejects.toThrow(/exceeds maximum nested object depth: 200/)
  await expect(deep.replaceOne({ _id: 1 }, nest(181))).rejects.toMatchObject({ code: 15 })
  await expect(deep.updateOne({ _id: 1 }, { $set: { [`${'a.'.repeat(179)}end`]: nest(10) } })).rejects.toMatchObject({
    code: 15,
  })
  expect(await deep.find().toArray()).toEqual([{ _id: 1, ...nest(180) }])
})
