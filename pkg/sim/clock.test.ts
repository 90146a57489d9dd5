import { expect, test } from 'vitest'
import { SimulatedClock } from './clock.ts'
import { SeededRandom } from './random.ts'

test('timers fire in the order of their times, which pass at once', async () => {
  const clock = new SimulatedClock(new SeededRandom(1))
  const fired: number[] = []
  for (const delay of [5000, 10, 86_400_000, 10, 0]) clock.setTimer(delay, () => fired.push(clock.monotonicMs()))
  clock.setTimer(20, () => fired.push(-1)).cancel()
  await clock.sleep(86_400_001)
  expect(fired).toEqual([0, 10, 10, 5000, 86_400_000])
  expect(clock.nowMs() - Date.UTC(2026, 0, 1)).toBe(86_400_001)
})

test('promises settle before the next action runs', async () => {
  const clock = new SimulatedClock(new SeededRandom(2))
  const seen: string[] = []
  await Promise.all(
    [1, 2, 3].map(async (name) => {
      await clock.yield()
      seen.push(`${name}`)
      await Promise.resolve()
      seen.push(`${name}`)
    }),
  )
  for (let at = 0; at < 6; at += 2) expect(seen[at]).toBe(seen[at + 1])
})

test('endless yielding does not keep a timer from firing, and a stopped clock runs nothing', async () => {
  const clock = new SimulatedClock(new SeededRandom(3))
  let turns = 0
  const again = () => {
    turns++
    clock.defer(again)
  }
  again()
  await clock.sleep(1)
  expect(turns).toBeGreaterThan(50)
  clock.stop()
  const after = turns
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
  expect(turns).toBe(after)
})

test('the seeded generator is uniform, repeatable and differs by seed', () => {
  const random = new SeededRandom(4)
  const buckets = new Array<number>(10).fill(0)
  for (let round = 0; round < 100_000; round++) buckets[Math.floor(random.next() * 10)]!++
  for (const count of buckets) expect(Math.abs(count - 10_000)).toBeLessThan(500)
  expect(new SeededRandom(5).bytes(8)).toEqual(new SeededRandom(5).bytes(8))
  expect(new SeededRandom(5).bytes(8)).not.toEqual(new SeededRandom(6).bytes(8))
  expect(new SeededRandom(5).bytes(8)).not.toEqual(new SeededRandom(5 + 2 ** 32).bytes(8))
})
