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
/** Room for so many is made with the walk; more, which costs ten times as much, only for a long one. */
const roomMin = 32

export class StampWalk {
  /** The bound: its first four bytes, and its last four with the highest bit turned over, so that signed numbers are in their order. */
  readonly #high: number
  readonly #low: number
  /** Wanted entries of the leaf the cursor is in, `#run[#at, #count)` those it has not come to. */
  #run = new Uint16Array(roomMin)
  #at = 0
  #count = 0
  /** The last entry that was looked at (behind: the next that is to be), and whether it is reached; -1: the cursor went elsewhere. */
  #looked = -1
  #reached = false
  /** The last byte of its key, as `#endOf` has it. */
  #end = -1
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

  /** The same of those that were found behind. */
  takeBehind(): number {
    return this.#run[--this.#count]!
  }

  /**
   * Finds wanted entries of the leaf, for `take`; false: it has none more. `index`: where the cursor is: at the entry taken last, unless
   * the walk was told to forget; `reached`: whether that one is.
   */
  find(page: Page, index: number, reached: boolean): boolean {
    if (this.#looked < 0) {
      this.#looked = index
      this.#reached = reached
      this.#end = this.#endOf(page, index)
    }
    while (this.#at === this.#count && this.#looked + 1 < page.count) this.#lookAhead(page)
    return this.#at < this.#count
  }

  /**
   * As `find`, against the order of keys, for `takeBehind`: wanted entries up to `index`, but for the first entry of the leaf, of which the leaf does not
   * say. A walk that is not forgotten goes on in the direction in which it began.
   */
  findBehind(page: Page, index: number): boolean {
    if (this.#looked < 0) this.#looked = index
    while (this.#at === this.#count && this.#looked > 0) this.#lookBehind(page)
    return this.#at < this.#count
  }

  #lookAhead(page: Page): void {
    this.#lookUntil(page, Math.min(page.count, this.#looked + 1 + this.#beginRun()))
  }

  /** The entry where it begins is decided about by the next one, which ends there. */
  #lookBehind(page: Page): void {
    const end = this.#looked + 1
    const begin = Math.max(0, this.#looked - this.#beginRun())
    this.#looked = begin
    this.#reached = this.#isReached(page, begin)
    this.#end = this.#endOf(page, begin)
    this.#lookUntil(page, end)
    this.#looked = begin
  }

  /** How many entries the run is for. */
  #beginRun(): number {
    const ahead = this.#ahead
    this.#ahead = Math.min(aheadMax, ahead * 4)
    if (ahead > this.#run.length) this.#run = new Uint16Array(aheadMax)
    this.#at = this.#count = 0
    return ahead
  }

  #lookUntil(page: Page, end: number): void {
    for (this.#lookOn(page, end); this.#looked + 1 < end; this.#lookOn(page, end)) this.#lookAtNext(page)
  }

  /**
   * Looks at entries up to `end` (exclusive), but for one of which more than its stamp and the byte before that is to be seen: calls for such
   * entries in this loop would take it half its speed.
   */
  #lookOn({ bytes, words, slots, base }: Page, end: number): void {
    const view = viewOf(bytes)
    const run = this.#run
    // Read together are the last byte of the key and the first three of the stamp; then the last four.
    const high = this.#high >>> 8
    const low = this.#low
    const stamps = base + 2 - stampLength - 1
    let before = this.#reached
    // Neighbours mostly differ in the last byte before the stamp. Where that is elsewhere for one of them, they are of different lengths.
    let endBefore = this.#end
    let count = this.#count
    let i = this.#looked + 1
    for (let word = slots + (i << 1) + 1; i < end; i++, word += 2) {
      const slot = words[word]!
      const length = slot >>> 16
      if (length >= longKey || length <= stampLength) break
      const at = stamps + (slot & 0xffff) + length
      const first = view.getInt32(at)
      const top = first & 0xffffff
      const here = top > high || (top === high && (view.getInt32(at + 4) ^ highestBit) >= low)
      const keyEnd = first >>> 24
      if (here) {
        if (before && keyEnd === endBefore) break
        run[count++] = i
      }
      before = here
      endBefore = keyEnd
    }
    this.#looked = i - 1
    this.#reached = before
    this.#end = endBefore
    this.#count = count
  }

  #lookAtNext(page: Page): void {
    const i = this.#looked + 1
    const here = this.#isReached(page, i)
    if (here && !(this.#reached && isSameKey(page, i))) this.#run[this.#count++] = i
    this.#looked = i
    this.#reached = here
    this.#end = this.#endOf(page, i)
  }

  /** The last byte before an entry's stamp; -1: it is not beside that. */
  #endOf(page: Page, index: number): number {
    const length = page.words[page.slots + (index << 1) + 1]! >>> 16
    if (length >= longKey || length <= stampLength) return -1
    return page.bytes[page.suffixStart(index) + length - stampLength - 1]!
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
export function isSameKey(page: Page, index: number): boolean {
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
