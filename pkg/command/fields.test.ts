import { Decimal128, Double, Long } from 'bson'
import { expect, test } from 'vitest'
import { encodeDocument } from '../bson/convert.ts'
import { arrayType, booleanType, Fields, numberType, objectType, stringType } from './fields.ts'

const fields = new Fields('find', {
  filter: { type: objectType },
  limit: { type: numberType, min: 0, max: 100 },
  count: { type: numberType },
  flag: { type: booleanType },
  name: { type: stringType, required: true },
  list: { type: arrayType },
})
const at = fields.at

function read(document: object) {
  return fields.read(encodeDocument({ name: 'x', ...document }), 0)
}

function failure(action: () => unknown): unknown {
  try {
    action()
  } catch (error) {
    const { code, message } = error as { code: number; message: string }
    return [code, message]
  }
  return undefined
}

test('a field of the wrong type is refused with all types it may have', () => {
  expect(failure(() => read({ filter: 'a' }))).toEqual([
    14,
    "BSON field 'find.filter' is the wrong type 'string', expected type 'object'",
  ])
  expect(failure(() => read({ limit: 'a' }))).toEqual([
    14,
    "BSON field 'find.limit' is the wrong type 'string', expected types '[long, int, decimal, double]'",
  ])
  expect(failure(() => read({ flag: {} }))).toEqual([
    14,
    "BSON field 'find.flag' is the wrong type 'object', expected types '[bool, long, int, decimal, double]'",
  ])
})

test('unknown, repeated and missing fields are refused by name', () => {
  expect(failure(() => read({ foo: 1 }))).toEqual([40415, "BSON field 'find.foo' is an unknown field."])
  expect(failure(() => fields.read(encodeDocument({}), 0))).toEqual([
    40414,
    "BSON field 'find.name' is missing but a required field",
  ])
  const twice = Uint8Array.from([
    ...encodeDocument({ name: 'x' }).subarray(0, -1),
    ...encodeDocument({ name: 'x' }).subarray(4),
  ])
  twice[0] = twice.length
  expect(failure(() => fields.read(twice, 0))).toEqual([40413, "BSON field 'find.name' is a duplicate field"])
})

test('null counts as not given, but not for a required field', () => {
  const given = read({ limit: null, filter: null })
  expect(given.has(at.limit)).toBe(false)
  expect(given.document(at.filter)).toBeUndefined()
  expect(failure(() => read({ name: null }))).toEqual([40414, "BSON field 'find.name' is missing but a required field"])
})

test('a lenient table passes over fields it does not know', () => {
  const lenient = new Fields('hello', { hello: { type: numberType } }, { strict: false })
  expect(lenient.read(encodeDocument({ hello: 1, whatever: 2 }), 0).number(0)).toBe(1)
})

test.each([
  [1.9, 1],
  [-1.9, -1],
  [Number.NaN, 0],
  [Number.POSITIVE_INFINITY, 2 ** 63],
  [Long.fromString('9223372036854775807'), 2 ** 63],
  [Decimal128.fromString('0.5'), 0],
  [Decimal128.fromString('1.5'), 2],
  [Decimal128.fromString('2.5'), 2],
  [Decimal128.fromString('-1.5'), -2],
  [Decimal128.fromString('0.5000000000000000000000000000000001'), 1],
  [Decimal128.fromString('0.4999999999999999999999999999999999'), 0],
  [Decimal128.fromString('1.0'), 1],
  [Decimal128.fromString('12E3'), 12000],
  [Decimal128.fromString('9.99E+6144'), 2 ** 63],
  [Decimal128.fromString('NaN'), 0],
  [Decimal128.fromString('-Infinity'), -(2 ** 63)],
  [Decimal128.fromString('1E-6176'), 0],
])('the number %s is read as %d', (given, whole) => {
  expect(read({ count: given }).number(at.count)).toBe(whole)
})

test.each([
  [true, true],
  [0, false],
  [new Double(-0), false],
  [Number.NaN, true],
  [Long.fromNumber(0), false],
  [Decimal128.fromString('0E+3'), false],
  [Decimal128.fromString('NaN'), true],
  [Decimal128.fromString('0.1'), true],
])('the truth value %s is %s', (given, truth) => {
  expect(read({ flag: given }).boolean(at.flag)).toBe(truth)
})

test('bounds of a number are checked', () => {
  expect(failure(() => read({ limit: -1 }).number(at.limit))).toEqual([
    2,
    "BSON field 'limit' value must be >= 0, actual value '-1'",
  ])
  expect(failure(() => read({ limit: 101 }).number(at.limit))).toEqual([
    2,
    "BSON field 'limit' value must be <= 100, actual value '101'",
  ])
})

test('an array of documents gives their bytes, and anything else in it is refused by its position', () => {
  const documents = read({ list: [{ a: 1 }, { b: 2 }] }).documents(at.list)!
  expect(documents.map((bytes) => [...bytes])).toEqual([{ a: 1 }, { b: 2 }].map((d) => [...encodeDocument(d)]))
  expect(failure(() => read({ list: [{}, 1] }).documents(at.list))).toEqual([
    14,
    "BSON field 'find.list.1' is the wrong type 'int', expected type 'object'",
  ])
})
