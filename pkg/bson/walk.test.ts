import { deserialize, Long, ObjectId, serialize } from 'bson'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { timestampOf } from '../base/timestamp.ts'
import { buildArray, buildDocument, rawDocument } from './build.ts'
import { documentArbitrary } from './testdata/arbitrary.ts'
import { bsonType, canonicalRank, isBsonType, typeAlias, typeOfAlias } from './type.ts'
import { isUtf8, readUtf8, utf8Bytes } from './utf8.ts'
import {
  documentFields,
  documentOf,
  doubleValue,
  getField,
  int32Value,
  int64Value,
  nullValue,
  numberOf,
  readDouble,
  readInt64,
  readInt64Number,
  readString,
  readTimestamp,
  stringOf,
  stringValue,
  timestampValue,
  truthy,
  undefinedValue,
} from './value.ts'
import { ElementWalker, findField, valueEnd } from './walk.ts'
import { BsonWriter } from './writer.ts'

const names = (bytes: Uint8Array) => [...documentFields(bytes)].map((field) => field.name)

test('a walk visits every element in order, and copying each gives the same bytes', () => {
  const writer = new BsonWriter(1)
  fc.assert(
    fc.property(documentArbitrary, (bytes) => {
      const walker = new ElementWalker().reset(bytes, 0)
      writer.reset().beginDocument()
      while (walker.next()) {
        expect(valueEnd(bytes, walker.type, walker.valueStart)).toBe(walker.valueEnd)
        writer.element(walker.type, bytes, walker.nameStart, walker.nameEnd, bytes, walker.valueStart, walker.valueEnd)
      }
      writer.end()
      expect(writer.finish()).toEqual(bytes)
      writer.reset().beginDocument()
      for (const field of documentFields(bytes)) writer.value(field.name, field)
      writer.end()
      expect(writer.finish()).toEqual(bytes)
    }),
    { numRuns: 2000 },
  )
})

test('findField rests on the first field of exactly that name', () => {
  const bytes = serialize({ a: 1, ab: 'x', abc: { a: 5 }, b: true })
  const walker = new ElementWalker()
  const found = ['a', 'ab', 'abc', 'b'].map((name) => {
    expect(findField(walker, bytes, 0, utf8Bytes(name))).toBe(true)
    expect(walker.name()).toBe(name)
    expect(walker.nameIs(utf8Bytes(name))).toBe(true)
    return walker.type
  })
  expect(found).toEqual([bsonType.int32, bsonType.string, bsonType.document, bsonType.boolean])
  for (const name of ['', 'abcd', 'c', 'B']) expect(findField(walker, bytes, 0, utf8Bytes(name))).toBe(false)
  expect(findField(walker, bytes, getField(bytes, 'abc')!.start, utf8Bytes('a'))).toBe(true)
  expect(numberOf(walker.value())).toBe(5)
  const twice = new BsonWriter()
  twice.beginDocument()
  twice.int32('a', 1)
  twice.int32('a', 2)
  twice.end()
  expect(numberOf(getField(twice.finish(), 'a')!)).toBe(1)
})

test('after findField a walk goes on with the next element', () => {
  const bytes = buildDocument({ a: 1, b: 2, c: 3 })
  const walker = new ElementWalker()
  findField(walker, bytes, 0, utf8Bytes('b'))
  expect(walker.next()).toBe(true)
  expect(walker.name()).toBe('c')
  expect(walker.next()).toBe(false)
  expect(walker.next()).toBe(false)
})

test('what is built reads back through the official BSON library', () => {
  const id = new ObjectId()
  const bytes = buildDocument({
    int: -5,
    wide: 2 ** 40,
    long: -(2n ** 60n),
    double: 1.5,
    zero: -0,
    text: 'größe 😀',
    longText: 'é'.repeat(500),
    yes: true,
    no: null,
    when: new Date(-12345),
    list: [1, 'two', [3], undefined],
    nested: { deep: { er: 1 } },
    left: undefined,
    raw: rawDocument(buildDocument({ x: 1 })),
    value: stringValue('v'),
    binary: new Uint8Array([1, 2]),
    id: { type: bsonType.objectId, bytes: id.id, start: 0, end: 12 },
  })
  expect(deserialize(bytes, { promoteBuffers: true })).toEqual({
    int: -5,
    wide: 2 ** 40,
    long: Long.fromBigInt(-(2n ** 60n)),
    double: 1.5,
    zero: -0,
    text: 'größe 😀',
    longText: 'é'.repeat(500),
    yes: true,
    no: null,
    when: new Date(-12345),
    list: [1, 'two', [3], null],
    nested: { deep: { er: 1 } },
    raw: { x: 1 },
    value: 'v',
    binary: Buffer.from([1, 2]),
    id,
  })
  expect(getField(bytes, 'int')!.type).toBe(bsonType.int32)
  expect(getField(bytes, 'wide')!.type).toBe(bsonType.double)
  expect(names(buildArray(['a', 'b']))).toEqual(['0', '1'])
  expect(() => buildDocument({ f: () => 1 })).toThrow('cannot build BSON from a function (field f)')
})

test('a writer grows, nests, and can be used again', () => {
  const writer = new BsonWriter(1)
  for (const round of [1, 2]) {
    writer.reset().beginDocument()
    writer.beginDocument('sub')
    writer.beginArray('list')
    for (let index = 0; index < 500; index++) writer.int64(String(index), index * round)
    writer.end()
    writer.end()
    writer.timestamp('ts', timestampOf(7, 3))
    writer.string('s', 'x'.repeat(3000))
    writer.end()
    const bytes = writer.finish()
    const back = deserialize(bytes)
    expect(back['sub'].list[499]).toBe(499 * round)
    expect(back['s']).toHaveLength(3000)
    expect(readTimestamp(bytes, getField(bytes, 'ts')!.start)).toBe(timestampOf(7, 3))
  }
  expect(() => writer.end()).toThrow('without a begin')
  writer.reset().beginDocument()
  expect(() => writer.finish()).toThrow('still open')
})

test('a field name with a null byte is refused', () => {
  const writer = new BsonWriter()
  writer.beginDocument()
  expect(() => writer.int32('a\0b', 1)).toThrow('null byte')
})

test('numbers are read as they were written', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.double(),
      fc.maxSafeInteger(),
      (long, double, safe) => {
        expect(readInt64(int64Value(long).bytes, 0)).toBe(long)
        expect(readDouble(doubleValue(double).bytes, 0)).toBe(double)
        expect(readInt64(int64Value(safe).bytes, 0)).toBe(BigInt(safe))
        expect(readInt64Number(int64Value(safe).bytes, 0)).toBe(safe + 0)
      },
    ),
  )
})

test('text of any length and content survives', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
      const value = stringValue(text)
      expect(stringOf(value)).toBe(text)
      expect(readString(value.bytes, 0)).toBe(text)
      expect(isUtf8(value.bytes, 4, value.end)).toBe(true)
    }),
  )
  expect(stringOf(stringValue('\ud800'))).toBe('\ufffd')
})

test('isUtf8 agrees with the strict decoder', () => {
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const byte = fc.constantFrom(
    0x41,
    0x7f,
    0x80,
    0x8f,
    0x90,
    0x9f,
    0xa0,
    0xbf,
    0xc0,
    0xc1,
    0xc2,
    0xdf,
    0xe0,
    0xe1,
    0xec,
    0xed,
    0xee,
    0xef,
    0xf0,
    0xf1,
    0xf4,
    0xf5,
    0xff,
  )
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 6 }), (list) => {
      const bytes = Uint8Array.from(list)
      let expected: string | undefined
      try {
        expected = strict.decode(bytes)
      } catch {
        expected = undefined
      }
      expect(isUtf8(bytes, 0, bytes.length)).toBe(expected !== undefined)
      if (expected !== undefined) expect(readUtf8(bytes, 0, bytes.length)).toBe(expected)
    }),
    { numRuns: 20_000 },
  )
})

test('truth is MongoDB’s', () => {
  expect([int32Value(0), doubleValue(-0), int64Value(0n), nullValue, undefinedValue].map(truthy)).not.toContain(true)
  expect([int32Value(1), doubleValue(Number.NaN), stringValue(''), int64Value(2n ** 53n)].map(truthy)).not.toContain(
    false,
  )
})

test('documentOf gives the bytes of a nested document', () => {
  const bytes = buildDocument({ a: { b: 1 } })
  expect(documentOf(getField(bytes, 'a')!)).toEqual(buildDocument({ b: 1 }))
})

test('every type has a name, a rank and its way back', () => {
  for (const type of Object.values(bsonType)) {
    expect(typeOfAlias(typeAlias(type))).toBe(type)
    expect(canonicalRank(type)).toBeGreaterThan(0)
  }
  expect(typeOfAlias('number')).toBeUndefined()
  expect([0, 20, 128].map(isBsonType)).toEqual([false, false, false])
  expect(timestampValue(timestampOf(1, 2)).bytes).toEqual(Uint8Array.from([2, 0, 0, 0, 1, 0, 0, 0]))
})
