import { describe, expect, test } from 'vitest'
import { timestampMax } from '../base/timestamp.ts'
import { buildDocument } from '../bson/build.ts'
import { KeyWriter } from '../bson/key.ts'
import { bsonType } from '../bson/type.ts'
import { getField, numberOf, stringValue, type Value } from '../bson/value.ts'
import { atRow, Count, ended, type FindRequest, find, paused, planFind } from './execute.ts'
import { compileFilter } from './filter/compile.ts'
import { parseFilter } from './filter/parse.ts'
import { compileSort } from './sort/key.ts'
import { parseSort, type Sort } from './sort/parse.ts'
import { indexable, MemorySource } from './testdata/memory-source.ts'
import { pick, randomDocument, randomFilter, randomPath, rngOf } from './testdata/random.ts'

const filterOf = (filter: Record<string, unknown>) => parseFilter(buildDocument(filter))
const sortOf = (sort: Record<string, unknown>) => parseSort(buildDocument(sort))
const idOf = (bytes: Uint8Array, start = 0) => numberOf(getField(bytes, '_id', start)!)

function sortKey(sort: Sort, document: Uint8Array): string {
  const key = new KeyWriter()
  compileSort(sort)(document, 0, key)
  return key.finish().join()
}

function idsOf(source: MemorySource, request: FindRequest): number[] {
  const rows = find(source, timestampMax, request)
  const ids: number[] = []
  while (rows.next()) ids.push(idOf(rows.bytes, rows.start))
  return ids
}

const people = new MemorySource(
  [
    { _id: 1, name: 'Ada', age: 36, tags: ['x', 'y'] },
    { _id: 2, name: 'Bob', age: 20, tags: ['y'] },
    { _id: 3, name: 'Cyd', age: 36, tags: [] },
    { _id: 4, name: 'Dee', tags: ['x'] },
    { _id: 5, name: 'Eve', age: 50, tags: 'z' },
  ].map(buildDocument),
  [
    ['age', false],
    ['tags', false],
    ['name', true],
  ],
)

describe('an index plan', () => {
  test('gives the same rows as reading everything, for random documents, filters and sorts', () => {
    let byIndex = 0
    let sortedByIndex = 0
    for (let seed = 1; seed <= 250; seed++) {
      const rng = rngOf(seed)
      const indexes = Array.from({ length: 4 }, () => [randomPath(rng), rng(2) === 0] as const)
      const documents = Array.from({ length: 30 }, (_, i) => {
        for (;;) {
          const document = randomDocument(rng, i, seed % 3 === 0 ? 0 : 3)
          if (indexes.every(([path]) => indexable(document, path))) return document
        }
      })
      const plain = new MemorySource(documents)
      const indexed = new MemorySource(documents, indexes)
      for (let f = 0; f < 8; f++) {
        const filter = parseFilter(randomFilter(rng, 1))
        const hint = stringValue(pick(rng, indexed.indexes).name)
        const wanted = idsOf(plain, { filter }).sort((a, b) => a - b)
        expect(wanted).toEqual(documents.filter((d) => compileFilter(filter)(d, 0)).map((d) => idOf(d)))
        for (const request of [{ filter }, { filter, hint }]) {
          if (planFind(indexed, timestampMax, request).kind === 'fetch') byIndex++
          expect(
            idsOf(indexed, request).sort((a, b) => a - b),
            `seed ${seed}`,
          ).toEqual(wanted)
        }
        const path = pick(rng, indexed.indexes).keyPaths[0]!.path
        const sort = sortOf({ [path]: rng(2) === 0 ? 1 : -1, _id: 1 })
        const single = sortOf({ [path]: rng(2) === 0 ? 1 : -1 })
        expect(idsOf(indexed, { filter, sort }), `seed ${seed}`).toEqual(idsOf(plain, { filter, sort }))
        if (planFind(indexed, timestampMax, { filter, sort: single }).kind !== 'sort') sortedByIndex++
        const keys = (source: MemorySource) =>
          idsOf(source, { filter, sort: single }).map((id) => sortKey(single, documents[id]!))
        expect(keys(indexed), `seed ${seed}`).toEqual(keys(plain))
      }
    }
    expect(byIndex).toBeGreaterThan(1000)
    expect(sortedByIndex).toBeGreaterThan(100)
  })

  test('reads only what its bounds allow', () => {
    const rows = find(people, timestampMax, { filter: filterOf({ age: { $gte: 30, $lt: 40 } }) })
    const ids: number[] = []
    while (rows.next()) ids.push(idOf(rows.bytes, rows.start))
    expect(ids).toEqual([1, 3])
    expect([rows.keysExamined, rows.docsExamined]).toEqual([2, 2])
  })

  test('gives a document with several matching keys once', () => {
    expect(idsOf(people, { filter: filterOf({ tags: { $in: ['x', 'y', 'z'] } }) })).toEqual([1, 4, 2, 5])
  })

  test('takes bounds from one predicate only where an array may satisfy two by different elements', () => {
    const source = new MemorySource([buildDocument({ _id: 1, a: [1, 10] })], [['a', false]])
    expect(idsOf(source, { filter: filterOf({ a: { $lt: 5, $gt: 5 } }) })).toEqual([1])
  })

  test('gives the sort order without sorting, in both directions', () => {
    for (const [direction, ids] of [
      [1, [1, 2, 3, 4, 5]],
      [-1, [5, 4, 3, 2, 1]],
    ] as const) {
      const request = { filter: filterOf({}), sort: sortOf({ name: direction }) }
      expect(planFind(people, timestampMax, request).kind).toBe('fetch')
      expect(idsOf(people, request)).toEqual(ids)
    }
  })
})

describe('a look-up by _id', () => {
  test('reads one document', () => {
    const rows = find(people, timestampMax, { filter: filterOf({ _id: 3 }) })
    expect(rows.plan.kind).toBe('idLookup')
    expect(rows.next()).toBe(true)
    expect(idOf(rows.bytes, rows.start)).toBe(3)
    expect(rows.next()).toBe(false)
    expect([rows.keysExamined, rows.docsExamined]).toEqual([1, 1])
  })

  test('tests the rest of the filter', () => {
    expect(idsOf(people, { filter: filterOf({ _id: 3, age: 1 }) })).toEqual([])
    expect(idsOf(people, { filter: filterOf({ _id: { $in: [5, 9, 1] } }) })).toEqual([1, 5])
    expect(idsOf(people, { filter: filterOf({ _id: { $in: [5, 9, 1] }, age: 50 }) })).toEqual([5])
  })
})

describe('a hint', () => {
  const byPattern = (pattern: Record<string, unknown>): Value => {
    const bytes = buildDocument(pattern)
    return { type: bsonType.document, bytes, start: 0, end: bytes.length }
  }

  test('by name or key pattern names the index', () => {
    const filter = filterOf({ name: 'Ada' })
    for (const hint of [stringValue('age_1'), byPattern({ age: 1 })]) {
      const node = planFind(people, timestampMax, { filter, hint })
      expect(node.kind === 'fetch' && node.input.index.name).toBe('age_1')
      expect(idsOf(people, { filter, hint })).toEqual([1])
    }
    expect(planFind(people, timestampMax, { filter, hint: byPattern({ $natural: -1 }) })).toMatchObject({
      kind: 'collectionScan',
      direction: -1,
    })
  })

  test('that names no index is refused', () => {
    for (const hint of [stringValue('nope'), byPattern({ age: -1 })]) {
      expect(() => planFind(people, timestampMax, { filter: filterOf({}), hint })).toThrow(
        'hint provided does not correspond to an existing index',
      )
    }
  })
})

describe('skip, limit and sort', () => {
  test('skip and limit count rows that match', () => {
    const filter = filterOf({ tags: { $exists: true } })
    expect(idsOf(people, { filter, skip: 1, limit: 2 })).toEqual([2, 3])
    expect(idsOf(people, { filter, skip: 9 })).toEqual([])
    expect(idsOf(people, { filter, limit: 0 })).toEqual([1, 2, 3, 4, 5])
  })

  test('equal keys keep the order of insertion; a missing field comes first', () => {
    const source = new MemorySource(people.documents)
    const filter = filterOf({})
    expect(idsOf(source, { filter, sort: sortOf({ age: 1 }) })).toEqual([4, 2, 1, 3, 5])
    expect(idsOf(source, { filter, sort: sortOf({ age: -1 }), limit: 3 })).toEqual([5, 1, 3])
  })

  test('a sort beyond its memory is refused', () => {
    const source = new MemorySource(people.documents)
    const request = { filter: filterOf({}), sort: sortOf({ age: 1 }), sortMemoryBytes: 50 }
    expect(() => find(source, timestampMax, request).next()).toThrow('Sort exceeded memory limit of 50 bytes')
  })
})

describe('work in slices', () => {
  const many = new MemorySource(Array.from({ length: 1000 }, (_, i) => buildDocument({ _id: i, n: (i * 7919) % 1000 })))

  test('a scan that finds nothing pauses at its budget', () => {
    const rows = find(many, timestampMax, { filter: filterOf({ n: -1 }) })
    let slices = 0
    for (;;) {
      const progress = rows.advance(100)
      if (progress === ended) break
      expect(progress).toBe(paused)
      rows.save()
      slices++
      expect(rows.docsExamined).toBe(slices * 100)
    }
    expect(slices).toBe(10)
  })

  test('a sort takes its input in slices and then gives rows', () => {
    const rows = find(many, timestampMax, { filter: filterOf({}), sort: sortOf({ n: 1 }) })
    let slices = 0
    while (rows.advance(100) === paused) {
      rows.save()
      slices++
    }
    expect(slices).toBe(10)
    const ids = [idOf(rows.bytes, rows.start)]
    while (rows.advance(1) === atRow) ids.push(idOf(rows.bytes, rows.start))
    expect(ids.map((id) => (id * 7919) % 1000)).toEqual(Array.from({ length: 1000 }, (_, i) => i))
  })

  test('a scan that turns out long finds the same', () => {
    const documents = Array.from({ length: 10_000 }, (_, i) =>
      buildDocument(i % 7 === 0 ? { n: i, _id: i, x: 'y' } : { _id: i, x: 'y', n: i % 3 === 0 ? i + 0.5 : i }),
    )
    for (const length of [4095, 4096, 4097, 10_000]) {
      const source = new MemorySource(documents.slice(0, length))
      const filter = filterOf({ n: { $gte: 100, $lt: 9000 }, x: 'y' })
      const predicate = compileFilter(filter)
      const expected = source.documents.filter((document) => predicate(document, 0)).length
      for (const budget of [100, 5000, Infinity]) {
        const count = new Count(source, timestampMax, { filter })
        while (!count.advance(budget));
        expect([count.count, count.rows!.docsExamined]).toEqual([expected, length])
      }
    }
  })

  test('a count adds up over slices', () => {
    const count = new Count(many, timestampMax, { filter: filterOf({ n: { $lt: 300 } }) })
    let slices = 1
    while (!count.advance(64)) slices++
    expect([count.count, slices]).toEqual([300, 16])
  })

  test('counting everything looks at nothing', () => {
    const count = new Count(many, timestampMax, { filter: filterOf({}), skip: 10, limit: 2000 })
    expect([count.advance(1), count.count, count.rows]).toEqual([true, 990, undefined])
  })

  test('a collection dropped meanwhile ends the query with an error', () => {
    const source = new MemorySource(many.documents)
    const rows = find(source, timestampMax, { filter: filterOf({}) })
    expect(rows.next()).toBe(true)
    source.dropped = true
    expect(() => rows.next()).toThrow('collection dropped')
  })
})
