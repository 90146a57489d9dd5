/**
 * Several ascending keys found together in one leaf. The heads beside the slots say where each key belongs, in one walk ahead; the cells that
 * have to be looked at are all touched before the first of them is compared, so that a processor waits for them at the same time.
 */
import { headOf, longKey, type Page } from './page.ts'

export const sweepMax = 16

/** The keys, and what was found of them. */
export class KeySweep {
  /** Key i is `bytes[starts[i], ends[i])`. */
  bytes: Uint8Array = new Uint8Array(0)
  readonly starts = new Int32Array(sweepMax)
  readonly ends = new Int32Array(sweepMax)
  /** Of key i: how many entries begin with it, and how far the first of them lies from where the cursor is afterwards, which is never ahead. */
  readonly founds = new Int32Array(sweepMax)
  readonly distances = new Int32Array(sweepMax)
}

/** Where, in the page's words, the slots are from which the entries of a key have its head. */
const places = new Int32Array(sweepMax)
const heads = new Float64Array(sweepMax)
/** What was touched goes here, so that it counts as used. */
const touched = new Int32Array(1)

/** Slots that are passed at once, as long as the key lies beyond all of them. */
const stride = 8

/**
 * Finds the keys from `next` to `end` (exclusive), all above the entries before slot `from`. Returns the first that is not settled, or `end`: from
 * that one on they are to be looked for in another way, as they may lie beyond the leaf, or are of kinds that are rare. Distances are from the
 * page's first entry.
 */
export function sweepLeaf(page: Page, from: number, sweep: KeySweep, next: number, end: number): number {
  const ready = foresee(page, from, sweep, next, end)
  for (let i = next; i < ready; i++) if (!settle(page, sweep, i)) return i
  return ready
}

function foresee(page: Page, from: number, sweep: KeySweep, next: number, keysEnd: number): number {
  const { bytes, words, slots, prefixLength } = page
  const keys = sweep.bytes
  const prefixAt = page.prefixStart
  const cells = page.base + page.cellHeader
  const end = slots + (page.count << 1)
  let at = slots + (from << 1)
  let before = 0
  let sum = 0
  let ready = next
  for (; ready < keysEnd; ready++) {
    const start = sweep.starts[ready]!
    const keyEnd = sweep.ends[ready]!
    if (keyEnd - start <= prefixLength || keyEnd - start > page.keyHeadMax) break
    let shared = 0
    while (shared < prefixLength && keys[start + shared] === bytes[prefixAt + shared]) shared++
    if (shared < prefixLength) break
    const head = headOf(keys, start + prefixLength, keyEnd)
    if (head < before) break
    before = head
    while (at + 2 * stride < end && words[at + 2 * stride]! < head) at += 2 * stride
    while (at < end && words[at]! < head) at += 2
    if (at >= end) break
    places[ready] = at
    heads[ready] = head
    sum += bytes[cells + (words[at + 1]! & 0xffff)]!
  }
  touched[0] = sum
  return ready
}

/** Finds the entries of key `i`; false: not seen here. */
function settle(page: Page, sweep: KeySweep, i: number): boolean {
  const { words, slots } = page
  const end = slots + (page.count << 1)
  const restLength = sweep.ends[i]! - sweep.starts[i]! - page.prefixLength
  // Of a shorter key, the heads of its entries go on with whatever follows it.
  const highest = restLength >= 4 ? heads[i]! : heads[i]! + 2 ** (8 * (4 - restLength)) - 1
  let at = places[i]!
  let first = -1
  for (; at < end && words[at]! <= highest; at += 2) {
    const order = orderOfBeginning(page, at, sweep, i)
    if (order === notSeen) return false
    if (order > 0) break
    if (order === 0 && first < 0) first = at
  }
  // The entries of the next leaf may have the key as well.
  if (at >= end) return false
  sweep.distances[i] = ((first < 0 ? at : first) - slots) >>> 1
  sweep.founds[i] = first < 0 ? 0 : (at - first) >>> 1
  return true
}

const notSeen = 2

/** -1, 0, 1: the entry whose slot is at `at` in the words comes before key `i`, begins with it, comes after; 2 of an entry that is not whole in the page. */
function orderOfBeginning(page: Page, at: number, sweep: KeySweep, i: number): number {
  const { bytes, prefixLength } = page
  const keys = sweep.bytes
  const slot = page.words[at + 1]!
  const suffixLength = slot >>> 16
  if ((suffixLength & longKey) !== 0) return notSeen
  const start = page.base + page.cellHeader + (slot & 0xffff)
  const keyStart = sweep.starts[i]! + prefixLength
  const restLength = sweep.ends[i]! - keyStart
  const length = Math.min(suffixLength, restLength)
  let same = 0
  while (same < length && bytes[start + same] === keys[keyStart + same]) same++
  if (same < length) return bytes[start + same]! < keys[keyStart + same]! ? -1 : 1
  return suffixLength < restLength ? -1 : 0
}
