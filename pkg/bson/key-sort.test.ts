import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeKey } from './key.ts'
import { sortedByKeys } from './key-sort.ts'
import { compare } from './order.ts'
import { valueArbitrary } from './testdata/arbitrary.ts'
import type { Value } from './type.ts'
import { doubleValue, int32Value, stringValue } from './value.ts'

function expectAsByComparing(values: readonly Value[]): void {
  for (const descending of [false, true]) {
    const direction = descending ? -1 : 1
    const sorted = sortedByKeys(values, ({ type, bytes, start }, key) => encodeKey(key, type, bytes, start, descending))
    const expected = values.toSorted((a, b) => direction * compare(a, b))
    expect(sorted.every((value, i) => value === expected[i])).toBe(true)
  }
}

test('values are sorted as by comparing them, equal ones as they come', () => {
  fc.assert(fc.property(fc.array(valueArbitrary, { maxLength: 30 }), expectAsByComparing), { numRuns: 300 })
})

test.each<[string, (n: number, i: number) => Value]>([
  ['whole numbers', (n) => int32Value(n - 5000)],
  ['few numbers of two types', (n, i) => (i % 2 === 0 ? int32Value(n % 50) : doubleValue(n % 50))],
  ['fractions', (n) => doubleValue((n - 5000) / 7)],
  ['short texts', (n) => stringValue(String(n))],
  ['long texts alike', (n) => stringValue(`${'x'.repeat(30)}${n % 100}${'y'.repeat(10)}${n}`)],
  ['texts with zeros', (n) => stringValue('\0'.repeat(n % 20))],
  ['all equal', () => int32Value(1)],
])('many are, too: %s', (_, make) => {
  for (const length of [70, 1000, 20_000]) {
    expectAsByComparing(Array.from({ length }, (_, i) => make((i * 7919) % 10_007, i)))
  }
})
