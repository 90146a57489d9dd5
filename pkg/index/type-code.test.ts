import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeKey, KeyWriter } from '../bson/key.ts'
import { type NumberForm, writeKeyValue } from '../bson/key-value.ts'
import { bsonType } from '../bson/type.ts'
import { utf8Bytes } from '../bson/utf8.ts'
import {
  booleanValue,
  dateValue,
  doubleValue,
  int32Value,
  int64Value,
  maxKeyValue,
  minKeyValue,
  nullValue,
  objectIdValue,
  stringValue,
  undefinedValue,
  type Value,
  valueAt,
} from '../bson/value.ts'
import { BsonWriter } from '../bson/writer.ts'
import { typeCode, typeCodeOf } from './type-code.ts'

const forms: readonly NumberForm[] = ['asKeySays', 'double', 'int64', 'negativeZero']

const values: fc.Arbitrary<Value> = fc.oneof(
  fc.integer().map(int32Value),
  fc.integer({ min: -300, max: 300 }).map(int32Value),
  fc.double().map(doubleValue),
  fc.integer({ min: -300, max: 300 }).map((n) => doubleValue(n / 4)),
  fc.maxSafeInteger().map((n) => doubleValue(n)),
  fc.constantFrom(0, -0, 2 ** 31, -(2 ** 31), -(2 ** 63), 5e-324, 1.5, -2.25, Infinity, -Infinity).map(doubleValue),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(int64Value),
  fc.maxSafeInteger().map((n) => int64Value(BigInt(n))),
  fc.integer({ min: -9, max: 9 }).map((n) => int64Value(BigInt(n))),
  fc.string({ unit: 'binary' }).map(stringValue),
  fc.constantFrom('', '\0', '\u0001', 'a\0\u0001\u0002b').map(stringValue),
  fc.uint8Array({ minLength: 12, maxLength: 12 }).map((id) => objectIdValue(id)),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((ms) => dateValue(ms)),
  fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => valueAt(bsonType.timestamp, bytes, 0, 8)),
  fc.boolean().map(booleanValue),
  fc.constantFrom(nullValue, undefinedValue, minKeyValue, maxKeyValue),
)

test('a key gives back exactly what its code does not call lost, be it ascending or descending', () => {
  let given = 0
  fc.assert(
    fc.property(values, fc.boolean(), ({ type, bytes, start, end }, descending) => {
      const code = typeCodeOf(type, bytes, start)
      if (code === typeCode.lost) return
      given++
      const key = new KeyWriter()
      key.byte(7)
      encodeKey(key, type, bytes, start, descending)
      const length = key.length
      key.byte(9)
      const into = new BsonWriter(8)
      expect(writeKeyValue(into, utf8Bytes('f\0'), key.finish(), 1, forms[code]!)).toBe(length)
      const wanted = [type, 0x66, 0, ...bytes.subarray(start, end)]
      expect([...into.bytes.subarray(0, into.length)]).toEqual(wanted)
    }),
    { numRuns: 5000 },
  )
  expect(given).toBeGreaterThan(3000)
})
