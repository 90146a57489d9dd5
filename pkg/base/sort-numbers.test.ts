import { describe, expect, it } from 'vitest'
import { sortNumbers } from './sort-numbers.ts'

/** Numbers below 1, the same for the same seed. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

describe('sortNumbers', () => {
  const next = random(7)
  const kinds: Readonly<Record<string, (i: number) => number>> = {
    spread: () => Math.floor(next() * 2 ** 53),
    'few different': () => Math.floor(next() * 3),
    'the same': () => 5,
    ascending: (i) => i,
    descending: (i) => -i,
    crowded: () => (next() < 0.001 ? 2 ** 52 : next()),
    'of both signs': () => next() - 0.5,
  }
  for (const [kind, make] of Object.entries(kinds)) {
    it.each([0, 1, 255, 256, 257, 8192])(`orders numbers that are ${kind}, %i of them`, (count) => {
      const numbers = Float64Array.from({ length: count + 3 }, (_, i) => make(i))
      const rest = [...numbers.subarray(count)]
      const sorted = [...numbers.subarray(0, count)].sort((a, b) => a - b)
      sortNumbers(numbers, count)
      expect([...numbers]).toEqual([...sorted, ...rest])
    })
  }
})
