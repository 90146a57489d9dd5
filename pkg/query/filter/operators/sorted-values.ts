/** Sets of values that are searched by the one order. */
import { compare, compareValues } from '../../../bson/order.ts'
import type { Value } from '../../../bson/value.ts'

/** Ascending: what the planner makes points of, and what tests search. The array is sorted in place. */
export function sortedDistinct(values: Value[]): Value[] {
  values.sort(compare)
  return values.filter((value, i) => i === 0 || compare(values[i - 1]!, value) !== 0)
}

/** Where in `sorted` the value at `start` is, or -1. */
export function positionIn(sorted: readonly Value[], type: number, bytes: Uint8Array, start: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const value = sorted[middle]!
    const order = compareValues(type, bytes, start, value.type, value.bytes, value.start)
    if (order === 0) return middle
    if (order < 0) high = middle
    else low = middle + 1
  }
  return -1
}
