import { expect, test } from 'vitest'
import { buildDocument } from '../bson/build.ts'
import { SeededRandom } from '../sim/random.ts'
import { parseIndexDefinition } from './definition.ts'
import { KeyExtractor } from './extract.ts'
import { KeySet } from './key-set.ts'

const { keyPaths } = parseIndexDefinition(buildDocument({ v: 2, key: { a: 1 }, name: 'a' }))
const extractor = new KeyExtractor(keyPaths, false)

function keysOf(values: readonly unknown[]): KeySet {
  const keys = new KeySet()
  extractor.extract(buildDocument({ a: values }), 0, keys)
  return keys
}

test('the keys of one set are found in another, as often as their values are there', () => {
  const random = new SeededRandom(3)
  for (let run = 0; run < 200; run++) {
    const some = (): number[] =>
      Array.from({ length: Math.floor(random.next() * 12) }, () => Math.floor(random.next() * 15))
    const [a, b] = [some(), some()]
    const [these, those] = [keysOf(a), keysOf(b)]
    const found = Array.from({ length: those.count }, (_, i) => these.includesKey(those, i))
    const values = [...new Set(b)].sort((x, y) => x - y)
    // An empty array has a key of its own.
    const expected = b.length === 0 ? [a.length === 0] : values.map((value) => a.includes(value))
    expect(found).toEqual(expected)
    expect(Array.from({ length: those.count }, (_, i) => these.includes(those, i))).toEqual(expected)
    for (const withCodes of [false, true]) {
      const missing: number[] = []
      those.eachMissing(these, withCodes, (i) => missing.push(i))
      expect(missing).toEqual(expected.flatMap((isThere, i) => (isThere ? [] : [i])))
    }
  }
})

test('those of an array with very many elements are found without comparing each with each', () => {
  const many = Array.from({ length: 100_000 }, (_, i) => i)
  const before = keysOf(many)
  const after = keysOf([...many, -1])
  let kept = 0
  for (let i = 0; i < before.count; i++) if (after.includes(before, i)) kept++
  expect([kept, before.includesKey(after, 0)]).toEqual([100_000, false])
})

test('the keys of an array with very many elements are in order, each once, the first of equal ones', () => {
  const random = new SeededRandom(5)
  const values = Array.from({ length: 10_000 }, () => {
    const n = Math.floor(random.next() * 4000) - 2000
    return random.next() < 0.3 ? `text ${n}` : random.next() < 0.5 ? BigInt(n) : n / 4
  })
  const keys = keysOf(values)
  const one = keysOf([])
  const expected = [...new Set(values.map((value) => (typeof value === 'bigint' ? Number(value) : value)))]
  expect(keys.count).toBe(expected.length)
  const textOf = (set: KeySet, i: number) =>
    Buffer.from(set.writer.bytes.subarray(set.starts[i]!, set.ends[i]!)).toString('latin1')
  for (let i = 1; i < keys.count; i++) expect(textOf(keys, i - 1) < textOf(keys, i)).toBe(true)
  for (const value of expected.slice(0, 100)) {
    extractor.extract(buildDocument({ a: value }), 0, one)
    expect(keys.includesKey(one, 0)).toBe(true)
  }
  const starts = new Map<string, number>()
  for (let i = 0; i < keys.count; i++) starts.set(textOf(keys, i), keys.valueStarts[i]!)
  let before = 0
  for (const value of expected) {
    extractor.extract(buildDocument({ a: value }), 0, one)
    // In the order in which they were met first.
    const start = starts.get(textOf(one, 0))!
    expect(start).toBeGreaterThan(before)
    before = start
  }
})
