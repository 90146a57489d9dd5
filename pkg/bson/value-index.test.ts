import fc from 'fast-check'
import { expect, test } from 'vitest'
import { equal } from './order.ts'
import { closeNumbers, decimalValue, valueArbitrary } from './testdata/arbitrary.ts'
import type { Value } from './type.ts'
import { doubleValue, int32Value, int64Value, stringValue } from './value.ts'
import { ValueIndex } from './value-index.ts'

function distinctByComparing(values: readonly Value[]): Value[] {
  return values.filter((value, i) => values.findIndex((other) => equal(other, value)) === i)
}

function expectAsByComparing(values: readonly Value[], sought: readonly Value[]): void {
  const distinct = distinctByComparing(values)
  const index = new ValueIndex()
  expect(values.filter(({ type, bytes, start }) => index.add(type, bytes, start))).toEqual(distinct)
  expect(index.size).toBe(distinct.length)
  for (const value of [...values, ...sought]) {
    expect(index.indexOf(value.type, value.bytes, value.start)).toBe(distinct.findIndex((other) => equal(other, value)))
  }
}

test('values of any type are found as by comparing them', () => {
  const close = closeNumbers.map((pair) => [...pair])
  const some = fc
    .array(
      fc.oneof(
        valueArbitrary.map((value) => [value]),
        close,
      ),
      { maxLength: 12 },
    )
    .map((lists) => lists.flat())
  fc.assert(fc.property(some, some, expectAsByComparing), { numRuns: 300 })
})

test('numbers are found by what they are, of whatever type', () => {
  const texts = [
    '0',
    '-0',
    '0.1',
    '0.5',
    '1',
    '1.0',
    '9007199254740993',
    '9223372036854775807',
    'NaN',
    '-Infinity',
    '1E+6000',
  ]
  const wholes = [0n, 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 62n, 2n ** 63n - 1n, -(2n ** 63n)]
  const doubles = [0, -0, 0.1, 0.5, 1, 2 ** 53, 2 ** 62, 2 ** 63, -(2 ** 63), Number.NaN, -Infinity, 5e-324]
  const numbers = [
    ...[0, 1, -1].map(int32Value),
    ...wholes.map(int64Value),
    ...doubles.map(doubleValue),
    ...texts.map(decimalValue),
  ]
  expectAsByComparing(numbers, [])
  expectAsByComparing(numbers.toReversed(), [])
  expectAsByComparing([], [...numbers, stringValue('1')])
})
