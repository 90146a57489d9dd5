import { describe, expect, test } from 'vitest'
import { rngOf } from '../testdata/random.ts'
import { Sorter } from './sorter.ts'

/** Keys of 1..9 bytes over few byte values, each ended so that none is the beginning of another. */
function randomKey(rng: (below: number) => number): Uint8Array {
  return Uint8Array.from([...Array.from({ length: 1 + rng(8) }, () => 1 + rng(3)), 0])
}

function sortedTags(sorter: Sorter): number[] {
  const tags: number[] = []
  while (sorter.next()) tags.push(sorter.tag)
  return tags
}

describe('a sorter', () => {
  for (const count of [0, 1, 100, 4096, 20_000]) {
    for (const limit of [undefined, 1, 50, 4096, 10_000]) {
      test(`gives ${limit ?? 'all'} of ${count} rows in order, equal keys as they came`, () => {
        const rng = rngOf(count + 1)
        const rows = Array.from({ length: count }, (_, tag) => ({ key: randomKey(rng), tag }))
        const sorter = new Sorter({ limit })
        for (const { key, tag } of rows) sorter.add(key, key.length, tag)
        const expected = rows.sort((a, b) => Buffer.compare(a.key, b.key) || a.tag - b.tag).map(({ tag }) => tag)
        expect(sortedTags(sorter).slice(0, limit)).toEqual(expected.slice(0, limit))
      })
    }
  }

  test('keeps documents that are given to it', () => {
    for (const limit of [undefined, 3]) {
      const sorter = new Sorter({ limit })
      const bytes = new Uint8Array([9, 9, 0])
      for (const n of [3, 1, 2]) {
        bytes[2] = n
        sorter.add(Uint8Array.of(n), 1, n, bytes, 1, 3)
      }
      const documents: number[][] = []
      while (sorter.next()) documents.push([...sorter.document.subarray(sorter.documentStart, sorter.documentEnd)])
      expect(documents).toEqual([
        [9, 1],
        [9, 2],
        [9, 3],
      ])
    }
  })

  test('refuses what does not fit in its memory, but not the rows that a limit throws away', () => {
    const key = new Uint8Array(100)
    const unlimited = new Sorter({ memoryLimitBytes: 10_000 })
    expect(() => {
      for (let i = 0; i < 1000; i++) unlimited.add(key, key.length, i)
    }).toThrow('Sort exceeded memory limit of 10000 bytes')
    const limited = new Sorter({ memoryLimitBytes: 10_000, limit: 5 })
    for (let i = 0; i < 1000; i++) limited.add(key, key.length, i)
    expect(sortedTags(limited)).toEqual([0, 1, 2, 3, 4])
  })
})
