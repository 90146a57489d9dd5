/**
 * Sorting by keys (`key.ts`) that are made once for each item, in linear time where the eight bytes behind what all keys begin with
 * tell most of them apart: by counting eight or sixteen bits at a time, from the last ones on. Runs that are alike in all eight bytes are sorted
 * by comparing.
 */
import { compareBytes } from './bytes.ts'
import { KeyWriter } from './key-writer.ts'

/** Counting by eight bits takes as long as sorting so many by comparing. */
const countedMin = 64
/** Counting by sixteen bits takes as long as by eight. */
const longDigitsMin = 16384
/** Runs up to here are sorted by insertion. */
const insertedMax = 16

/** The items by the keys that `writeKey` appends, ascending; those of equal keys as they come. No key may be the beginning of another. */
export function sortedByKeys<T>(items: readonly T[], writeKey: (item: T, key: KeyWriter) => void): T[] {
  const keys = new KeyWriter()
  const ends = new Uint32Array(items.length + 1)
  for (let i = 0; i < items.length; i++) {
    writeKey(items[i]!, keys)
    ends[i + 1] = keys.length
  }
  const order = orderOfKeys(keys.bytes, ends, ends.subarray(1), items.length)
  const sorted: T[] = []
  for (let i = 0; i < order.length; i++) sorted.push(items[order[i]!]!)
  return sorted
}

/** The numbers of `count` keys in their order, equal ones as they come; the key `i` lies between `starts[i]` and `ends[i]`. */
export function orderOfKeys(
  keys: Uint8Array,
  starts: ArrayLike<number>,
  ends: ArrayLike<number>,
  count: number,
): Uint32Array {
  const shared = sharedLength(keys, starts, ends, count)
  const high = new Uint32Array(count)
  const low = new Uint32Array(count)
  for (let i = 0; i < count; i++) {
    high[i] = wordAt(keys, starts[i]! + shared, ends[i]!)
    low[i] = wordAt(keys, starts[i]! + shared + 4, ends[i]!)
  }
  const compareRest = (a: number, b: number): number =>
    compareBytes(keys, starts[a]! + shared, ends[a]!, keys, starts[b]! + shared, ends[b]!) || a - b
  const places = new Uint32Array(count)
  for (let i = 0; i < count; i++) places[i] = i
  if (count < countedMin) return places.sort((a, b) => high[a]! - high[b]! || low[a]! - low[b]! || compareRest(a, b))
  let order = places
  const bits = count < longDigitsMin ? 8 : 16
  for (const words of [low, high]) {
    const varying = varyingBits(words)
    for (let shift = 0; shift < 32; shift += bits) {
      if (((varying >>> shift) & ((1 << bits) - 1)) !== 0) order = byDigit(order, words, shift, bits)
    }
  }
  sortRuns(order, (a, b) => high[a] === high[b] && low[a] === low[b], compareRest)
  return order
}

/** With how many bytes all keys begin alike. */
function sharedLength(keys: Uint8Array, starts: ArrayLike<number>, ends: ArrayLike<number>, count: number): number {
  if (count === 0) return 0
  const first = starts[0]!
  let shared = ends[0]! - first
  for (let i = 1; i < count; i++) {
    const start = starts[i]!
    const sharedMax = Math.min(shared, ends[i]! - start)
    let same = 0
    while (same < sharedMax && keys[start + same] === keys[first + same]) same++
    shared = same
  }
  return shared
}

/** Four bytes as a number, with zeros for those from `end` on. */
function wordAt(bytes: Uint8Array, at: number, end: number): number {
  let word = 0
  for (let i = at; i < at + 4; i++) word = (word << 8) | (i < end ? bytes[i]! : 0)
  return word >>> 0
}

/** The bits in which not all are alike. */
function varyingBits(words: Uint32Array): number {
  const first = words[0]!
  let varying = 0
  for (let i = 1; i < words.length; i++) varying |= words[i]! ^ first
  return varying
}

/** The places by so many bits of their words, otherwise in the order in which they are. */
function byDigit(
  places: Uint32Array<ArrayBuffer>,
  words: Uint32Array,
  shift: number,
  bits: number,
): Uint32Array<ArrayBuffer> {
  const digits = 1 << bits
  const mask = digits - 1
  const next = new Uint32Array(digits + 1)
  for (let i = 0; i < words.length; i++) next[((words[i]! >>> shift) & mask) + 1]!++
  for (let digit = 0; digit < digits; digit++) next[digit + 1]! += next[digit]!
  const sorted = new Uint32Array(places.length)
  for (let i = 0; i < places.length; i++) {
    const place = places[i]!
    sorted[next[(words[place]! >>> shift) & mask]!++] = place
  }
  return sorted
}

/** Sorts each run of places that are alike. */
function sortRuns(
  places: Uint32Array,
  alike: (a: number, b: number) => boolean,
  compare: (a: number, b: number) => number,
): void {
  let start = 0
  for (let end = 1; end <= places.length; end++) {
    if (end < places.length && alike(places[start]!, places[end]!)) continue
    if (end - start > insertedMax) places.subarray(start, end).sort(compare)
    else if (end - start > 1) insertSort(places, start, end, compare)
    start = end
  }
}

function insertSort(places: Uint32Array, start: number, end: number, compare: (a: number, b: number) => number): void {
  for (let i = start + 1; i < end; i++) {
    const place = places[i]!
    let to = i
    while (to > start && compare(places[to - 1]!, place) > 0) {
      places[to] = places[to - 1]!
      to--
    }
    places[to] = place
  }
}
