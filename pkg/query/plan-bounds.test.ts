/** Sets of intervals against the sets of points that they hold. */
import { expect, test } from 'vitest'
import { doubleValue, readDouble } from '../bson/value.ts'
import { SeededRandom } from '../sim/random.ts'
import { type Interval, intersect, isWithin, union } from './plan-bounds.ts'

const ends = 12
/** The ends of intervals, and one between each two. */
const points = Array.from({ length: 2 * ends + 1 }, (_, i) => i / 2)

/** Ascending and disjoint; they may touch. */
function randomIntervals(random: SeededRandom): Interval[] {
  const intervals: Interval[] = []
  let end = 0
  let endInclusive = false
  for (;;) {
    const low: number = end + random.integer(3)
    const high: number = low + random.integer(4)
    if (high >= ends) return intervals
    const isPoint = low === high
    const mayInclude = low > end || !endInclusive
    const lowInclusive: boolean = mayInclude && (isPoint || random.integer(2) === 0)
    end = high
    if (isPoint && !lowInclusive) continue
    endInclusive = isPoint || random.integer(2) === 0
    intervals.push({ low: doubleValue(low), lowInclusive, high: doubleValue(high), highInclusive: endInclusive })
  }
}

const at = ({ low, high }: Interval) => [readDouble(low.bytes, low.start), readDouble(high.bytes, high.start)] as const

function holds(intervals: readonly Interval[], point: number): boolean {
  return intervals.some((interval) => {
    const [low, high] = at(interval)
    return (
      (low < point || (low === point && interval.lowInclusive)) &&
      (point < high || (point === high && interval.highInclusive))
    )
  })
}

function expectAscending(intervals: readonly Interval[]): void {
  for (const [i, interval] of intervals.entries()) {
    const [low, high] = at(interval)
    expect(low < high || (low === high && interval.lowInclusive && interval.highInclusive)).toBe(true)
    const next = intervals[i + 1]
    if (next === undefined) continue
    const [nextLow] = at(next)
    expect(high < nextLow || (high === nextLow && !(interval.highInclusive && next.lowInclusive))).toBe(true)
  }
}

test('what lies in both, in any, and whether one lies in the other', () => {
  const random = new SeededRandom(7)
  for (let run = 0; run < 3000; run++) {
    const lists = Array.from({ length: 1 + random.integer(4) }, () => randomIntervals(random))
    const a = lists[0]!
    const b = lists.at(-1)!
    const both = intersect(a, b)
    const any = union(lists)
    expectAscending(both)
    expectAscending(any)
    for (const point of points) {
      expect(holds(both, point)).toBe(holds(a, point) && holds(b, point))
      expect(holds(any, point)).toBe(lists.some((list) => holds(list, point)))
    }
    // Within one interval of the other: the points of a whole one lie in one.
    const within = a.every((x) => b.some((y) => points.every((point) => !holds([x], point) || holds([y], point))))
    expect(isWithin(a, b)).toBe(within)
  }
})
