import { expect, test } from 'vitest'
import { buildDocument } from '../bson/build.ts'
import { encodeKey, KeyWriter } from '../bson/key.ts'
import type { Value } from '../bson/value.ts'
import { getField, nullValue, undefinedValue } from '../bson/value.ts'
import { KeyExtractor, KeySet } from './extract.ts'

function hexKeys(path: string, document: Record<string, unknown>): { keys: string[]; multikey: boolean } {
  const set = new KeySet()
  new KeyExtractor([{ path, descending: false, kind: 'ordered' }], false).extract(buildDocument(document), 0, set)
  const keys = Array.from({ length: set.count }, (_, i) =>
    Buffer.from(set.writer.bytes.subarray(set.starts[i]!, set.ends[i]!)).toString('hex'),
  )
  return { keys, multikey: set.multikey }
}

function keyOf(value: unknown): string {
  const writer = new KeyWriter()
  const document = buildDocument({ v: value })
  const field: Value = value === null ? nullValue : value === undefined ? undefinedValue : getField(document, 'v')!
  encodeKey(writer, field.type, field.bytes, field.start)
  return Buffer.from(writer.bytes.subarray(0, writer.length)).toString('hex')
}

const cases: [string, string, Record<string, unknown>, unknown[], boolean][] = [
  ['a plain field gives its value', 'a', { a: 5 }, [5], false],
  ['a missing field gives null', 'a', { b: 5 }, [null], false],
  ['null gives null', 'a', { a: null }, [null], false],
  ['an array gives each distinct element', 'a', { a: [3, 1, 3, 2] }, [1, 2, 3], true],
  ['an empty array gives undefined', 'a', { a: [] }, [undefined], true],
  ['an array in an array is a value as a whole', 'a', { a: [[1, 2]] }, [[1, 2]], true],
  ['a document is a value as a whole', 'a', { a: { b: 1 } }, [{ b: 1 }], false],
  ['a dotted path goes into documents', 'a.b', { a: { b: 7 } }, [7], false],
  ['a dotted path through a scalar is missing', 'a.b', { a: 7 }, [null], false],
  ['a dotted path goes through an array of documents', 'a.b', { a: [{ b: 2 }, { b: 1 }] }, [1, 2], true],
  ['an element without the field gives null', 'a.b', { a: [{ b: 2 }, { c: 1 }] }, [null, 2], true],
  ['arrays on both levels are gone through', 'a.b', { a: [{ b: [1, 2] }, { b: 3 }] }, [1, 2, 3], true],
  ['a number in the path is a position', 'a.1', { a: [5, 6, 7] }, [6], true],
  ['a number in the path is a name too', 'a.1', { a: { 1: 9 } }, [9], false],
  ['an empty array below a dotted path gives null', 'a.b', { a: [] }, [null], true],
]

for (const [name, path, document, expected, multikey] of cases) {
  test(name, () => {
    const result = hexKeys(path, document)
    expect(result.keys).toEqual(expected.map(keyOf).sort())
    expect(result.multikey).toBe(multikey)
  })
}

test('equal sets are found, in whatever order the values came', () => {
  const [a, b] = [new KeySet(), new KeySet()]
  const extractor = new KeyExtractor([{ path: 'a', descending: false, kind: 'ordered' }], false)
  extractor.extract(buildDocument({ a: [1, 2] }), 0, a)
  extractor.extract(buildDocument({ a: [2, 1] }), 0, b)
  expect(a.equals(b)).toBe(true)
  extractor.extract(buildDocument({ a: [2, 3] }), 0, b)
  expect(a.equals(b)).toBe(false)
})
