/**
 * A place in a tree. While a cursor rests on an entry its leaf is pinned, so moving within a leaf touches the page
 * alone; at the end of a leaf it goes by way of the parents, which it knows by page number.
 *
 *   before the first  <-- previous --  on an entry  -- next -->  after the last
 *
 * `valid` says that it is on an entry. A cursor must be saved before anything but this cursor changes the tree, and
 * before a yield: it remembers its key then and holds no page; the next move (or `restore`) goes there again.
 */
import { assert } from '../base/assert.ts'
import { compareRanges } from './copy.ts'
import { type KeySweep, sweepLeaf } from './leaf-sweep.ts'
import { headerSize, headOf, type Page } from './page.ts'
import { isSameKey, type StampWalk } from './stamp-walk.ts'
import type { Tree, ValueRef } from './tree.ts'

const noBytes = new Uint8Array(0)

export class TreeCursor {
  /** On an entry. */
  valid = false
  /** The current value is long: `readValue` is needed. After a move only. */
  isLong = false
  /** The current value, as long as it is not long. */
  readonly value: ValueRef = { bytes: noBytes, start: 0, end: 0 }
  /** The current key after `readKey`. */
  key: Uint8Array = noBytes
  keyLength = 0
  readonly #tree: Tree
  readonly #page: Page
  /** Made by the first step from a leaf to the next: most walks end in the leaf where they began. */
  #branch: Page | undefined
  /** Plain lists: a small query opens a cursor or two, and typed arrays would be dearer to make than what it reads. */
  readonly #pathPage: number[] = [0, 0, 0, 0]
  readonly #pathChild: number[] = [0, 0, 0, 0]
  #height = 0
  #index = 0
  /** The pinned leaf's frame, or 0. */
  #frame = 0
  #seen = 0
  #saved = false

  constructor(tree: Tree) {
    this.#tree = tree
    this.#page = tree.pager.view()
  }

  // ---- moving

  /** Rests on the first entry whose key is >= `key`. False: there is none, the cursor is after the last. */
  seek(key: Uint8Array, keyLength: number): boolean {
    const slot = this.#descend(key, keyLength)
    this.#index = slot >= 0 ? slot : ~slot
    if (this.#index < this.#page.count) return this.#rest()
    return this.#nextLeaf()
  }

  /**
   * As `seek`, of a key above all that lie before the entry the cursor is on: many keys in their order are found without a way down
   * the tree for each.
   */
  seekOnward(key: Uint8Array, keyLength: number): boolean {
    if (this.valid && this.#frame !== 0 && this.#seen === this.#tree.changes) {
      const page = this.#page
      const slot = page.searchOnward(key, keyLength, this.#index)
      const index = slot >= 0 ? slot : ~slot
      if (index >= this.#index && index < page.count) {
        this.#index = index
        return this.#rest()
      }
      if (index === page.count && this.#leafOnward(key, keyLength)) {
        return this.#index < this.#page.count ? this.#rest() : this.#nextLeaf()
      }
    }
    return this.seek(key, keyLength)
  }

  /**
   * Finds the entries that begin with each of the keys from `next` to `end` (exclusive), as long as they lie in the leaf. The keys ascend, and
   * are above all that lie before the entry the cursor is on. Returns the first that is not settled, or `end`; the cursor is then where the last
   * settled one belongs.
   */
  sweep(keys: KeySweep, next: number, end: number): number {
    if (!this.valid || this.#frame === 0 || this.#seen !== this.#tree.changes) return next
    const settled = sweepLeaf(this.#page, this.#index, keys, next, end)
    if (settled === next) return next
    const { distances } = keys
    this.#index = distances[settled - 1]!
    for (let i = next; i < settled; i++) distances[i]! -= this.#index
    this.#rest()
    return settled
  }

  /** To where a key belongs that lies beyond the leaf, when the leaf for it has the same parent and is not the last there. */
  #leafOnward(key: Uint8Array, keyLength: number): boolean {
    if (this.#height === 0) return false
    const { pager } = this.#tree
    this.#branch ??= pager.view()
    const branch = pager.attach(this.#branch, pager.fetch(this.#pathPage[1]!))
    const following = this.#pathChild[1]! + 1
    if (following >= branch.count) return false
    const slot = branch.searchOnward(key, keyLength, following)
    const child = slot >= 0 ? slot : ~slot - 1
    // Of the last child it is not known where its keys end.
    if (child === branch.count - 1) return false
    if (child < following) {
      this.#index = this.#page.count
      return true
    }
    this.#pathChild[1] = child
    this.#pathPage[0] = branch.child(child)
    this.#pinLeaf(this.#pathPage[0]!)
    const place = this.#page.searchOnward(key, keyLength, 0)
    this.#index = place >= 0 ? place : ~place
    return true
  }

  /** Rests on the last entry whose key is < `key`. False: there is none, the cursor is before the first. */
  seekBefore(key: Uint8Array, keyLength: number): boolean {
    const slot = this.#descend(key, keyLength)
    this.#index = (slot >= 0 ? slot : ~slot) - 1
    if (this.#index >= 0) return this.#rest()
    return this.#previousLeaf()
  }

  first(): boolean {
    this.#descendToEnd(this.#tree.root, false)
    this.#index = 0
    return this.#page.count > 0 ? this.#rest() : this.#leave()
  }

  last(): boolean {
    this.#descendToEnd(this.#tree.root, true)
    this.#index = this.#page.count - 1
    return this.#index >= 0 ? this.#rest() : this.#leave()
  }

  next(): boolean {
    if (this.#seen !== this.#tree.changes || this.#frame === 0) {
      if (this.#return(true)) return this.valid
    }
    const index = this.#index + 1
    const page = this.#page
    if (index < page.count) {
      this.#index = index
      // As #rest, written out: this is the inner loop of every scan.
      const bytes = page.bytes
      const slot = page.words[page.slots + (index << 1) + 1]!
      const cell = page.base + (slot & 0xffff)
      const start = cell + 2 + ((slot >>> 16) & 0x7fff)
      const { value } = this
      value.bytes = bytes
      value.start = start
      const high = bytes[cell + 1]!
      value.end = start + (bytes[cell]! | ((high & 0x7f) << 8))
      this.isLong = high >= 0x80
      this.valid = true
      return true
    }
    return this.#nextLeaf()
  }

  previous(): boolean {
    if (this.#seen !== this.#tree.changes || this.#frame === 0) {
      if (this.#return(false)) return this.valid
    }
    if (this.#index > 0) {
      this.#index--
      return this.#rest()
    }
    return this.#previousLeaf()
  }

  /** Within the leaf, to an entry that a walk over stamps has found, as long as the cursor was not saved since. */
  restOn(index: number): void {
    this.#index = index
    this.#rest()
  }

  /**
   * Within the leaf, to the next entry that `walk` wants. `reached`: whether the current one is. False: there is none, and the cursor
   * rests on the last entry of the leaf; or it is saved, and stays so.
   */
  nextStamped(walk: StampWalk, reached: boolean): boolean {
    const hasFound = walk.hasFound || (this.#isInLeaf && walk.find(this.#page, this.#index, reached))
    if (hasFound) this.restOn(walk.take())
    else if (this.#isInLeaf) this.restOn(this.#page.count - 1)
    return hasFound
  }

  /**
   * Within the leaf, to the last entry that `walk` wants, up to the one `distance` before the current one. False: none but perhaps the
   * first entry of the leaf; or the cursor is saved. Then it stays where it is.
   */
  previousStamped(walk: StampWalk, distance: number): boolean {
    const hasFound = walk.hasFound || (this.#isInLeaf && walk.findBehind(this.#page, this.#index - distance))
    if (hasFound) this.restOn(walk.takeBehind())
    return hasFound
  }

  // ---- reading

  /** The current value, also when it is long. */
  readValue(): ValueRef {
    assert(this.valid, 'the cursor is on an entry')
    if (this.#saved) assert(this.restore(), 'the entry where the cursor was saved is still there')
    this.#tree.readValue(this.#page, this.#index, this.value)
    return this.value
  }

  /** Puts the current key into `key` and `keyLength`. */
  readKey(): void {
    assert(this.valid, 'the cursor is on an entry')
    if (this.#saved) return
    this.readKeyBeside(0)
  }

  /** The memory of the page that the cursor is on. */
  get pageBytes(): Uint8Array {
    return this.#page.bytes
  }

  /** Whether the current key begins with `prefix[0, prefixLength)`. */
  keyStartsWith(prefix: Uint8Array, prefixLength: number): boolean {
    if (this.#saved) {
      return this.keyLength >= prefixLength && compareRanges(this.key, 0, prefixLength, prefix, 0, prefixLength) === 0
    }
    const page = this.#page
    const { bytes, words, prefixLength: shared } = page
    const at = page.slots + (this.#index << 1)
    const slot = words[at + 1]!
    const isLong = slot >>> 16 >= 0x8000
    let known = shared
    if (prefixLength - shared >= 4 && !isLong) {
      // The first bytes beside the slot tell most keys apart, without a look at the cell.
      if (words[at] !== headOf(prefix, shared, prefixLength)) return false
      known += 4
    }
    const prefixAt = page.base + headerSize
    const common = Math.min(prefixLength, shared)
    for (let i = 0; i < common; i++) if (bytes[prefixAt + i] !== prefix[i]) return false
    if (prefixLength <= shared) return true
    if (isLong) {
      this.readKey()
      return this.keyLength >= prefixLength && compareRanges(this.key, 0, prefixLength, prefix, 0, prefixLength) === 0
    }
    if (slot >>> 16 < prefixLength - shared) return false
    const start = page.base + page.cellHeader + (slot & 0xffff) - shared
    for (let i = known; i < prefixLength; i++) if (bytes[start + i] !== prefix[i]) return false
    return true
  }

  // ---- the entries beside the current one, in the same leaf: `distance` entries ahead, or behind when it is negative

  /** How many there are ahead (behind). */
  countBeside(forward: boolean): number {
    if (!this.#isInLeaf) return 0
    return forward ? this.#page.count - 1 - this.#index : this.#index
  }

  /** Whether the next key is known to differ from the current one in the first `length` bytes; false when that is not seen at a glance. */
  differsAhead(length: number): boolean {
    if (this.countBeside(true) <= 0) return false
    const { words, slots, prefixLength } = this.#page
    const at = slots + (this.#index << 1)
    return length >= prefixLength + 4 && words[at] !== words[at + 2]
  }

  /** Where the last `length` bytes of the key lie in `pageBytes`; -1: not in one piece. */
  keyEndBeside(distance: number, length: number): number {
    if (this.#saved || this.#frame === 0) return -1
    const page = this.#page
    const slot = page.words[page.slots + ((this.#index + distance) << 1) + 1]!
    const suffixLength = slot >>> 16
    // Of a long key, whose length has a flag, the end is elsewhere.
    if (suffixLength >= 0x8000 || suffixLength < length) return -1
    return page.base + page.cellHeader + (slot & 0xffff) + suffixLength - length
  }

  /** Where the value lies in `pageBytes`; -1: in other pages. */
  valueBeside(distance: number): number {
    const page = this.#page
    const index = this.#index + distance
    return page.isOverflow(index) ? -1 : page.valueStart(index)
  }

  /** Order of the key against another one. */
  compareBeside(distance: number, key: Uint8Array, keyLength: number): number {
    return this.#page.compareKey(this.#index + distance, key, keyLength)
  }

  /** Whether the key is, but for its stamp, that of the entry before. */
  isSameKeyBeside(distance: number): boolean {
    return isSameKey(this.#page, this.#index + distance)
  }

  /** Whether the value has no bytes. */
  isEmptyBeside(distance: number): boolean {
    const { bytes, words, base, slots } = this.#page
    const cell = base + (words[slots + ((this.#index + distance) << 1) + 1]! & 0xffff)
    return bytes[cell] === 0 && bytes[cell + 1] === 0
  }

  /** Puts the key into `key` and `keyLength`. */
  readKeyBeside(distance: number): void {
    const index = this.#index + distance
    const length = this.#page.keyLength(index)
    if (this.key.length < length) this.key = new Uint8Array(Math.max(length, 64, this.key.length * 2))
    this.keyLength = this.#page.readKey(index, this.key)
  }

  // ---- changing

  /**
   * Inserts an entry whose key sorts directly before the current one (after all, when the cursor is after the last), as
   * right after a `seek` that did not find the key. Then rests on the new entry.
   */
  insert(key: Uint8Array, keyLength: number, value: Uint8Array, valueStart: number, valueEnd: number): void {
    this.#current()
    const tree = this.#tree
    if (this.#index === 0 && this.#height > 0) {
      // The key may belong to the end of the leaf before.
      this.#release()
      tree.put(key, keyLength, value, valueStart, valueEnd)
      this.seek(key, keyLength)
      return
    }
    const index = this.#index
    this.#release()
    tree.takePath(this.#pathPage, this.#pathChild, this.#height)
    this.#adopt(tree.insertAt(index, key, keyLength, value, valueStart, valueEnd))
  }

  /** The current entry becomes (key, value); the key sorts in the same place. Rests on the entry. */
  replace(key: Uint8Array, keyLength: number, value: Uint8Array, valueStart: number, valueEnd: number): void {
    this.#current()
    assert(this.valid, 'the cursor is on an entry')
    const tree = this.#tree
    const index = this.#index
    const order = this.#page.compareKey(index, key, keyLength)
    const count = this.#page.count
    this.#release()
    // A page's first key may not sink below, nor its last rise above, what the parents say; else the leaf stays.
    const stays = order === 0 || this.#height === 0 || ((index > 0 || order < 0) && (index < count - 1 || order > 0))
    tree.takePath(this.#pathPage, this.#pathChild, this.#height)
    if (stays) {
      this.#adopt(tree.replaceEntryAt(index, key, keyLength, value, valueStart, valueEnd))
      return
    }
    tree.removeAt(index)
    tree.put(key, keyLength, value, valueStart, valueEnd)
    this.seek(key, keyLength)
  }

  /** Removes the current entry, then rests on the one that followed. */
  remove(): void {
    this.#current()
    this.readKey()
    const tree = this.#tree
    const index = this.#index
    this.#release()
    tree.takePath(this.#pathPage, this.#pathChild, this.#height)
    if (!tree.removeAt(index)) {
      this.seek(this.key, this.keyLength)
      return
    }
    this.#adoptLeaf(index)
    if (index < this.#page.count) this.#rest()
    else this.#nextLeaf()
  }

  /**
   * Passes over `count` entries, the current one the first and all in the leaf, and removes those whose mark is not 0. Then rests on the
   * entry that follows them; false: there is none.
   */
  passRemoving(marks: Uint8Array, count: number): boolean {
    this.#current()
    const index = this.#index
    let kept = 0
    for (let i = 0; i < count; i++) if (marks[i] === 0) kept++
    if (kept === count) {
      this.#index = index + count - 1
      return this.next()
    }
    this.readKeyBeside(count - 1)
    const tree = this.#tree
    this.#release()
    tree.takePath(this.#pathPage, this.#pathChild, this.#height)
    if (!tree.removeMarkedAt(index, marks, count)) {
      const isThere = this.seek(this.key, this.keyLength)
      return isThere && marks[count - 1] === 0 ? this.next() : isThere
    }
    this.#adoptLeaf(index + kept)
    return this.#index < this.#page.count ? this.#rest() : this.#nextLeaf()
  }

  /** Remembers the key and lets go of the page. */
  save(): void {
    if (this.#saved || this.#frame === 0) return
    this.#check()
    if (this.valid) this.readKey()
    this.#release()
    this.#saved = true
  }

  /**
   * Goes back to where the cursor was saved. False when that entry is gone: the cursor then rests on the one that
   * followed it, if any.
   */
  restore(): boolean {
    if (!this.#saved) return this.valid
    this.#saved = false
    const tree = this.#tree
    if (this.#seen === tree.changes) {
      this.#pinLeaf(this.#pathPage[0]!)
      if (!this.valid) return false
      return this.#rest()
    }
    if (!this.valid) {
      this.#returnToEdge()
      return false
    }
    return this.seek(this.key, this.keyLength) && this.#page.compareKey(this.#index, this.key, this.keyLength) === 0
  }

  /** Lets go of everything, also of the value, which may be long. */
  close(): void {
    this.#release()
    this.value.bytes = noBytes
    this.valid = false
    this.#saved = false
  }

  // ---- inside

  /** Whether the leaf is at hand, with nothing changed. */
  get #isInLeaf(): boolean {
    return !this.#saved && this.#frame !== 0 && this.#seen === this.#tree.changes
  }

  /** Makes `value` that of entry `#index`. */
  #rest(): true {
    const page = this.#page
    const { bytes } = page
    const slot = page.words[page.slots + (this.#index << 1) + 1]!
    const cell = page.base + (slot & 0xffff)
    const start = cell + 2 + ((slot >>> 16) & 0x7fff)
    const { value } = this
    value.bytes = bytes
    value.start = start
    const high = bytes[cell + 1]!
    value.end = start + (bytes[cell]! | ((high & 0x7f) << 8))
    this.isLong = high >= 0x80
    this.valid = true
    return true
  }

  #leave(): false {
    this.valid = false
    return false
  }

  #check(): void {
    assert(this.#seen === this.#tree.changes, 'a cursor is saved before others change its tree')
  }

  /** Before a change: the cursor is where it was, pinned. */
  #current(): void {
    if (this.#saved) assert(this.restore() || !this.valid, 'the entry where the cursor was saved is still there')
    this.#check()
    assert(this.#frame !== 0, 'the cursor has been placed')
  }

  /**
   * A move begins while the cursor holds no leaf. True when the way back is already the move: `forward` and the entry
   * it was on is gone, so that it rests on the one that follows.
   */
  #return(forward: boolean): boolean {
    if (!this.#saved) {
      this.#check()
      assert(this.#frame !== 0, 'the cursor has been placed')
    }
    const tree = this.#tree
    this.#saved = false
    if (this.#seen === tree.changes) {
      this.#pinLeaf(this.#pathPage[0]!)
      return false
    }
    if (!this.valid) {
      // What the tree has before the first or after the last may be new.
      if (this.#index < 0 !== forward) this.#returnToEdge()
      else if (forward) this.first()
      else this.last()
      return true
    }
    if (!forward) {
      this.seekBefore(this.key, this.keyLength)
      return true
    }
    if (!this.seek(this.key, this.keyLength)) return true
    return this.#page.compareKey(this.#index, this.key, this.keyLength) !== 0
  }

  /** To before the first or after the last entry, as the cursor was. */
  #returnToEdge(): void {
    const before = this.#index < 0
    this.#descendToEnd(this.#tree.root, !before)
    this.#index = before ? -1 : this.#page.count
    this.valid = false
  }

  #release(): void {
    if (this.#frame === 0) return
    this.#tree.pager.unpin(this.#frame)
    this.#frame = 0
  }

  #pinLeaf(id: number): void {
    this.#release()
    const { pager } = this.#tree
    const frame = pager.fetch(id)
    pager.attach(this.#page, frame)
    pager.pin(frame)
    this.#frame = frame
  }

  /** The tree changed by this cursor, whose leaf the path still names. */
  #adoptLeaf(index: number): void {
    this.#seen = this.#tree.changes
    this.#index = index
    this.#pinLeaf(this.#pathPage[0]!)
  }

  /** The tree changed by this cursor: takes over the path that the tree has now. */
  #adopt(index: number): void {
    const tree = this.#tree
    this.#height = tree.height
    for (let level = 0; level <= tree.height; level++) {
      this.#pathPage[level] = tree.pathPage[level]!
      this.#pathChild[level] = tree.pathChild[level]!
    }
    this.#adoptLeaf(index)
    this.#rest()
  }

  #descend(key: Uint8Array, keyLength: number): number {
    this.#release()
    this.#saved = false
    const tree = this.#tree
    if (tree.dropped) throw tree.goneError()
    const { pager } = tree
    const page = this.#page
    this.#seen = tree.changes
    let id: number = tree.root
    let frame = pager.fetch(id)
    pager.attach(page, frame)
    this.#height = page.level
    while (page.level !== 0) {
      const slot = page.search(key, keyLength)
      const child = slot >= 0 ? slot : ~slot - 1
      this.#pathPage[page.level] = id
      this.#pathChild[page.level] = child
      id = page.child(child)
      frame = pager.fetch(id)
      pager.attach(page, frame)
    }
    this.#pathPage[0] = id
    pager.pin(frame)
    this.#frame = frame
    return page.search(key, keyLength)
  }

  /** Goes to the first or last leaf of the whole tree or of what lies below page `id`. */
  #descendToEnd(id: number, last: boolean): void {
    this.#release()
    this.#saved = false
    const tree = this.#tree
    if (tree.dropped) throw tree.goneError()
    const { pager } = tree
    const page = this.#page
    this.#seen = tree.changes
    let frame = pager.fetch(id)
    pager.attach(page, frame)
    if (id === tree.root) this.#height = page.level
    while (page.level !== 0) {
      const child = last ? page.count - 1 : -1
      this.#pathPage[page.level] = id
      this.#pathChild[page.level] = child
      id = page.child(child)
      frame = pager.fetch(id)
      pager.attach(page, frame)
    }
    this.#pathPage[0] = id
    pager.pin(frame)
    this.#frame = frame
  }

  #nextLeaf(): boolean {
    const { pager } = this.#tree
    this.#branch ??= pager.view()
    const page = this.#branch
    for (let level = 1; level <= this.#height; level++) {
      pager.attach(page, pager.fetch(this.#pathPage[level]!))
      const child = this.#pathChild[level]! + 1
      if (child >= page.count) continue
      this.#pathChild[level] = child
      this.#descendToEnd(page.child(child), false)
      this.#index = 0
      return this.#rest()
    }
    this.#index = this.#page.count
    return this.#leave()
  }

  #previousLeaf(): boolean {
    const { pager } = this.#tree
    this.#branch ??= pager.view()
    const page = this.#branch
    for (let level = 1; level <= this.#height; level++) {
      const child = this.#pathChild[level]! - 1
      if (child < -1) continue
      pager.attach(page, pager.fetch(this.#pathPage[level]!))
      this.#pathChild[level] = child
      this.#descendToEnd(page.child(child), true)
      this.#index = this.#page.count - 1
      return this.#rest()
    }
    this.#index = -1
    return this.#leave()
  }
}
