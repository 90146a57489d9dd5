import fc from 'fast-check'
import { expect, test } from 'vitest'
import { timestampOf } from '../base/timestamp.ts'
import { buildDocument } from './build.ts'
import { formatDecimal, readDecimal128 } from './decimal128.ts'
import { compare, equal } from './order.ts'
import { closeNumbers, decimalValue, numberArbitrary, valueArbitrary } from './testdata/arbitrary.ts'
import { bsonType, type Value } from './type.ts'
import {
  arrayValue,
  binaryValue,
  booleanValue,
  dateValue,
  documentValue,
  doubleValue,
  getField,
  int32Value,
  int64Value,
  maxKeyValue,
  minKeyValue,
  nullValue,
  objectIdValue,
  readDouble,
  readInt32,
  readInt64,
  regexValue,
  stringValue,
  timestampValue,
  undefinedValue,
} from './value.ts'

const document = (object: Record<string, unknown>) => documentValue(buildDocument(object))
const array = (...elements: unknown[]) => getField(buildDocument({ list: elements }), 'list')!

test('types come in the canonical order', () => {
  const ladder = [
    minKeyValue,
    undefinedValue,
    nullValue,
    doubleValue(Number.NaN),
    doubleValue(-Infinity),
    int32Value(7),
    decimalValue('Infinity'),
    stringValue(''),
    document({}),
    array(),
    binaryValue(new Uint8Array()),
    objectIdValue(new Uint8Array(12)),
    booleanValue(false),
    booleanValue(true),
    dateValue(-5),
    timestampValue(timestampOf(0, 0)),
    regexValue('', ''),
    { ...stringValue('f'), type: bsonType.code },
    maxKeyValue,
  ]
  for (const [at, lower] of ladder.entries()) {
    expect(compare(lower, lower)).toBe(0)
    for (const upper of ladder.slice(at + 1)) {
      expect(compare(lower, upper)).toBeLessThan(0)
      expect(compare(upper, lower)).toBeGreaterThan(0)
    }
  }
})

test('a symbol compares with a string by its text', () => {
  const symbol = { ...stringValue('b'), type: bsonType.symbol }
  expect(compare(symbol, stringValue('b'))).toBe(0)
  expect(compare(symbol, stringValue('a'))).toBeGreaterThan(0)
})

test('strings compare by UTF-8 bytes, not by UTF-16 units', () => {
  expect(compare(stringValue('\uffff'), stringValue('\u{10000}'))).toBeLessThan(0)
  expect(compare(stringValue('a'), stringValue('a\0'))).toBeLessThan(0)
})

test('documents compare by type, then name, then value of each field', () => {
  expect(compare(document({ z: 1 }), document({ a: 'x' }))).toBeLessThan(0)
  expect(compare(document({ a: 2 }), document({ b: 1 }))).toBeLessThan(0)
  expect(compare(document({ a: 1, b: 2 }), document({ a: 1 }))).toBeGreaterThan(0)
  expect(equal(document({ a: 1 }), document({ a: 1.5 - 0.5 }))).toBe(true)
  expect(equal(document({ a: 1, b: 2 }), document({ b: 2, a: 1 }))).toBe(false)
})

test('arrays compare element by element, the shorter first', () => {
  expect(compare(array(1, 2), array(1, 3))).toBeLessThan(0)
  expect(compare(array(1), array(1, null))).toBeLessThan(0)
  expect(compare(array(2), array(1, 9))).toBeGreaterThan(0)
  expect(compare(arrayValue(buildDocument({ x: 1 })), arrayValue(buildDocument({ y: 1 })))).toBe(0)
})

test('binaries compare by length, then subtype, then bytes', () => {
  expect(compare(binaryValue(new Uint8Array([9])), binaryValue(new Uint8Array([0, 0])))).toBeLessThan(0)
  expect(compare(binaryValue(new Uint8Array([9]), 1), binaryValue(new Uint8Array([0]), 2))).toBeLessThan(0)
  expect(compare(binaryValue(new Uint8Array([200]), 0), binaryValue(new Uint8Array([3]), 0))).toBeGreaterThan(0)
})

test('dates are signed and timestamps are not', () => {
  expect(compare(dateValue(-1), dateValue(0))).toBeLessThan(0)
  const high = { ...int64Value(-1n), type: bsonType.timestamp }
  const low = { ...int64Value(1n), type: bsonType.timestamp }
  expect(compare(high, low)).toBeGreaterThan(0)
})

/** A number as an exact fraction; NaN and the infinities as strings. */
function fraction(value: Value): { over: bigint; under: bigint } | string {
  if (value.type === bsonType.int32) return { over: BigInt(readInt32(value.bytes, value.start)), under: 1n }
  if (value.type === bsonType.int64) return { over: readInt64(value.bytes, value.start), under: 1n }
  if (value.type === bsonType.double) {
    let n = readDouble(value.bytes, value.start)
    if (!Number.isFinite(n)) return String(n)
    let under = 1n
    for (; !Number.isInteger(n); n *= 2) under *= 2n
    return { over: BigInt(n), under }
  }
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:E([+-]\d+))?$/.exec(formatDecimal(readDecimal128(value.bytes, value.start)))
  if (match === null) return formatDecimal(readDecimal128(value.bytes, value.start))
  const exponent = Number(match[4] ?? 0) - (match[3]?.length ?? 0)
  const digits = BigInt(match[1]! + match[2]! + (match[3] ?? ''))
  if (exponent >= 0) return { over: digits * 10n ** BigInt(exponent), under: 1n }
  return { over: digits, under: 10n ** BigInt(-exponent) }
}

const outside = new Map([
  ['NaN', -2],
  ['-Infinity', -1],
  ['Infinity', 1],
])

function compareFractions(a: Value, b: Value): number {
  const x = fraction(a)
  const y = fraction(b)
  if (typeof x === 'string' || typeof y === 'string') {
    const place = (f: typeof x) => (typeof f === 'string' ? outside.get(f)! : 0)
    return Math.sign(place(x) - place(y))
  }
  const difference = x.over * y.under - y.over * x.under
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

test('numbers of all four types compare as exact fractions do', () => {
  fc.assert(
    fc.property(numberArbitrary, numberArbitrary, (a, b) => {
      expect(Math.sign(compare(a, b))).toBe(compareFractions(a, b))
    }),
    { numRuns: 20_000 },
  )
  fc.assert(
    fc.property(closeNumbers, ([a, b]) => {
      expect(Math.sign(compare(a, b)) + 0).toBe(compareFractions(a, b))
    }),
    { numRuns: 10_000 },
  )
})

test('the order is antisymmetric and transitive', () => {
  fc.assert(
    fc.property(fc.array(valueArbitrary, { minLength: 3, maxLength: 6 }), (values) => {
      const sorted = values.toSorted(compare)
      for (const [at, a] of sorted.entries()) {
        for (const b of sorted.slice(at)) {
          expect(compare(a, b)).toBeLessThanOrEqual(0)
          expect(Math.sign(compare(b, a))).toBe(0 - Math.sign(compare(a, b)))
        }
      }
    }),
    { numRuns: 1_500 },
  )
})

test('a value behind other bytes compares as one that stands alone', () => {
  const bytes = buildDocument({ skip: 'xyz', a: 'mm', b: 2 ** 40 })
  expect(equal(getField(bytes, 'a')!, stringValue('mm'))).toBe(true)
  expect(equal(getField(bytes, 'b')!, int64Value(2 ** 40))).toBe(true)
})
