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

/** The numbers of the keys that go and come when a document has `after` in place of `before`. */
function changesOf(before: KeySet, after: KeySet): { removed: number[]; added: number[] } {
  const removed: number[] = []
  const added: number[] = []
  after.eachChange(
    before,
    (i) => removed.push(i),
    (i) => added.push(i),
  )
  return { removed, added }
}

test('what changes between two sets are the keys that only one of them has, and those whose values are of another type', () => {
  const random = new SeededRandom(3)
  let othersTypes = 0
  for (let run = 0; run < 500; run++) {
    /** Which number is there, and of which type the first one is; an empty array has a key of its own. */
    const some = (): Map<number, unknown> => {
      const numbers = Array.from({ length: Math.floor(random.next() * 12) }, () => Math.floor(random.next() * 15))
      return new Map(numbers.map((n) => [n, random.next() < 0.7 ? n : BigInt(n)]))
    }
    const [before, after] = [some(), some()]
    const namesOf = (values: Map<number, unknown>): number[] =>
      values.size === 0 ? [-1] : [...values.keys()].sort((a, b) => a - b)
    const valueIn = (values: Map<number, unknown>, name: number) => (name < 0 ? undefined : values.get(name))
    const { removed, added } = changesOf(keysOf([...before.values()]), keysOf([...after.values()]))
    const [namesBefore, namesAfter] = [namesOf(before), namesOf(after)]
    expect(removed.map((i) => namesBefore[i])).toEqual(namesBefore.filter((name) => !namesAfter.includes(name)))
    const isNew = (name: number) =>
      !namesBefore.includes(name) || typeof valueIn(before, name) !== typeof valueIn(after, name)
    expect(added.map((i) => namesAfter[i])).toEqual(namesAfter.filter(isNew))
    othersTypes += namesAfter.filter((name) => isNew(name) && namesBefore.includes(name)).length
  }
  expect(othersTypes).toBeGreaterThan(100)
})

test('the changes of an array with very many elements are found without comparing each with each', () => {
  const many = Array.from({ length: 100_000 }, (_, i) => i)
  expect(changesOf(keysOf(many), keysOf([...many, -1]))).toEqual({ removed: [], added: [0] })
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
    expect(changesOf(one, keys).removed).toEqual([])
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
