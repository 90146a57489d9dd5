import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareBytes, encodeKey, KeyWriter, keyEnd } from './key.ts'
import { compare, equal } from './order.ts'
import { closeNumbers, decimalValue, numberArbitrary, valueArbitrary } from './testdata/arbitrary.ts'
import type { Value } from './type.ts'
import { doubleValue, int32Value, int64Value, objectIdValue, stringValue } from './value.ts'

function keyOf(value: Value, descending = false): Uint8Array {
  const writer = new KeyWriter(1)
  encodeKey(writer, value.type, value.bytes, value.start, descending)
  return writer.finish()
}

function compareKeys(a: Uint8Array, b: Uint8Array): number {
  return Math.sign(compareBytes(a, 0, a.length, b, 0, b.length)) + 0
}

function expectSameOrder(a: Value, b: Value): void {
  const order = Math.sign(compare(a, b)) + 0
  expect(compareKeys(keyOf(a), keyOf(b))).toBe(order)
  expect(compareKeys(keyOf(b, true), keyOf(a, true))).toBe(order)
  expect(equal(a, b)).toBe(order === 0)
}

const hex = (value: Value) => Buffer.from(keyOf(value)).toString('hex')

test('keys of numbers of all four types sort as the numbers compare', () => {
  fc.assert(fc.property(numberArbitrary, numberArbitrary, expectSameOrder), { numRuns: 20_000 })
})

test('keys tell numbers apart that differ by little, and only those', () => {
  fc.assert(
    fc.property(closeNumbers, ([a, b]) => expectSameOrder(a, b)),
    { numRuns: 20_000 },
  )
})

test('keys of values of all types sort as the values compare', () => {
  fc.assert(fc.property(valueArbitrary, valueArbitrary, expectSameOrder), { numRuns: 10_000 })
})

test('no key is the beginning of another, and keyEnd finds where one ends whatever follows', () => {
  const direction = fc.boolean()
  fc.assert(
    fc.property(valueArbitrary, direction, valueArbitrary, direction, (a, aDown, b, bDown) => {
      const writer = new KeyWriter()
      writer.byte(0xff)
      encodeKey(writer, a.type, a.bytes, a.start, aDown)
      const middle = writer.length
      encodeKey(writer, b.type, b.bytes, b.start, bDown)
      const end = writer.length
      expect(keyEnd(writer.finish(), 1)).toBe(middle)
      expect(keyEnd(writer.finish(), middle)).toBe(end)
      const [aKey, bKey] = [keyOf(a), keyOf(b)]
      if (aKey.length < bKey.length) {
        expect(compareBytes(aKey, 0, aKey.length, bKey, 0, aKey.length)).not.toBe(0)
      }
    }),
    { numRuns: 10_000 },
  )
})

test('equal numbers of different types have one key', () => {
  const keys = [
    int32Value(5),
    int64Value(5),
    doubleValue(5),
    decimalValue('5'),
    decimalValue('5.000'),
    decimalValue('500E-2'),
  ]
  expect(new Set(keys.map(hex))).toEqual(new Set(['1e0a']))
  expect(hex(doubleValue(-0))).toBe(hex(int32Value(0)))
  expect(hex(decimalValue('-0E+100'))).toBe(hex(int32Value(0)))
  expect(hex(doubleValue(5.5))).toBe(hex(decimalValue('5.50')))
  expect(hex(doubleValue(2 ** 63))).toBe(hex(decimalValue('9223372036854775808')))
  expect(hex(int64Value(-(2n ** 63n)))).toBe(hex(doubleValue(-(2 ** 63))))
  expect(hex(doubleValue(Number.NaN))).toBe(hex(decimalValue('NaN')))
  expect(hex(doubleValue(2 ** -20))).toBe(hex(decimalValue('9.5367431640625E-7')))
})

test('numbers that differ by less than a double can tell have different keys', () => {
  expect(hex(doubleValue(0.1))).not.toBe(hex(decimalValue('0.1')))
  expect(compareKeys(keyOf(doubleValue(0.1)), keyOf(decimalValue('0.1')))).toBe(1)
  expect(compareKeys(keyOf(int64Value(2n ** 53n + 1n)), keyOf(doubleValue(2 ** 53)))).toBe(1)
  expect(compareKeys(keyOf(decimalValue('1E400')), keyOf(doubleValue(Number.MAX_VALUE)))).toBe(1)
  expect(compareKeys(keyOf(decimalValue('1E400')), keyOf(doubleValue(Infinity)))).toBe(-1)
  expect(compareKeys(keyOf(decimalValue('1E-400')), keyOf(doubleValue(Number.MIN_VALUE)))).toBe(-1)
  expect(compareKeys(keyOf(decimalValue('1E-400')), keyOf(int32Value(0)))).toBe(1)
  expect(compareKeys(keyOf(decimalValue('4.95E-324')), keyOf(doubleValue(Number.MIN_VALUE)))).toBe(1)
  expect(compareKeys(keyOf(decimalValue('4.94E-324')), keyOf(doubleValue(Number.MIN_VALUE)))).toBe(-1)
  expect(compareKeys(keyOf(decimalValue('36028797018963968.1')), keyOf(doubleValue(2 ** 55)))).toBe(1)
})

test('the bytes are those of the format document', () => {
  expect(hex(int32Value(0))).toBe('1c')
  expect(hex(int32Value(1))).toBe('1e02')
  expect(hex(int32Value(-1))).toBe('1afd')
  expect(hex(int32Value(127))).toBe('1efe')
  expect(hex(int32Value(128))).toBe('1f0100')
  expect(hex(int32Value(-(2 ** 31)))).toBe('16feffffffff')
  expect(hex(doubleValue(1.5))).toBe('1e0380000000000000')
  expect(hex(doubleValue(0.5))).toBe('1d7fc0000000000000')
  expect(hex(decimalValue('5.000000000000000000000000000000001'))).toBe(
    '1e0b' + '00000000000001' + '2000' + '33' + '01'.repeat(15) + '02' + '00',
  )
  expect(hex(stringValue('a\0\u0001b'))).toBe('306101010102' + '6200')
  expect(hex(objectIdValue(new Uint8Array(12).fill(7)))).toBe('40' + '07'.repeat(12))
})
