import { describe, expect, test } from 'vitest'
import { buildDocument } from '../../bson/build.ts'
import { compareBytes, encodeKey, KeyWriter } from '../../bson/key.ts'
import { getField, nullValue, undefinedValue, type Value } from '../../bson/value.ts'
import { compileSort } from './key.ts'
import { parseSort } from './parse.ts'

function key(sort: Record<string, unknown>, document: Record<string, unknown>): Uint8Array {
  const writer = new KeyWriter()
  compileSort(parseSort(buildDocument(sort)))(buildDocument(document), 0, writer)
  return writer.finish()
}

function keyOf(...values: readonly (readonly [unknown, boolean])[]): Uint8Array {
  const writer = new KeyWriter()
  for (const [value, descending] of values) {
    const { type, bytes, start } = getField(buildDocument({ value }), 'value') as Value
    encodeKey(writer, type, bytes, start, descending)
  }
  return writer.finish()
}

describe('a sort key', () => {
  test('is that of the value, or of null where there is none', () => {
    expect(key({ a: 1 }, { a: 5 })).toEqual(keyOf([5, false]))
    expect(key({ a: -1 }, { a: 5 })).toEqual(keyOf([5, true]))
    expect(key({ 'a.b': 1 }, { a: { b: 'x' } })).toEqual(keyOf(['x', false]))
    for (const document of [{}, { a: 1 }, { a: { c: 1 } }]) {
      expect(key({ 'a.b': 1 }, document)).toEqual(keyOf([nullValue, false]))
    }
  })

  test('of an array is its least element upwards and its greatest downwards', () => {
    expect(key({ a: 1 }, { a: [3, 1, 2] })).toEqual(keyOf([1, false]))
    expect(key({ a: -1 }, { a: [3, 1, 2] })).toEqual(keyOf([3, true]))
    expect(key({ a: 1 }, { a: [] })).toEqual(keyOf([undefinedValue, false]))
    expect(key({ 'a.b': 1 }, { a: [] })).toEqual(keyOf([nullValue, false]))
    expect(key({ 'a.b': 1 }, { a: [{ b: 7 }, { b: [5, 9] }] })).toEqual(keyOf([5, false]))
    expect(key({ 'a.b': -1 }, { a: [{ b: 7 }, 1] })).toEqual(keyOf([7, true]))
    expect(key({ a: 1 }, { a: [[2], [1]] })).toEqual(keyOf([[1], false]))
  })

  test('a numeric part names a position', () => {
    expect(key({ 'a.1': 1 }, { a: [9, 4] })).toEqual(keyOf([4, false]))
    expect(key({ 'a.1.b': 1 }, { a: [{ b: 9 }, { b: 4 }] })).toEqual(keyOf([4, false]))
  })

  test('of several parts takes them from the same element of an array', () => {
    const document = {
      a: [
        { b: 2, c: 1 },
        { b: 1, c: 9 },
        { b: 1, c: 8 },
      ],
    }
    expect(key({ 'a.b': 1, 'a.c': 1 }, document)).toEqual(keyOf([1, false], [8, false]))
    expect(key({ 'a.b': 1, 'a.c': -1 }, document)).toEqual(keyOf([1, false], [9, true]))
    expect(key({ x: 1, 'a.c': 1 }, { ...document, x: 0 })).toEqual(keyOf([0, false], [1, false]))
  })

  test('of two different arrays is refused', () => {
    expect(() => key({ a: 1, b: 1 }, { a: [1], b: [2] })).toThrow('cannot sort with keys that are parallel arrays')
  })

  test('orders by memcmp', () => {
    const documents = [
      {},
      { a: 1 },
      { a: 2.5 },
      { a: 'a' },
      { a: 'b' },
      { a: { x: 1 } },
      { a: true },
      { a: new Date(0) },
    ]
    const keys = documents.map((document) => key({ a: 1 }, document))
    const reverse = documents.map((document) => key({ a: -1 }, document))
    for (let i = 1; i < documents.length; i++) {
      expect(compareBytes(keys[i - 1]!, 0, keys[i - 1]!.length, keys[i]!, 0, keys[i]!.length)).toBeLessThan(0)
      const [x, y] = [reverse[i - 1]!, reverse[i]!]
      expect(compareBytes(x, 0, x.length, y, 0, y.length)).toBeGreaterThan(0)
    }
  })
})

describe('a sort that is wrong', () => {
  const codeOf = (sort: Record<string, unknown>): number => {
    try {
      parseSort(buildDocument(sort))
    } catch (error) {
      return (error as { code: number }).code
    }
    return 0
  }
  test('gets its code', () => {
    expect(codeOf({ a: 1, 'b.c': -1, d: 1n, e: -1.0 })).toBe(0)
    expect(codeOf({ a: 'asc' })).toBe(15974)
    expect(codeOf({ a: 2 })).toBe(15975)
    expect(codeOf({ a: 0 })).toBe(15975)
    expect(codeOf({ a: { $meta: 'textScore' } })).toBe(40218)
    expect(codeOf({ a: { $meta: 'nonsense' } })).toBe(31138)
    expect(codeOf({ a: { $meta: 'textScore', b: 1 } })).toBe(9)
    expect(codeOf({ a: { b: 1 } })).toBe(17312)
    expect(codeOf({ '': 1 })).toBe(40352)
    expect(codeOf({ 'a.': 1 })).toBe(40353)
    expect(codeOf({ 'a..b': 1 })).toBe(15998)
    expect(codeOf({ 'a.$b': 1 })).toBe(16410)
    expect(codeOf({ $natural: 1, a: 1 })).toBe(2)
    expect(codeOf(Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`f${i}`, 1])))).toBe(13103)
  })
})
