/**
 * What intervals come to in the keys of an index: ranges of key bytes. Those of many intervals are made one by one, when a walk comes to
 * them: of 100,000 points most plans look at few, and a walk that finds few entries at a few of them.
 */
import { compareBytes, encodeKey, KeyWriter } from '../bson/key.ts'
import type { Value } from '../bson/value.ts'
import { copyBytes } from '../storage/copy.ts'
import { type Interval, reversed } from './plan-bounds.ts'

const emptyKey = new Uint8Array(0)

/** Key bytes: lower <= key < upper; undefined: no bound on that side. */
export interface KeyRange {
  readonly lower: Uint8Array | undefined
  readonly upper: Uint8Array | undefined
}

/** Ascending, disjoint. An array of ranges is one. */
export interface KeyRanges {
  readonly length: number
  at(place: number): KeyRange | undefined
}

/** Of so many intervals the ranges are made when they are asked for. */
const manyMin = 32

/** The intervals in the order of an index, which for a descending one is the reverse. */
export function keyRanges(intervals: readonly Interval[], descending: boolean): KeyRanges {
  return intervals.length >= manyMin ? new ManyRanges(intervals, descending) : listedRanges(intervals, descending)
}

/** As `keyRanges`, all made at once. `prefix`: what all keys begin with. */
export function listedRanges(
  intervals: readonly Interval[],
  descending: boolean,
  prefix: Uint8Array = emptyKey,
): readonly KeyRange[] {
  const [only, second] = intervals
  if (only === undefined) return []
  if (second === undefined) return [keyRange(descending ? reversed(only) : only, descending, prefix)]
  if (!descending) return intervals.map((interval) => keyRange(interval, false, prefix))
  return intervals.map((interval) => keyRange(reversed(interval), true, prefix)).reverse()
}

class ManyRanges implements KeyRanges {
  readonly #intervals: readonly Interval[]
  readonly #descending: boolean
  /** The one made last, which is asked for again as long as a walk is in it. */
  #place = -1
  #range: KeyRange | undefined

  constructor(intervals: readonly Interval[], descending: boolean) {
    this.#intervals = intervals
    this.#descending = descending
  }

  get length(): number {
    return this.#intervals.length
  }

  at(place: number): KeyRange | undefined {
    if (place === this.#place) return this.#range
    const intervals = this.#intervals
    const interval = intervals[this.#descending ? intervals.length - 1 - place : place]
    if (interval === undefined) return undefined
    this.#place = place
    this.#range = keyRange(this.#descending ? reversed(interval) : interval, this.#descending)
    return this.#range
  }
}

/** Where the first range is, from `from` on, that does not end before the key `bytes[start, end)`; their number when all do. */
export function firstReaching(ranges: KeyRanges, from: number, bytes: Uint8Array, start: number, end: number): number {
  // By steps that double, since it is mostly near; then by halves between the last two.
  let low = from
  let high = from
  for (let step = 1; high < ranges.length && !endsAfter(ranges.at(high)!, bytes, start, end); step *= 2) {
    low = high + 1
    high += step
  }
  if (high > ranges.length) high = ranges.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (endsAfter(ranges.at(middle)!, bytes, start, end)) high = middle
    else low = middle + 1
  }
  return low
}

function endsAfter({ upper }: KeyRange, bytes: Uint8Array, start: number, end: number): boolean {
  return upper === undefined || compareBytes(bytes, start, end, upper, 0, upper.length) < 0
}

/** Where the last range is, from `from` down, that does not begin after the key; -1 when all do. */
export function lastReaching(ranges: KeyRanges, from: number, bytes: Uint8Array, start: number, end: number): number {
  let low = from
  let high = from
  for (let step = 1; low >= 0 && !beginsBefore(ranges.at(low)!, bytes, start, end); step *= 2) {
    high = low - 1
    low -= step
  }
  if (low < -1) low = -1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (beginsBefore(ranges.at(middle)!, bytes, start, end)) low = middle
    else high = middle - 1
  }
  return low
}

/** With the key, or before it. */
function beginsBefore({ lower }: KeyRange, bytes: Uint8Array, start: number, end: number): boolean {
  return lower === undefined || compareBytes(bytes, start, end, lower, 0, lower.length) >= 0
}

/** The keys of points behind `prefix`, in the order of an index. */
export function keyPoints(points: readonly Interval[], descending: boolean, prefix: Uint8Array): Uint8Array[] {
  const keys = points.map(({ low }) => keyOf(low, descending, prefix))
  return descending ? keys.reverse() : keys
}

const writer = new KeyWriter()

function keyRange(
  { low, lowInclusive, high, highInclusive }: Interval,
  descending: boolean,
  prefix: Uint8Array = emptyKey,
): KeyRange {
  const lower = keyOf(low, descending, prefix)
  const upper = low === high ? lower : keyOf(high, descending, prefix)
  return {
    lower: lowInclusive ? lower : afterAll(lower),
    upper: highInclusive ? afterAll(upper) : upper,
  }
}

/** The key of a value behind `prefix`. */
export function keyOf(value: Value, descending: boolean, prefix: Uint8Array = emptyKey): Uint8Array {
  writer.reset()
  if (prefix.length > 0) writer.append(prefix, 0, prefix.length)
  encodeKey(writer, value.type, value.bytes, value.start, descending)
  return writer.finish()
}

/** The least bytes after everything that begins with `key`; undefined when nothing is. No key begins with another. */
export function afterAll(key: Uint8Array): Uint8Array | undefined {
  let length = key.length
  while (length > 0 && key[length - 1] === 0xff) length--
  if (length === 0) return undefined
  const after = new Uint8Array(length)
  copyBytes(key, 0, length, after, 0)
  after[length - 1]!++
  return after
}
