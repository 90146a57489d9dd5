import { strict as assert } from 'node:assert'
import { createRequire } from 'node:module'
import { runInNewContext } from 'node:vm'
import {
  Binary,
  BSONRegExp,
  Code,
  DBRef,
  Double,
  deserialize,
  Int32,
  Long,
  ObjectId,
  serialize,
  Timestamp,
  UUID,
} from 'bson'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DatabaseError } from '../base/errors.ts'
import { SeededRandom } from '../sim/random.ts'
import { DocumentEncoder, decodeDocument, decodeValue, encodeDocument, encodeDocumentWithId } from './convert.ts'
import { ObjectIdGenerator } from './objectid.ts'
import { anyName, objects, scalar } from './testdata/driver-values.ts'
import { bsonType } from './type.ts'
import { BsonWriter } from './writer.ts'

const options = { ignoreUndefined: true }

function driverBytes(object: object): Uint8Array {
  return new Uint8Array(serialize(object, options))
}

function refusal(body: () => unknown): DatabaseError {
  try {
    body()
  } catch (error) {
    if (error instanceof DatabaseError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('encodeDocument', () => {
  it('gives the bytes that the driver gives, for all types', () => {
    fc.assert(
      fc.property(objects(anyName), (object) => {
        assert.deepEqual(Buffer.from(encodeDocument(object)), Buffer.from(driverBytes(object)))
      }),
      { numRuns: 800 },
    )
  })

  it('gives the bytes that the driver gives, for objects of every kind', () => {
    class Point {
      x = 1
      y = 2
      get sum() {
        return this.x + this.y
      }
      method() {
        return 1
      }
    }
    class Money {
      toBSON() {
        return { amount: 5n }
      }
    }
    const cases: object[] = [
      {},
      { a: undefined, b: [undefined, null], c: () => 1 },
      new Map<string, unknown>([
        ['b', 1],
        [
          'a',
          new Map([
            ['10', 1],
            ['9', 2],
          ]),
        ],
        ['u', undefined],
      ]),
      new Point(),
      { p: new Point() },
      new Money(),
      { m: new Money(), list: [new Money()] },
      { n: Object.assign(Object.create({ inherited: 1 }), { own: 2 }) },
      { n: Object.assign(Object.create(null), { own: 2 }) },
      { toBSON: () => ({ replaced: true }) },
      { boxed: new String('ab'), number: new Number(5) },
      { floats: new Float64Array([1.5, 2]) },
      { invalid: new Date(Number.NaN) },
      { holes: Object.assign(new Array(3), { 0: 1, 2: 3 }) as unknown[] },
      { wide: Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`field${i}`, i])) },
      { long: Array.from({ length: 1500 }, (_, i) => i) },
      { text: 'x'.repeat(100_000), more: 'é'.repeat(100_000), lone: '\ud800' },
      { unsigned: Long.fromString('18446744073709551615', true) },
      { [`${'long '.repeat(30)}é`]: 1 },
      { db: new DBRef('db.things', new ObjectId()) },
    ]
    for (const object of cases) assert.deepEqual(Buffer.from(encodeDocument(object)), Buffer.from(driverBytes(object)))
  })

  it('takes the classes of another copy of the package, and values of another realm', () => {
    const other = createRequire(import.meta.url)('bson') as typeof import('bson')
    expect(other.ObjectId).not.toBe(ObjectId)
    const hex = '0123456789abcdef01234567'
    const make = (
      bson: typeof import('bson') | { ObjectId: typeof ObjectId; Long: typeof Long; Binary: typeof Binary },
    ) => ({
      id: new bson.ObjectId(hex),
      long: bson.Long.fromNumber(2 ** 40),
      binary: new bson.Binary(new Uint8Array([1, 2, 3]), 5),
    })
    expect(encodeDocument(make(other))).toEqual(driverBytes(make({ ObjectId, Long, Binary })))
    const foreign = runInNewContext(
      '({ d: new Date(5), r: /a/i, m: new Map([["k", 1]]), b: new Uint8Array([1]), o: { x: [1] } })',
    )
    const own = { d: new Date(5), r: /a/i, m: new Map([['k', 1]]), b: new Uint8Array([1]), o: { x: [1] } }
    expect(encodeDocument(foreign)).toEqual(driverBytes(own))
  })

  it('leaves no gap where an array holds a function', () => {
    expect(encodeDocument({ a: [1, () => 2, 3] })).toEqual(driverBytes({ a: [1, 3] }))
  })

  it('refuses what cannot be stored, and says why', () => {
    const cyclic: Record<string, unknown> = { a: 1 }
    cyclic.self = { list: [cyclic] }
    expect(refusal(() => encodeDocument(cyclic)).message).toMatch(/circular/)
    const map = new Map<string, unknown>()
    map.set('m', { map })
    expect(refusal(() => encodeDocument(map)).message).toMatch(/circular/)
    for (const value of [
      Symbol('s'),
      2n ** 63n,
      new Set([1]),
      new ArrayBuffer(2),
      Promise.resolve(),
      { _bsontype: 'Elephant' },
    ]) {
      expect(refusal(() => encodeDocument({ a: value })).codeName).toBe('BadValue')
    }
    expect(refusal(() => encodeDocument({ 'a\0b': 1 })).message).toMatch(/null byte/)
    expect(refusal(() => encodeDocument({ a: new Map([[1, 2]]) })).codeName).toBe('BadValue')
    expect(refusal(() => encodeDocument({ a: { _bsontype: 'Long', low: 'x', high: 0 } })).codeName).toBe('BadValue')
    for (const root of [[1], new ObjectId(), new Date(), /a/, new Uint8Array(3), null as unknown as object]) {
      expect(refusal(() => encodeDocument(root)).codeName).toBe('BadValue')
    }
  })

  it('takes 201 levels and refuses 202', () => {
    const nested = (levels: number): object => (levels === 1 ? {} : { a: nested(levels - 1) })
    expect(encodeDocument(nested(201))).toEqual(driverBytes(nested(201)))
    expect(refusal(() => encodeDocument(nested(202))).codeName).toBe('Overflow')
    let arrays: unknown = []
    for (let i = 0; i < 201; i++) arrays = [arrays]
    expect(refusal(() => encodeDocument({ a: arrays })).codeName).toBe('Overflow')
  })

  it('refuses a small object that stands for an enormous document', () => {
    let doubled: unknown = 'x'.repeat(1000)
    for (let i = 0; i < 60; i++) doubled = [doubled, doubled]
    expect(refusal(() => encodeDocument({ doubled })).codeName).toBe('BSONObjectTooLarge')
  })

  it('never writes again to what it returned', () => {
    const objectsIn = Array.from({ length: 3000 }, (_, i) => ({
      i,
      text: 'x'.repeat(i % 200),
      blob: i % 100 === 0 ? 'y'.repeat(70_000) : '',
    }))
    const encoded = objectsIn.map((object) => encodeDocument(object))
    expect(refusal(() => encodeDocument({ a: 1, b: Symbol('s') })).codeName).toBe('BadValue')
    encoded.forEach((bytes, i) => {
      expect(decodeDocument(bytes)).toEqual(objectsIn[i])
    })
  })

  it('may be called from within toBSON', () => {
    const inner = { toBSON: () => ({ bytes: new Binary(encodeDocument({ deep: 1 })) }) }
    expect(encodeDocument({ a: 1, inner, b: 2 })).toEqual(driverBytes({ a: 1, inner, b: 2 }))
  })
})

describe('encodeDocumentWithId', () => {
  const random = { next: () => 0.5, bytes: (length: number) => new Uint8Array(length).fill(7) }
  const generator = new ObjectIdGenerator(random, () => 1_700_000_000_000)

  it('puts _id first wherever it was', () => {
    const id = new ObjectId()
    for (const object of [
      { _id: id, a: 1 },
      { a: 1, _id: id },
      new Map<string, unknown>([
        ['a', 1],
        ['_id', id],
      ]),
    ]) {
      const result = encodeDocumentWithId(object, generator)
      expect(result.bytes).toEqual(driverBytes({ _id: id, a: 1 }))
      expect(result.id).toBe(id)
    }
  })

  it('makes an ObjectId when there is none, and leaves the object alone', () => {
    const object = { a: 1, _id: undefined }
    const { bytes, id } = encodeDocumentWithId(object, generator)
    expect(id).toBeInstanceOf(ObjectId)
    expect((id as ObjectId).getTimestamp()).toEqual(new Date(1_700_000_000_000))
    expect(bytes).toEqual(driverBytes({ _id: id, a: 1 }))
    expect(object).toEqual({ a: 1, _id: undefined })
  })

  it('keeps an _id of null', () => {
    expect(encodeDocumentWithId({ a: 1, _id: null }, generator)).toEqual({
      bytes: driverBytes({ _id: null, a: 1 }),
      id: null,
    })
  })
})

describe('DocumentEncoder', () => {
  it('appends documents to a writer and leaves it as it was after an error', () => {
    const writer = new BsonWriter(16)
    const encoder = new DocumentEncoder()
    encoder.write({ a: 1 }, writer)
    expect(refusal(() => encoder.write({ a: 'x'.repeat(100), b: Symbol('s') }, writer)).codeName).toBe('BadValue')
    encoder.write({ b: 'x' }, writer)
    expect(Buffer.from(writer.finish())).toEqual(Buffer.concat([driverBytes({ a: 1 }), driverBytes({ b: 'x' })]))
  })
})

/** Of one shape nearly always; texts of all lengths up to 40 characters. In some `az` stands for what is no UTF-8. */
function randomMember(random: SeededRandom): object {
  const number = (): number =>
    [random.integer(1000), -0, Number.NaN, random.next() * 1e9, -random.integer(2 ** 31)][random.integer(5)]!
  const text = (): unknown => {
    const bytes = new Uint8Array(random.integer(41)).map(() => 97 + random.integer(5))
    if (random.integer(8) === 0 && bytes.length > 0) bytes[random.integer(bytes.length)] = 128 + random.integer(128)
    if (random.integer(8) === 0 && bytes.length > 1) bytes.set([0x61, 0x7a], random.integer(bytes.length - 1))
    return Buffer.from(bytes).toString('latin1')
  }
  const element = (): unknown => (random.integer(40) === 0 ? null : random.integer(2) === 0 ? text() : number())
  return {
    _id: new ObjectId(),
    name: text(),
    n: number(),
    when: new Date(random.integer(2 ** 31) * (random.integer(2) === 0 ? -1e3 : 1e3)),
    on: random.integer(2) === 0,
    none: random.integer(20) === 0 ? 1 : null,
    list: Array.from({ length: random.integer(7) }, element),
    inner: random.integer(30) === 0 ? {} : { text: text(), more: element() },
  }
}

describe('decodeDocument', () => {
  it('gives what the driver gives, for all types', () => {
    fc.assert(
      fc.property(objects(anyName), (object) => {
        const bytes = driverBytes(object)
        assert.deepStrictEqual(decodeDocument(bytes), deserialize(bytes))
      }),
      { numRuns: 800 },
    )
  })

  it('gives the same once a shape is known, whatever the types and the neighbours', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(anyName, { minLength: 1, maxLength: 8 }),
        fc.array(scalar, { minLength: 60, maxLength: 60 }),
        (names, values) => {
          for (let i = 0; i < 60; i++) {
            const object: Record<string, unknown> = {}
            names.forEach((name, position) => {
              if ((i + position) % 7 === 0) return
              const value = values[(i + position) % 60]
              Object.defineProperty(object, name, {
                value: position === 2 ? { [names[0]!]: value, list: [{ inner: value }] } : value,
                enumerable: true,
                writable: true,
                configurable: true,
              })
            })
            const bytes = driverBytes(object)
            assert.deepStrictEqual(decodeDocument(bytes), deserialize(bytes))
            assert.deepEqual(Object.keys(decodeDocument(bytes)), Object.keys(deserialize(bytes)))
          }
        },
      ),
      { numRuns: 60 },
    )
  })

  it('gives the same when documents of one shape have now and then another value, name or length', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(anyName, { minLength: 3, maxLength: 12 }),
        fc.array(scalar, { minLength: 12, maxLength: 12 }),
        fc.array(scalar, { minLength: 20, maxLength: 20 }),
        (names, usual, others) => {
          for (let i = 0; i < 140; i++) {
            const object: Record<string, unknown> = {}
            names.forEach((name, position) => {
              const odd = i > 70 && (i * 7 + position) % 23 === 0
              if (odd && i % 3 === 0) return
              let value = odd ? others[i % 20] : usual[position]
              if (position === 1) value = { [names[0]!]: value, deep: { [names[2]!]: usual[3] } }
              if (position === 2) value = odd ? [1, { inner: value }] : ['a', 1, 2.5, 'b']
              Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true })
            })
            if (i % 31 === 30) object.further = i
            const bytes = driverBytes(object)
            assert.deepStrictEqual(decodeDocument(bytes), deserialize(bytes))
            assert.deepEqual(Object.keys(decodeDocument(bytes)), Object.keys(deserialize(bytes)))
          }
        },
      ),
      { numRuns: 60 },
    )
  })

  it('gives the same where a document ends sooner, at the very end of its bytes', () => {
    const names = ['_id', 'a', 'ab', 'abc', 'abcd', 'abcde', 'a much longer name of a field', '0']
    const values = [new ObjectId(), 1, 2.5, 'text', true, null, new Date(-1), ['x', 'y'], { a: 1 }, 2 ** 40]
    const whole = Object.fromEntries(names.map((name, i) => [name, values[i]]))
    const train = (): void => {
      const bytes = driverBytes(whole)
      for (let i = 0; i < 80; i++) assert.deepStrictEqual(decodeDocument(bytes), deserialize(bytes))
    }
    for (let count = 0; count <= names.length; count++) {
      for (const value of values) {
        for (const last of ['b', 'abcdf', 'a much longer nama of a field', 'a much longer name of a fiel', '']) {
          train()
          const object: Record<string, unknown> = {}
          for (const name of names.slice(0, count)) object[name] = whole[name]
          for (const bytes of [driverBytes(object), driverBytes({ ...object, [last]: value })]) {
            assert.deepStrictEqual(decodeDocument(bytes), deserialize(bytes))
          }
        }
      }
    }
  })

  it('gives the same when one letter of a name is another, or one more', () => {
    const names = Array.from({ length: 12 }, (_, i) => 'abcdefghijkl'.slice(0, i + 1))
    const bytesOf = (fields: readonly string[]): Uint8Array =>
      driverBytes(Object.fromEntries(fields.map((name, i) => [name, i])))
    const bytes = bytesOf(names)
    const others = names.map((name, i) => bytesOf(names.with(i, `${name}z`)))
    for (let at = 5; at < bytes.length - 1; at++) if (bytes[at]! >= 97) others.push(bytes.with(at, 0x7a))
    const pairs = others.map((other) => [bytes, other])
    // What is read in the wrong place may look like the rest of the document.
    for (const name of names) pairs.push([driverBytes({ [name]: false }), driverBytes({ [`${name}z`]: false })])
    for (const [known, other] of pairs) {
      for (let i = 0; i < 80; i++) assert.deepStrictEqual(decodeDocument(known!), deserialize(known!))
      assert.deepStrictEqual(decodeDocument(other!), deserialize(other!))
    }
  })

  it('gives the same wherever documents of a known shape lie', () => {
    const random = new SeededRandom(11)
    const slabs = [9000, 5000, 4096, 700].map((size) => ({ bytes: new Uint8Array(size), starts: [] as number[] }))
    const expected = new Map<string, unknown>()
    slabs.forEach(({ bytes, starts }, slab) => {
      for (let at = random.integer(9); ; ) {
        const document = driverBytes(randomMember(random)).map((byte, i, all) =>
          byte === 0x7a && all[i - 1] === 0x61 ? 0xff : byte,
        )
        if (at + document.length > bytes.length) break
        bytes.set(document, at)
        expected.set(`${slab} ${at}`, deserialize(document, { validation: { utf8: false } }))
        starts.push(at)
        at += document.length + random.integer(4)
      }
    })
    for (let i = 0; i < 4000; i++) {
      const slab = random.integer(slabs.length)
      const { bytes, starts } = slabs[slab]!
      const at = starts[random.integer(starts.length)]!
      assert.deepStrictEqual(decodeDocument(bytes, at), expected.get(`${slab} ${at}`))
    }
  })

  it('gives the same where longer texts are made together', () => {
    const random = new SeededRandom(12)
    const names = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth']
    const text = (): string => {
      const letters = 'abcdefghijklmnopqrstuvwxyz'.repeat(4).slice(random.integer(26)).slice(0, random.integer(80))
      return random.integer(9) > 0
        ? letters
        : `${letters.slice(0, letters.length / 2)}é${letters.slice(letters.length / 2)}`
    }
    const usual = {
      ...Object.fromEntries(names.map((name, i) => [name, name.repeat(4 + i)])),
      inner: { text: 'x'.repeat(30) },
    }
    const usualBytes = driverBytes(usual)
    for (let i = 0; i < 80; i++) assert.deepStrictEqual(decodeDocument(usualBytes), usual)
    for (let i = 0; i < 3000; i++) {
      const fields = Object.fromEntries(names.map((name) => [name, random.integer(20) === 0 ? i : text()]))
      const bytes = driverBytes({ ...fields, inner: { text: text() } })
      // The strings of one document are not those of the next.
      const before = decodeDocument(usualBytes)
      assert.deepStrictEqual(decodeDocument(bytes), deserialize(bytes))
      assert.deepStrictEqual(before, usual)
    }
  })

  it('makes __proto__ a field, also by a compiled shape', () => {
    const object = JSON.parse('{ "a": 1, "__proto__": { "polluted": true }, "b": 2 }') as object
    const bytes = driverBytes(object)
    for (let i = 0; i < 100; i++) {
      const decoded = decodeDocument(bytes)
      expect(Object.keys(decoded)).toEqual(['a', '__proto__', 'b'])
      expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype)
      expect((decoded as { polluted?: boolean }).polluted).toBeUndefined()
    }
  })

  it('takes the last of fields with one name', () => {
    const writer = new BsonWriter()
    writer.beginDocument()
    writer.int32('a', 1)
    writer.int32('b', 2)
    writer.int32('a', 3)
    writer.end()
    const bytes = writer.finish()
    for (let i = 0; i < 100; i++) expect(decodeDocument(bytes)).toEqual({ a: 3, b: 2 })
  })

  it('goes on without limits of memory for documents that have data for names', () => {
    for (let i = 0; i < 30_000; i++) {
      const object = { [`key${i}`]: i, inner: { [`k${i}`]: i } }
      if (i % 97 === 0) expect(decodeDocument(encodeDocument(object))).toEqual(object)
      else decodeDocument(encodeDocument(object))
    }
    const common = { _id: 1, name: 'x', inner: { a: 1 } }
    for (let i = 0; i < 100; i++) expect(decodeDocument(encodeDocument(common))).toEqual(common)
  })

  it('keeps the order of documents wider than any shape', () => {
    const object = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`f${i}`, { i }]))
    const bytes = driverBytes(object)
    for (let i = 0; i < 40; i++) assert.deepStrictEqual(decodeDocument(bytes), object)
  })

  it('shares no memory with the bytes', () => {
    const bytes = driverBytes({
      b: new Binary(new Uint8Array([1, 2, 3])),
      u: new UUID('00112233445566778899aabbccddeeff'),
      i: new ObjectId(),
    })
    const before = deserialize(bytes.slice())
    const decoded = decodeDocument(bytes)
    bytes.fill(0xff)
    assert.deepStrictEqual(decoded, before)
  })

  it('gives a BSONRegExp where JavaScript has no such regular expression', () => {
    const bytes = driverBytes({ r: new BSONRegExp('(?i)a(', 'ix') })
    expect(decodeDocument(bytes)).toEqual({ r: new BSONRegExp('(?i)a(', 'ix') })
  })

  it('tells a DBRef from a document that has further $ fields', () => {
    for (const object of [
      { $ref: 'c', $id: 1 },
      { $ref: 'c', $id: 1, $db: 'd', x: 1 },
      { $ref: 'c', $id: 1, $x: 1 },
      { $ref: 1, $id: 1 },
      { $ref: 'c', $id: null },
      { $ref: 'c', $id: 1, $db: 1 },
      { $ref: 'c' },
      { x: 1, $id: 2, $ref: 'c' },
    ]) {
      for (const whole of [object, { a: object }, { a: [object] }, { a: new Code('f', object) }]) {
        const bytes = driverBytes(whole)
        for (let i = 0; i < 40; i++) assert.deepStrictEqual(decodeDocument(bytes), deserialize(bytes))
      }
    }
  })

  it('decodes from the middle of a buffer', () => {
    const bytes = Buffer.concat([Buffer.from([1, 2, 3]), driverBytes({ a: 'x' }), Buffer.from([9])])
    expect(decodeDocument(bytes, 3)).toEqual({ a: 'x' })
  })
})

describe('decodeValue', () => {
  it('decodes single values', () => {
    const at = 4 + 1 + 2
    expect(decodeValue(bsonType.string, driverBytes({ a: 'text' }), at)).toBe('text')
    expect(decodeValue(bsonType.array, driverBytes({ a: [1, { b: 2 }] }), at)).toEqual([1, { b: 2 }])
    expect(decodeValue(bsonType.document, driverBytes({ a: { b: [3] } }), at)).toEqual({ b: [3] })
    expect(decodeValue(bsonType.timestamp, driverBytes({ a: new Timestamp({ t: 1, i: 2 }) }), at)).toEqual(
      new Timestamp({ t: 1, i: 2 }),
    )
    expect(decodeValue(bsonType.double, driverBytes({ a: new Double(3) }), at)).toBe(3)
    expect(decodeValue(bsonType.int32, driverBytes({ a: new Int32(3) }), at)).toBe(3)
  })
})
