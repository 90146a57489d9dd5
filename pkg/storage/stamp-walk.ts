/**
 * Walks within a leaf of a tree whose keys all end in a stamp: seven bytes, by which entries with otherwise the same key ascend. Of
 * each key a walk wants the first entry whose stamp is not below a bound.
 *
 * An entry is reached when its stamp is not below the bound. So the wanted entry of a key is the reached one before which lies none of
 * that key that is reached, too: whether an entry is wanted says the one before it, and no key has to be kept.
 *
 * Wanted entries ahead are found several at a time, at first few, then more, in one loop over slots and stamps: that loop is what a
 * scan pays for versions, and its steps are those of a walk over a tree without any.
 */
import { viewOf } from '../base/byte-view.ts'
import { compareRanges } from './copy.ts'
import { longKey, type Page } from './page.ts'

export const stampLength = 7

/** Turned over, it gives numbers without a sign the order of those with one. */
const highestBit = 0x80000000
/** Entries that are looked at in one go: the first time, and at most. */
const aheadMin = 8
const aheadMax = 256

export class StampWalk {
  /** The bound: its first four bytes, and its last four with the highest bit turned over, so that signed numbers are in their order. */
  readonly #high: number
  readonly #low: number
  /** Wanted entries of the leaf the cursor is in, `#run[#at, #count)` those it has not come to. */
  readonly #run: number[] = []
  #at = 0
  #count = 0
  /** The last entry that was looked at, and whether it is reached; -1: the cursor went elsewhere. */
  #looked = -1
  #reached = false
  #ahead = aheadMin

  /** The bound is `bytes[at, at + stampLength)`; its first bit is 0, as that of every stamp. */
  constructor(bytes: Uint8Array, at: number) {
    this.#high = numberAt(bytes, at)
    this.#low = numberAt(bytes, at + 3) ^ highestBit
  }

  /** The cursor moves by other ways, or the leaf may change. */
  forget(): void {
    this.#looked = -1
    this.#at = this.#count = 0
  }

  /** Whether a wanted entry was found that is not taken yet. */
  get hasFound(): boolean {
    return this.#at < this.#count
  }

  /** The next wanted entry of those that were found. */
  take(): number {
    return this.#run[this.#at++]!
  }

  /**
   * Finds wanted entries of the leaf, for `take`; false: it has none more. `index`: where the cursor is: at the entry taken last, unless
   * the walk was told to forget; `reached`: whether that one is.
   */
  find(page: Page, index: number, reached: boolean): boolean {
    if (this.#looked < 0) {
      this.#looked = index
      this.#reached = reached
    }
    while (this.#at === this.#count && this.#looked + 1 < page.count) this.#lookAhead(page)
    return this.#at < this.#count
  }

  /** The last wanted entry up to `index`; -1: there is none, or it is the first of the page, of which the page does not say. */
  previous(page: Page, index: number): number {
    let here = index > 0 && this.#isReached(page, index)
    for (let i = index; i > 0; i--) {
      const before = this.#isReached(page, i - 1)
      if (here && !(before && isSameKey(page, i))) return i
      here = before
    }
    return -1
  }

  #lookAhead(page: Page): void {
    const { bytes, words, slots, base } = page
    const view = viewOf(bytes)
    const run = this.#run
    const high = this.#high
    const low = this.#low
    const end = Math.min(page.count, this.#looked + 1 + this.#ahead)
    let before = this.#reached
    let endBefore = -1
    let count = 0
    for (let i = this.#looked + 1; i < end; i++) {
      const slot = words[slots + (i << 1) + 1]!
      const length = slot >>> 16
      // What `#isReached` does, written out.
      let here: boolean
      // Neighbours mostly differ in the last byte before the stamp.
      let keyEnd = -1
      if (length > stampLength && length < longKey) {
        const stamp = base + (slot & 0xffff) + 2 + length - stampLength
        const first = view.getInt32(stamp)
        here = first > high || (first === high && (view.getInt32(stamp + 3) ^ highestBit) >= low)
        keyEnd = bytes[stamp - 1]!
      } else here = this.#isReached(page, i)
      if (here && !(before && (keyEnd === endBefore || endBefore < 0) && isSameKey(page, i))) run[count++] = i
      before = here
      endBefore = keyEnd
    }
    this.#looked = end - 1
    this.#reached = before
    this.#at = 0
    this.#count = count
    this.#ahead = Math.min(aheadMax, this.#ahead * 4)
  }

  #isReached(page: Page, index: number): boolean {
    const length = page.words[page.slots + (index << 1) + 1]! >>> 16
    if (length >= stampLength && length < longKey) {
      return this.#isBelow(page.bytes, page.suffixStart(index) + length - stampLength)
    }
    // Parts of it are elsewhere: in what all keys of the page share, or in other pages.
    const keyLength = page.keyLength(index)
    if (wholeKey.length < keyLength) wholeKey = new Uint8Array(2 * keyLength)
    page.readKey(index, wholeKey)
    return this.#isBelow(wholeKey, keyLength - stampLength)
  }

  /** Whether the bound is not above the stamp at `bytes[at]`. */
  #isBelow(bytes: Uint8Array, at: number): boolean {
    const first = numberAt(bytes, at)
    return first > this.#high || (first === this.#high && (numberAt(bytes, at + 3) ^ highestBit) >= this.#low)
  }
}

/** For a moment. */
let wholeKey = new Uint8Array(64)

function numberAt(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
}

/** Whether the key of the entry, but for its stamp, is that of the one before it. */
function isSameKey(page: Page, index: number): boolean {
  const { words } = page
  const at = page.slots + (index << 1)
  const slot = words[at + 1]!
  const other = words[at - 1]!
  const length = slot >>> 16
  if (length !== other >>> 16) return false
  return length < longKey ? isSameShortKey(page, slot, other, length - stampLength) : isSameLongKey(page, index)
}

function isSameShortKey({ bytes, base }: Page, slot: number, other: number, keyLength: number): boolean {
  const a = base + 2 + (slot & 0xffff)
  const b = base + 2 + (other & 0xffff)
  for (let i = 0; i < keyLength; i++) if (bytes[a + i] !== bytes[b + i]) return false
  return true
}

function isSameLongKey(page: Page, index: number): boolean {
  const key = page.keyCopy(index)
  const before = page.keyCopy(index - 1)
  const end = key.length - stampLength
  return key.length === before.length && compareRanges(key, 0, end, before, 0, end) === 0
}
