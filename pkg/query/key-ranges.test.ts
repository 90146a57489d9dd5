/** Ranges that are made one by one against a list of them, and searches for one against looking at all. */
import { expect, test } from 'vitest'
import { int32Value } from '../bson/value.ts'
import { firstReaching, keyOf, keyRanges, lastReaching, listedRanges } from './key-ranges.ts'
import type { Interval } from './plan-bounds.ts'
import { type Rng, rngOf } from './testdata/random.ts'

/** Ascending, disjoint: points and ranges, with and without their ends. */
function randomIntervals(rng: Rng, count: number): Interval[] {
  const intervals: Interval[] = []
  let at = 0
  for (let i = 0; i < count; i++) {
    const low = int32Value((at += 1 + rng(4)))
    if (rng(2) === 0) intervals.push({ low, lowInclusive: true, high: low, highInclusive: true })
    else {
      const high = int32Value((at += 1 + rng(4)))
      intervals.push({ low, lowInclusive: rng(2) === 0, high, highInclusive: rng(2) === 0 })
    }
  }
  return intervals
}

test.each([0, 1, 5, 31, 32, 200])('%i ranges', (count) => {
  const rng = rngOf(count + 1)
  for (const descending of [false, true]) {
    for (const prefix of [new Uint8Array(0), new Uint8Array([7, 0])]) {
      const intervals = randomIntervals(rng, count)
      const listed = listedRanges(intervals, descending, prefix)
      const ranges = prefix.length > 0 ? listed : keyRanges(intervals, descending)
      expect(Array.from({ length: ranges.length }, (_, i) => ranges.at(i))).toEqual(listed)
      for (let i = 0; i < 300; i++) {
        const key = keyOf(int32Value(rng(count * 6 + 4)), descending, prefix)
        const from = rng(count + 1)
        const first = listed.findIndex(({ upper }, place) => place >= from && Buffer.compare(key, upper!) < 0)
        expect(firstReaching(ranges, from, key, 0, key.length)).toBe(first < 0 ? count : first)
        const last = listed.findLastIndex(({ lower }, place) => place < from && Buffer.compare(key, lower!) >= 0)
        expect(lastReaching(ranges, from - 1, key, 0, key.length)).toBe(last)
      }
    }
  }
})
