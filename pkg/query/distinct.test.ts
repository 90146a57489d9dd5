import { describe, expect, test } from 'vitest'
import { timestampMax } from '../base/timestamp.ts'
import { buildArray, buildDocument } from '../bson/build.ts'
import { Distinct } from './distinct.ts'
import { find } from './execute.ts'
import { matchAll } from './filter/tree.ts'
import { parsePath } from './path.ts'
import { MemorySource } from './testdata/memory-source.ts'

function distinct(path: string, documents: readonly Record<string, unknown>[], budget = Infinity): Uint8Array {
  const source = new MemorySource(documents.map((document, i) => buildDocument({ _id: i, ...document })))
  const values = new Distinct(find(source, timestampMax, { filter: matchAll }), parsePath(path))
  while (!values.advance(budget));
  return buildArray(values.values)
}

describe('distinct values', () => {
  test('come in the order of the documents, equal ones once, the first standing for all', () => {
    expect(distinct('a', [{ a: 2 }, { a: 1 }, { a: 2n }, {}, { a: 'x' }, { a: null }, { a: 1.5 }])).toEqual(
      buildArray([2, 1, 'x', null, 1.5]),
    )
  })

  test('of an array are its elements, one level deep', () => {
    expect(distinct('a', [{ a: [3, 1, 3] }, { a: [] }, { a: [[1, 2]] }])).toEqual(buildArray([3, 1, [1, 2]]))
  })

  test('go through arrays of documents, and to positions', () => {
    const documents = [{ a: [{ b: 1 }, { b: [2, 3] }, 9, [{ b: 4 }]] }, { a: { b: 5 } }, { a: 7 }]
    expect(distinct('a.b', documents)).toEqual(buildArray([1, 2, 3, 5]))
    expect(distinct('a.1.b', documents)).toEqual(buildArray([2, 3]))
    expect(distinct('a.2', documents)).toEqual(buildArray([9]))
  })

  test('of a long document are taken in over several slices', () => {
    const items = Array.from({ length: 9000 }, (_, i) => ({ b: [(i * 37) % 1000, -i] }))
    const documents = [{ a: [] }, { a: items }, { a: { b: 'x' } }, { a: items.slice(0, 8000) }]
    const inSlices = distinct('a.b', documents, 7)
    expect(inSlices).toEqual(distinct('a.b', documents))
    expect(inSlices).toEqual(buildArray([...new Set([...items.flatMap(({ b }) => b.map((n) => n + 0)), 'x'])]))
  })

  test('are the same in slices', () => {
    const documents = Array.from({ length: 100 }, (_, i) => ({ a: (i * 37) % 10 }))
    expect(distinct('a', documents, 7)).toEqual(distinct('a', documents))
  })
})
