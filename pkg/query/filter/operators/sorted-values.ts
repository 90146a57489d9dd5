/** Sets of values that are searched by the one order. */
import { compareBytes, encodeKey, KeyWriter } from '../../../bson/key.ts'
import { orderOfKeys } from '../../../bson/key-sort.ts'
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

/** From so many values on, their keys are made and sorted, instead of comparing the values. */
const keyedMin = 256

export interface SortedSet {
  /** Ascending, distinct, in the order of the collation. */
  readonly values: readonly Value[]
  readonly collated: Collated<readonly Value[]> | undefined
}

/** What a filter keeps of a set of values. The array may be sorted in place. */
export function sortedSet(values: Value[], collation: Collation | undefined): SortedSet {
  if (values.length >= keyedMin) return setByKeys(values, collation)
  const sorted = sortedDistinct(values, collation)
  return { values: sorted, collated: collatedValues(sorted, collation) }
}

/** As comparing gives it: of equal values the first stays. */
function setByKeys(given: readonly Value[], collation: Collation | undefined): SortedSet {
  const keyed = collation === undefined ? given : given.map((value) => collation.keyed(value))
  const keys = new KeyWriter(given.length * 16)
  const ends = new Uint32Array(given.length + 1)
  for (let i = 0; i < keyed.length; i++) {
    const { type, bytes, start } = keyed[i]!
    encodeKey(keys, type, bytes, start)
    ends[i + 1] = keys.length
  }
  const { bytes } = keys
  const order = orderOfKeys(bytes, ends, ends.subarray(1), given.length)
  const set = new GrowingSet(collation)
  let last = -1
  for (let at = 0; at < order.length; at++) {
    const i = order[at]!
    if (last >= 0 && compareBytes(bytes, ends[last]!, ends[last + 1]!, bytes, ends[i]!, ends[i + 1]!) === 0) continue
    last = i
    set.add(given[i]!, keyed[i]!)
  }
  return set
}

/** A set whose values are added in order, each once. */
export class GrowingSet implements SortedSet {
  readonly #collation: Collation | undefined
  readonly values: Value[] = []
  readonly #keyed: Value[] = []
  #isCollated = false

  constructor(collation: Collation | undefined) {
    this.#collation = collation
  }

  /** `keyed`: what the collation makes of the value; without one, the value. */
  add(value: Value, keyed: Value): void {
    this.values.push(value)
    if (this.#collation === undefined) return
    this.#keyed.push(keyed)
    // What holds no string is its own keyed value.
    this.#isCollated ||= keyed !== value
  }

  get collated(): Collated<readonly Value[]> | undefined {
    return this.#isCollated ? { collation: this.#collation!, keyed: this.#keyed } : undefined
  }
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
