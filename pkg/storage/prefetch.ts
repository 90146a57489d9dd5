/**
 * Entries that will be read soon, found together.
 *
 * An entry that nobody has touched lately is waited for several times: for the head of its leaf, for its slot, for its cell. Taken one after
 * the other, entries are waited for one after the other as well; here each step is done for all of them before the next one, in loops so short
 * that a processor waits for many of them at once.
 *
 *   descend   through the branches, which are warm, to the number of the leaf; keys that ascend mostly stay below one branch
 *   touch     head and slots of every leaf; then about where the slot is; then the cell that it names
 *   find      the entries themselves
 *
 * It is only ever a help. What is not in memory is left out: nothing is read from disk, nothing is pinned. What may have moved since is not given,
 * and whoever asked for it reads as ever.
 */
import { compareRanges } from './copy.ts'
import { headOf, longKey, type Page } from './page.ts'
import { touchSlots } from './touch.ts'
import type { Tree, ValueRef } from './tree.ts'

export const prefetchMax = 16

/** What is touched of a value at most; a long one is read from its beginning, and what follows is foreseen by the processor itself. */
const touchedBytes = 448
const lineBytes = 64

/** Of the entries being found, for the moment: frame of the leaf (0: not in memory), which entry of it that seems to be, and where its cell is. */
const frames = new Int32Array(prefetchMax)
const guesses = new Int32Array(prefetchMax)
const cells = new Int32Array(prefetchMax)
/** What was touched goes here, so that it counts as used. */
const touched = new Int32Array(1)

export class Prefetch {
  readonly #tree: Tree
  readonly #page: Page
  readonly #keys: Uint8Array[] = []
  /** Of each entry found: leaf and frame; where the value lies in the frame's slab; its end is 0 when it is not known. */
  readonly #leaves: number[] = []
  readonly #frames: number[] = []
  readonly #starts: number[] = []
  readonly #ends: number[] = []
  /** The tree's count of changes when they were found. */
  #seen = -1

  constructor(tree: Tree) {
    this.#tree = tree
    this.#page = tree.pager.view()
  }

  /** Where key `i`, below `prefetchMax`, is to be put before `find`. */
  key(i: number, keyLength: number): Uint8Array {
    let key = this.#keys[i]
    if (key === undefined || key.length < keyLength) {
      key = new Uint8Array(keyLength)
      this.#keys[i] = key
    }
    return key
  }

  /** Finds the first entry not below each of `count` keys of `keyLength` bytes, when that begins with the key's first `prefixLength` bytes. */
  find(count: number, keyLength: number, prefixLength: number): void {
    const tree = this.#tree
    this.#seen = -1
    if (tree.dropped) return
    for (let i = 0; i < count; i++) {
      if (i === 0 || !this.#beside(i, keyLength)) this.#descend(i, this.#keys[i]!, keyLength)
    }
    this.#touch(count, keyLength)
    for (let i = 0; i < count; i++) this.#settle(i, this.#keys[i]!, keyLength, prefixLength)
    this.#seen = tree.changes
  }

  /** The value of entry `i`, which lies there until the next call on any tree, or a yield; false: it must be looked for. */
  take(i: number, into: ValueRef): boolean {
    const { pager, changes } = this.#tree
    const end = this.#ends[i]!
    const frame = this.#frames[i]!
    if (end === 0 || this.#seen !== changes || pager.frameOf[this.#leaves[i]!] !== frame) return false
    pager.used[frame] = 1
    into.bytes = pager.bytesOf(frame)
    into.start = this.#starts[i]!
    into.end = end
    return true
  }

  #descend(i: number, key: Uint8Array, keyLength: number): void {
    const { pager, root } = this.#tree
    const page = this.#page
    let id: number = root
    let frame = pager.frameOf[id]!
    while (frame > 0) {
      pager.attach(page, frame)
      if (page.level === 0) break
      const slot = page.search(key, keyLength)
      id = page.child(slot >= 0 ? slot : ~slot - 1)
      frame = pager.frameOf[id]!
      // The leaf itself is left alone until all are known.
      if (page.level === 1) break
    }
    this.#leaves[i] = id
    frames[i] = frame
  }

  /** Looks for the leaf of key `i` below the branch that has that of the key before; false: it may lie below another. */
  #beside(i: number, keyLength: number): boolean {
    const page = this.#page
    if (page.level !== 1 || frames[i - 1]! === 0) return false
    const key = this.#keys[i]!
    const before = this.#keys[i - 1]!
    if (compareRanges(key, 0, keyLength, before, 0, keyLength) < 0) return false
    const slot = page.search(key, keyLength)
    const child = slot >= 0 ? slot : ~slot - 1
    // Of the last child it is not known where its keys end.
    if (child === page.count - 1) return false
    const id = page.child(child)
    this.#leaves[i] = id
    frames[i] = this.#tree.pager.frameOf[id]!
    return true
  }

  #touch(count: number, keyLength: number): void {
    const { pager } = this.#tree
    for (let i = 0; i < count; i++) {
      const frame = frames[i]!
      touchSlots(pager.wordsOf(frame), pager.baseOf(frame) >>> 2)
    }
    let sum = 0
    for (let i = 0; i < count; i++) cells[i] = this.#guess(i, frames[i]!, this.#keys[i]!, keyLength)
    for (let i = 0; i < count; i++) {
      const bytes = pager.bytesOf(frames[i]!)
      const cell = cells[i]!
      const end = Math.min(cell + touchedBytes, bytes.length)
      for (let at = cell; at < end; at += lineBytes) sum += bytes[at]!
    }
    touched[0] = sum
  }

  /** Where the cell of the key is, if the keys of the leaf are spread evenly. */
  #guess(i: number, frame: number, key: Uint8Array, keyLength: number): number {
    const { pager } = this.#tree
    const words = pager.wordsOf(frame)
    const base = pager.baseOf(frame)
    const word = base >>> 2
    const prefixLength = words[word]! >>> 16
    const last = words[word + 1]! - 1
    guesses[i] = 0
    if (frame === 0 || last < 0) return base
    const slots = word + 8 + ((prefixLength + 3) >>> 2)
    const low = words[slots]!
    const high = words[slots + (last << 1)]!
    const share = (headOf(key, prefixLength, keyLength) - low) / (high - low)
    const slot = share > 0 && share < 1 ? Math.floor(share * last) : share >= 1 ? last : 0
    guesses[i] = slot
    return base + (words[slots + (slot << 1) + 1]! & 0xffff)
  }

  #settle(i: number, key: Uint8Array, keyLength: number, prefixLength: number): void {
    const { pager } = this.#tree
    const frame = frames[i]!
    this.#frames[i] = frame
    this.#ends[i] = 0
    if (frame === 0) return
    const page = pager.attach(this.#page, frame)
    let index = guesses[i]!
    if (!page.isFirstFrom(index, key, keyLength)) {
      const slot = page.search(key, keyLength)
      index = slot >= 0 ? slot : ~slot
    }
    if (index === page.count) return
    const { bytes } = page
    const slot = page.words[page.slots + (index << 1) + 1]!
    const cell = page.base + (slot & 0xffff)
    const high = bytes[cell + 1]!
    // The first of the next leaf may be it, long ones lie elsewhere: these are read as ever.
    if (slot >>> 16 >= longKey || high >= 0x80 || !page.keyStartsWith(index, key, prefixLength)) return
    const start = cell + 2 + (slot >>> 16)
    this.#starts[i] = start
    this.#ends[i] = start + (bytes[cell]! | (high << 8))
  }
}
