import { describe, expect, test } from 'vitest'
import { TemporaryFiles } from '../../io/temporary-files.ts'
import { simulatedWorld } from '../../sim/world.ts'
import { rngOf } from '../testdata/random.ts'
import { SingleRun } from './merge.ts'
import { RunBuilder } from './runs.ts'
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

describe('a run', () => {
  test('gives its memory back behind its last row, and the builder makes the next one', () => {
    const builder = new RunBuilder()
    for (const count of [3, 5000, 1]) {
      const key = new Uint8Array(500)
      for (let tag = 0; tag < count && !builder.full; tag++) {
        key[0] = 255 - (tag % 256)
        builder.add(key, key.length, tag, key, 0, 1)
      }
      const run = builder.sort()
      expect(builder.isEmpty).toBe(true)
      const reader = new SingleRun(run)
      let before = 0
      for (let row = 0; row < run.count; row++) {
        expect(reader.next()).toBe(true)
        const first = run.bytes[run.keyStarts[reader.position]!]!
        expect(first).toBeGreaterThanOrEqual(before)
        expect(run.bytes[run.documentStarts[reader.position]!]).toBe(first)
        before = first
      }
      expect(reader.next()).toBe(false)
      expect(run.bytes.buffer.detached).toBe(true)
    }
  })
})

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

describe('a sorter with little memory', () => {
  const row = (rng: (below: number) => number, tag: number, size: number) => ({
    key: randomKey(rng),
    tag,
    document: new Uint8Array(size).fill(tag & 255),
  })

  for (const [count, size, memoryLimitBytes] of [
    [30_000, 0, 300_000],
    [30_000, 40, 600_000],
    [500, 60_000, 2_000_000],
    [40, 300_000, 1_000_000],
  ] as const) {
    test(`sorts ${count} rows of ${size} bytes on disk, and leaves nothing there`, () => {
      const world = simulatedWorld(count)
      const files = new TemporaryFiles(world.disk, world.clock, 'data/tmp')
      const rng = rngOf(count + size)
      const rows = Array.from({ length: count }, (_, tag) => row(rng, tag, size))
      const sorter = new Sorter({ memoryLimitBytes, temporaryFile: () => files.open() })
      let mostBytes = 0
      for (const { key, tag, document } of rows) {
        sorter.add(key, key.length, tag, document)
        mostBytes = Math.max(mostBytes, sorter.usedBytes)
      }
      expect(sorter.spilledBytes).toBeGreaterThan(0)
      expect(mostBytes).toBeLessThan(memoryLimitBytes * 1.5 + 20 * size)
      const expected = rows.sort((a, b) => Buffer.compare(a.key, b.key) || a.tag - b.tag)
      for (const { tag, document } of expected) {
        expect(sorter.next()).toBe(true)
        if (sorter.tag !== tag) expect(sorter.tag).toBe(tag)
        if (size > 0 && sorter.document[sorter.documentStart] !== document[0]) throw new Error('another document')
        if (sorter.documentEnd - sorter.documentStart !== size) throw new Error('part of a document')
      }
      expect(sorter.next()).toBe(false)
      expect(world.disk.list('data/tmp').length).toBeGreaterThan(0)
      sorter.close()
      expect(world.disk.list('data/tmp')).toEqual([])
    })
  }

  test('goes on without its heap when the rows to keep are large', () => {
    const world = simulatedWorld(3)
    const files = new TemporaryFiles(world.disk, world.clock, 'tmp')
    const sorter = new Sorter({ limit: 100, memoryLimitBytes: 100_000, temporaryFile: () => files.open() })
    const rng = rngOf(5)
    const rows = Array.from({ length: 300 }, (_, tag) => row(rng, tag, 5000))
    for (const { key, tag, document } of rows) sorter.add(key, key.length, tag, document)
    const expected = rows.sort((a, b) => Buffer.compare(a.key, b.key) || a.tag - b.tag).map(({ tag }) => tag)
    const tags: number[] = []
    while (tags.length < 100 && sorter.next()) tags.push(sorter.tag)
    expect(tags).toEqual(expected.slice(0, 100))
    sorter.close()
  })

  test('refuses what may not go to disk', () => {
    const sorter = new Sorter({ memoryLimitBytes: 100_000 })
    const document = new Uint8Array(30_000)
    expect(() => {
      for (let i = 0; i < 10; i++) sorter.add(Uint8Array.of(i), 1, i, document)
    }).toThrow(expect.objectContaining({ code: 292 }))
  })

  test('removes what an earlier process left', () => {
    const world = simulatedWorld(9)
    new TemporaryFiles(world.disk, world.clock, 'tmp').open().write(Uint8Array.of(1), 0, 1, 0)
    expect(world.disk.list('tmp')).toEqual(['1'])
    new TemporaryFiles(world.disk, world.clock, 'tmp')
    expect(world.disk.list('tmp')).toEqual([])
  })
})
