/** Sets of values that are searched by the one order. */
import { compareValues } from '../../../bson/order.ts'
import type { Value } from '../../../bson/value.ts'
import { simpleOrder, type ValueOrder } from '../../../bson/value-order.ts'
import { type Collation, holdsString } from '../../../collation/collation.ts'
import type { Collated } from '../tree.ts'

/** Ascending: what the planner makes points of, and what tests search. The array is sorted in place. */
export function sortedDistinct(values: Value[], { compare }: ValueOrder = simpleOrder): Value[] {
  values.sort(compare)
  return values.filter((value, i) => i === 0 || compare(values[i - 1]!, value) !== 0)
}

/** What a filter keeps of a set of values under a collation; undefined where that makes no difference. */
export function collatedValues(
  values: readonly Value[],
  collation: Collation | undefined,
): Collated<readonly Value[]> | undefined {
  if (collation === undefined || !values.some(({ type, bytes, start }) => holdsString(type, bytes, start))) {
    return undefined
  }
  return { collation, keyed: values.map((value) => collation.keyed(value)) }
}

/** As `positionIn`, of keyed values. */
export function positionInKeyed(
  { collation, keyed }: Collated<readonly Value[]>,
  type: number,
  bytes: Uint8Array,
  start: number,
): number {
  const value = collation.lend(type, bytes, start)
  return positionIn(keyed, type, value.bytes, value.start)
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
