/**
 * A B+ tree over the pager: byte-string keys in memcmp order. The root page keeps its number for life; when it splits
 * its content moves to a new page below it. Pages name their children by number, so that a page which moves on disk
 * changes nobody else. There are no links between neighbours: a cursor goes by way of the parents.
 *
 * A path names, per level (0 the leaf), the page and in which child of the page above it we are:
 * `pathPage[level]`, and `pathChild[level]` the child index taken in `pathPage[level]` (-1 the leftmost).
 *
 * INVARIANTS
 *  (1) All leaves have level 0, a branch's children the level below its own.
 *  (2) The keys of child i of a branch are >= key i and < key i+1.
 *  (3) No page but a root leaf is without entries, except that a branch may have its leftmost child alone.
 *  (4) Before the structure changes, every page that takes part is in memory and pinned, so that reading a damaged page
 *      cannot leave half a change.
 *
 * It is one file because it is one thing: descent, split, merge and removal work on the same path.
 *
 * A page that is less than a quarter full is merged with a neighbour when both fit into one; entries are not moved
 * between neighbours otherwise. So two neighbours together are more than nine tenths full, or both more than a quarter.
 */
import { assert } from '../base/assert.ts'
import { DatabaseError } from '../base/errors.ts'
import type { PageId } from '../base/ids.ts'
import { compareRanges } from './copy.ts'
import { TreeCursor } from './cursor.ts'
import { chainPages, readChain, writeChain } from './overflow.ts'
import {
  entryLimits,
  heightMax,
  overflowFlag,
  type Page,
  readUint32,
  referenceLength,
  scratchPage,
  writeUint32,
} from './page.ts'
import { fill, mergedPage, shortestBetween, splitPoint } from './page-division.ts'
import type { Pager } from './pager.ts'
import { touchSlots } from './touch.ts'

/** Where a value lies. Valid until the next call on any tree, or a yield. */
export interface ValueRef {
  bytes: Uint8Array
  start: number
  end: number
}

/** What `bulkLoad` asks for. */
export interface BulkEntry {
  key: Uint8Array
  keyLength: number
  value: Uint8Array
  valueStart: number
  valueEnd: number
}

const noBytes = new Uint8Array(0)
/** There are many trees: longer values get memory of their own, which goes with whoever asked for them. */
const longKeptBytes = 64 * 1024

export class Tree {
  readonly root: PageId
  readonly pager: Pager
  /** Counts the changes of the tree: a cursor that has seen another count is out of date. */
  changes = 0
  /** It is gone for everybody but `freeSlice`: its pages are being freed, and soon belong to others. */
  dropped = false
  readonly keyShortMax: number
  readonly keyHeadMax: number
  readonly inlineValueMax: number
  /** The path of the last descent. For cursors. */
  readonly pathPage = new Uint32Array(heightMax)
  readonly pathChild = new Int32Array(heightMax)
  height = 0
  readonly #page: Page
  /** The last leaf, when it is known: appending needs no descent. */
  #rightmost = 0
  readonly #reference = new Uint8Array(referenceLength)
  #long = noBytes

  private constructor(pager: Pager, root: PageId) {
    this.pager = pager
    this.root = root
    this.#page = pager.view()
    const limits = entryLimits(pager.pageSize)
    this.keyShortMax = limits.keyShortMax
    this.keyHeadMax = limits.keyHeadMax
    this.inlineValueMax = limits.inlineValueMax
  }

  /** For the store: formats the new page in `frame` as an empty tree. */
  static create(pager: Pager, root: PageId, frame: number): Tree {
    const tree = new Tree(pager, root)
    pager.attach(tree.#page, frame).format(0, root, root, noBytes, 0, 0)
    return tree
  }

  /** For the store. Throws DataCorruptionDetected when `root` is no root of a tree. */
  static open(pager: Pager, root: PageId): Tree {
    const tree = new Tree(pager, root)
    const page = pager.attach(tree.#page, pager.fetch(root))
    if (page.kind !== 1 || page.root !== root) {
      throw new DatabaseError('DataCorruptionDetected', `page ${root} is not the root of a tree`, { page: root })
    }
    return tree
  }

  // ---- the map

  /** Finds the value of `key[0, keyLength)`. A long value is copied, any other is where it lies. */
  get(key: Uint8Array, keyLength: number, into: ValueRef): boolean {
    if (this.dropped) throw this.goneError()
    const { pager } = this
    const page = this.#page
    pager.attach(page, pager.fetch(this.root))
    while (page.level !== 0) {
      const slot = page.search(key, keyLength)
      pager.attach(page, pager.fetch(page.child(slot >= 0 ? slot : ~slot - 1)))
    }
    const index = page.search(key, keyLength)
    if (index < 0) return false
    this.readValue(page, index, into)
    return true
  }

  /**
   * Finds the value of the first entry whose key is >= `key[0, keyLength)`; false when there is none or that key does not begin with
   * `key[0, prefixLength)`. A long value is copied, any other is where it lies. As a cursor's `seek`, without a place to go on from.
   */
  getFirst(key: Uint8Array, keyLength: number, prefixLength: number, into: ValueRef): boolean {
    if (this.dropped) throw this.goneError()
    const { pager } = this
    const page = this.#page
    pager.attach(page, pager.fetch(this.root))
    /** The leaf that follows, by the lowest branch that has a child further to the right. */
    let branch = 0
    let following = 0
    while (page.level !== 0) {
      const slot = page.search(key, keyLength)
      const child = slot >= 0 ? slot : ~slot - 1
      if (child + 1 < page.count) {
        branch = page.id
        following = child + 1
      }
      const frame = pager.fetch(page.child(child))
      if (page.level === 1) touchSlots(pager.wordsOf(frame), pager.baseOf(frame) >>> 2)
      pager.attach(page, frame)
    }
    const slot = page.search(key, keyLength)
    let index = slot >= 0 ? slot : ~slot
    if (index === page.count) {
      if (branch === 0) return false
      pager.attach(page, pager.fetch(branch))
      pager.attach(page, pager.fetch(page.child(following)))
      while (page.level !== 0) pager.attach(page, pager.fetch(page.child(-1)))
      index = 0
    }
    if (!page.keyStartsWith(index, key, prefixLength)) return false
    this.readValue(page, index, into)
    return true
  }

  /** Inserts or replaces. The key is not empty. */
  put(key: Uint8Array, keyLength: number, value: Uint8Array, valueStart: number, valueEnd: number): void {
    if (this.#rightmost !== 0 && this.#append(key, keyLength, value, valueStart, valueEnd)) return
    assert(keyLength > 0, 'a key is not empty')
    const index = this.#descend(key, keyLength)
    if (index >= 0) this.replaceAt(index, value, valueStart, valueEnd)
    else this.insertAt(~index, key, keyLength, value, valueStart, valueEnd)
  }

  delete(key: Uint8Array, keyLength: number): boolean {
    const index = this.#descend(key, keyLength)
    if (index < 0) return false
    this.removeAt(index)
    return true
  }

  cursor(): TreeCursor {
    return new TreeCursor(this)
  }

  /**
   * Fills an empty tree. `next` gives the entries, keys ascending, and returns false at the end. Every entry goes to the
   * end of the last leaf, so leaves are full and no page is read.
   */
  bulkLoad(next: (into: BulkEntry) => boolean): void {
    assert(this.isEmpty(), 'a tree that is loaded in bulk is empty')
    const entry: BulkEntry = { key: noBytes, keyLength: 0, value: noBytes, valueStart: 0, valueEnd: 0 }
    const page = this.#page
    let first = true
    while (next(entry)) {
      const { key, keyLength, value, valueStart, valueEnd } = entry
      if (this.#rightmost !== 0 && this.#append(key, keyLength, value, valueStart, valueEnd)) continue
      assert(keyLength > 0, 'a key is not empty')
      const index = this.#descend(key, keyLength)
      assert(index < 0 && (first || ~index === page.count), 'the keys of a bulk load ascend')
      this.insertAt(~index, key, keyLength, value, valueStart, valueEnd)
      first = false
    }
  }

  isEmpty(): boolean {
    const page = this.pager.attach(this.#page, this.pager.fetch(this.root))
    return page.level === 0 && page.count === 0
  }

  /** From here on whoever still holds the tree or a cursor of it gets QueryPlanKilled. Reads nothing; `freeSlice` frees the pages. */
  drop(): void {
    this.dropped = true
    this.changes++
    this.#rightmost = 0
  }

  /**
   * Frees about `pageCountMax` pages of a dropped tree, the last ones first; true when none is left, the root neither. What is
   * left in between is a tree with fewer entries, so that a checkpoint may hold it and the next process go on.
   */
  freeSlice(pageCountMax: number): boolean {
    assert(this.dropped, 'the pages of a dropped tree are freed')
    for (let freed = 0; freed < pageCountMax; ) {
      this.#descendLast()
      const chained = this.#freeLastChains()
      freed += chained
      if (chained > 0 && this.#view(this.pathPage[0]!).count > 0) continue
      if (this.#freeLeaf()) return true
      freed++
    }
    return false
  }

  /** Notes the path to the last leaf. */
  #descendLast(): void {
    const { pager, pathPage } = this
    const page = this.#page
    let id: number = this.root
    pager.attach(page, pager.fetch(id))
    this.height = page.level
    while (page.level !== 0) {
      pathPage[page.level] = id
      id = page.child(page.count - 1)
      pager.attach(page, pager.fetch(id))
    }
    pathPage[0] = id
  }

  /** Removes the last entry of the path's leaf that has pages of its own; how many they were, 0 when there is no such entry. */
  #freeLastChains(): number {
    const { pager } = this
    const page = this.#view(this.pathPage[0]!)
    let index = page.count - 1
    while (index >= 0 && !page.isOverflow(index) && !page.isLongKey(index)) index--
    if (index < 0) return 0
    const pages = this.#pagesOf(page, index)
    this.#editView(this.pathPage[0]!).remove(index)
    for (const id of pages) pager.release(id)
    return pages.length
  }

  /** Frees the path's leaf and the branches that have no other child; true when the root has gone. */
  #freeLeaf(): boolean {
    const { pager, pathPage } = this
    pager.release(pathPage[0]!)
    for (let level = 1; level <= this.height; level++) {
      const page = this.#view(pathPage[level]!)
      const last = page.count - 1
      if (last >= 0) {
        const tail = page.isLongKey(last) ? chainPages(pager, page.keyTail(last)) : []
        this.#editView(pathPage[level]!).remove(last)
        for (const id of tail) pager.release(id)
        return false
      }
      pager.release(pathPage[level]!)
    }
    return true
  }

  // ---- for cursors: entries of the leaf that the path ends in

  /** The value of leaf entry `index`. A long one is copied to memory that the next call uses again. */
  readValue(page: Page, index: number, into: ValueRef): void {
    const start = page.valueStart(index)
    if (!page.isOverflow(index)) {
      into.bytes = page.bytes
      into.start = start
      into.end = start + page.valueLength(index)
      return
    }
    const length = readUint32(page.bytes, start)
    const first = readUint32(page.bytes, start + 4)
    let target = this.#long
    if (target.length < length) {
      target = new Uint8Array(length)
      if (length <= longKeptBytes) this.#long = target
    }
    readChain(this.pager, first, length, target, 0)
    into.bytes = target
    into.start = 0
    into.end = length
  }

  /** Takes over a cursor's path, so that `insertAt` and its kin work at the cursor's place. */
  takePath(pathPage: readonly number[], pathChild: readonly number[], height: number): void {
    for (let level = 0; level <= height; level++) {
      this.pathPage[level] = pathPage[level]!
      this.pathChild[level] = pathChild[level]!
    }
    this.height = height
    this.pager.attach(this.#page, this.pager.fetch(pathPage[0]!))
  }

  /** Inserts before entry `index` of the leaf; returns the entry's index in the leaf that `pathPage[0]` names then. */
  insertAt(
    index: number,
    key: Uint8Array,
    keyLength: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): number {
    const { pager } = this
    const page = this.#page
    const long = keyLength > this.keyShortMax
    let head = valueEnd - valueStart
    const frame = pager.frameOf[this.pathPage[0]!]!
    pager.pin(frame)
    try {
      pager.edit(frame)
      if (head > this.inlineValueMax) {
        head = this.#writeLong(value, valueStart, valueEnd)
        value = this.#reference
        valueStart = 0
        valueEnd = referenceLength
      }
      if (long) {
        key = this.#storeKey(key, keyLength)
        keyLength = this.keyShortMax
      }
    } finally {
      pager.unpin(frame)
    }
    this.changes++
    if (page.insert(index, key, keyLength, head, value, valueStart, valueEnd, long)) return index
    return this.#insertWithSplit(index, key, keyLength, long, head, value, valueStart, valueEnd)
  }

  /** Gives entry `index` of the leaf another value; returns its index as `insertAt` does. */
  replaceAt(index: number, value: Uint8Array, valueStart: number, valueEnd: number): number {
    const page = this.#page
    const long = page.isLongKey(index)
    if (!page.isOverflow(index) && valueEnd - valueStart <= page.valueLength(index)) {
      this.pager.edit(this.pager.frameOf[this.pathPage[0]!]!)
      page.replaceValue(index, valueEnd - valueStart, value, valueStart, valueEnd)
      this.changes++
      return index
    }
    const key = page.headCopy(index, true)
    return this.#replaceStored(index, [], key, key.length, long, value, valueStart, valueEnd)
  }

  /**
   * Entry `index` of the leaf becomes (key, value), which sorts in the same place and belongs in this leaf; returns its
   * index as `insertAt` does.
   */
  replaceEntryAt(
    index: number,
    key: Uint8Array,
    keyLength: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): number {
    assert(keyLength > 0, 'a key is not empty')
    const { pager } = this
    const page = this.#page
    const long = keyLength > this.keyShortMax
    if (!long && !page.isLongKey(index)) {
      return this.#replaceStored(index, [], key, keyLength, false, value, valueStart, valueEnd)
    }
    const frame = pager.frameOf[this.pathPage[0]!]!
    let tail: number[] = []
    pager.pin(frame)
    try {
      if (page.isLongKey(index)) tail = chainPages(pager, page.keyTail(index))
      if (long) {
        key = this.#storeKey(key, keyLength)
        keyLength = this.keyShortMax
      }
    } finally {
      pager.unpin(frame)
    }
    return this.#replaceStored(index, tail, key, keyLength, long, value, valueStart, valueEnd)
  }

  /** `tail`: pages of the old key that are to be freed. */
  #replaceStored(
    index: number,
    tail: readonly number[],
    key: Uint8Array,
    keyLength: number,
    long: boolean,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): number {
    const { pager } = this
    const page = this.#page
    const frame = pager.frameOf[this.pathPage[0]!]!
    let head = valueEnd - valueStart
    pager.pin(frame)
    try {
      const old = page.isOverflow(index) ? chainPages(pager, this.#firstOfChain(page, index)) : []
      pager.edit(frame)
      if (head > this.inlineValueMax) {
        head = this.#writeLong(value, valueStart, valueEnd)
        value = this.#reference
        valueStart = 0
        valueEnd = referenceLength
      }
      for (const id of old) pager.release(id)
      for (const id of tail) pager.release(id)
    } finally {
      pager.unpin(frame)
    }
    this.changes++
    if (!long && !page.isLongKey(index) && page.replace(index, key, keyLength, head, value, valueStart, valueEnd)) {
      return index
    }
    page.remove(index)
    if (page.insert(index, key, keyLength, head, value, valueStart, valueEnd, long)) return index
    return this.#insertWithSplit(index, key, keyLength, long, head, value, valueStart, valueEnd)
  }

  /** Removes entry `index` of the leaf. Returns false when the path is no longer right. */
  removeAt(index: number): boolean {
    this.#beginRemoval(index, 1, undefined)
    this.#page.remove(index)
    return this.#staysLarge()
  }

  /** Removes, of the `count` entries of the leaf from `index` on, those whose mark is not 0. Returns as `removeAt`. */
  removeMarkedAt(index: number, marks: Uint8Array, count: number): boolean {
    this.#beginRemoval(index, count, marks)
    this.#page.removeMarked(index, marks, count)
    return this.#staysLarge()
  }

  /** The leaf is to lose entries, all of them without `marks`: it may be changed now, and what they have in other pages is free. */
  #beginRemoval(index: number, count: number, marks: Uint8Array | undefined): void {
    const { pager } = this
    const page = this.#page
    const frame = pager.frameOf[this.pathPage[0]!]!
    pager.pin(frame)
    try {
      const pages: number[] = []
      for (let i = 0; i < count; i++) {
        if (marks?.[i] === 0) continue
        if (page.isOverflow(index + i) || page.isLongKey(index + i)) pages.push(...this.#pagesOf(page, index + i))
      }
      pager.edit(frame)
      for (const id of pages) pager.release(id)
    } finally {
      pager.unpin(frame)
    }
    this.changes++
  }

  /** Whether the leaf, which has lost entries, is still worth a page; else it may go, and the path with it. */
  #staysLarge(): boolean {
    if (this.height === 0 || this.#page.usedBytes() >= this.pager.pageSize >>> 2) return true
    this.#shrink()
    return false
  }

  // ---- descent

  /** For whoever comes to a dropped tree. */
  goneError(): DatabaseError {
    return new DatabaseError('QueryPlanKilled', 'what is being read or written was dropped meanwhile')
  }

  /** Goes to the leaf for `key`, noting the path; as `Page.search` of that leaf. */
  #descend(key: Uint8Array, keyLength: number): number {
    if (this.dropped) throw this.goneError()
    const { pager, pathPage, pathChild } = this
    const page = this.#page
    let id: number = this.root
    let last = true
    pager.attach(page, pager.fetch(id))
    this.height = page.level
    while (page.level !== 0) {
      const slot = page.search(key, keyLength)
      const child = slot >= 0 ? slot : ~slot - 1
      pathPage[page.level] = id
      pathChild[page.level] = child
      if (child !== page.count - 1) last = false
      id = page.child(child)
      pager.attach(page, pager.fetch(id))
    }
    pathPage[0] = id
    if (last) this.#rightmost = id
    return page.search(key, keyLength)
  }

  /** Appends to the last leaf if `key` is greater than all and the entry is short and fits. */
  #append(key: Uint8Array, keyLength: number, value: Uint8Array, valueStart: number, valueEnd: number): boolean {
    const { pager } = this
    const frame = pager.frameOf[this.#rightmost]!
    if (frame === 0 || keyLength > this.keyShortMax || valueEnd - valueStart > this.inlineValueMax) return false
    const page = pager.attach(this.#page, frame)
    const { count } = page
    if (count === 0 || page.compareKey(count - 1, key, keyLength) >= 0) return false
    pager.used[frame] = 1
    pager.edit(frame)
    if (!page.insert(count, key, keyLength, valueEnd - valueStart, value, valueStart, valueEnd)) return false
    this.changes++
    return true
  }

  /** Writes the tail of a long key to a chain; the key as it is stored. */
  #storeKey(key: Uint8Array, keyLength: number): Uint8Array {
    const { keyHeadMax } = this
    const stored = new Uint8Array(this.keyShortMax)
    const first = writeChain(this.pager, this.root, key, keyHeadMax, keyLength)
    stored.set(key.subarray(0, keyHeadMax))
    writeUint32(stored, keyHeadMax, keyLength)
    writeUint32(stored, keyHeadMax + 4, first)
    return stored
  }

  /** The whole of a long key that is stored. */
  #wholeKey(stored: Uint8Array): Uint8Array {
    const { keyHeadMax } = this
    const key = new Uint8Array(readUint32(stored, keyHeadMax))
    key.set(stored.subarray(0, keyHeadMax))
    readChain(this.pager, readUint32(stored, keyHeadMax + 4), key.length - keyHeadMax, key, keyHeadMax)
    return key
  }

  /** Writes a long value to a chain and its reference to `#reference`; the cell's head. */
  #writeLong(value: Uint8Array, start: number, end: number): number {
    const first = writeChain(this.pager, this.root, value, start, end)
    writeUint32(this.#reference, 0, end - start)
    writeUint32(this.#reference, 4, first)
    return referenceLength | overflowFlag
  }

  /** Pages that a leaf's entry has beside the leaf. */
  #pagesOf(page: Page, index: number): number[] {
    const chain = page.isOverflow(index) ? this.#firstOfChain(page, index) : 0
    const tail = page.isLongKey(index) ? page.keyTail(index) : 0
    return [...chainPages(this.pager, chain), ...chainPages(this.pager, tail)]
  }

  #firstOfChain(page: Page, index: number): number {
    return readUint32(page.bytes, page.valueStart(index) + 4)
  }

  // ---- growing

  #insertWithSplit(
    index: number,
    key: Uint8Array,
    keyLength: number,
    long: boolean,
    head: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): number {
    const frames = this.#pinPath()
    this.#rightmost = 0
    try {
      return this.#insertInto(0, index, key, keyLength, long, head, value, valueStart, valueEnd)
    } finally {
      for (const frame of frames) this.pager.unpin(frame)
      this.pager.attach(this.#page, this.pager.fetch(this.pathPage[0]!))
    }
  }

  /** Reads all pages of the path and pins them. */
  #pinPath(): number[] {
    const frames: number[] = []
    for (let level = 0; level <= this.height; level++) {
      const frame = this.pager.fetch(this.pathPage[level]!)
      this.pager.pin(frame)
      frames.push(frame)
    }
    return frames
  }

  #view(id: number): Page {
    return this.pager.attach(this.pager.view(), this.pager.fetch(id))
  }

  #editView(id: number): Page {
    const frame = this.pager.fetch(id)
    this.pager.pin(frame)
    this.pager.edit(frame)
    this.pager.unpin(frame)
    return this.pager.attach(this.pager.view(), frame)
  }

  /** Inserts into the path's page of `level`, splitting as often as it takes. Returns the index as `insertAt` does. */
  #insertInto(
    level: number,
    index: number,
    key: Uint8Array,
    keyLength: number,
    long: boolean,
    head: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): number {
    for (;;) {
      const page = this.#editView(this.pathPage[level]!)
      if (page.insert(index, key, keyLength, head, value, valueStart, valueEnd, long)) return index
      index = this.#split(level, index, key, keyLength, long)
    }
  }

  /**
   * Splits the path's page of `level` to make room for `key` before entry `index`. Afterwards the path names the half
   * where the key belongs; returns the index there.
   */
  #split(level: number, index: number, key: Uint8Array, keyLength: number, long: boolean): number {
    const { pager, pathPage, pathChild } = this
    if (level === this.height) this.#growRoot()
    const leaf = level === 0
    const leftId = pathPage[level]!
    const old = scratchPage(pager.pageSize, 1).copyFrom(this.#view(leftId))
    const at = splitPoint(old, index)
    const rightFrom = leaf ? at : at + 1
    let goRight = index >= rightFrom
    // What reads pages comes first: see invariant 4.
    let separator: Uint8Array
    let separatorLong: boolean
    if (leaf) {
      const whole = long ? this.#wholeKey(key) : key.slice(0, keyLength)
      separator = shortestBetween(old.keyCopy(at - 1), at < old.count ? old.keyCopy(at) : whole)
      if (index === at) goRight = compareRanges(whole, 0, whole.length, separator, 0, separator.length) >= 0
      separatorLong = separator.length > this.keyShortMax
      if (separatorLong) separator = this.#storeKey(separator, separator.length)
    } else {
      separator = old.headCopy(at, true)
      separatorLong = old.isLongKey(at)
    }
    const leftFrame = pager.fetch(leftId)
    pager.pin(leftFrame)
    const rightFrame = pager.allocate()
    pager.pin(rightFrame)
    const rightId = pager.pageOf[rightFrame]!
    const right = pager.attach(pager.view(), rightFrame)
    if (at === old.count) {
      // Appending: the full page stays as it is, and the new one will probably share its prefix.
      const prefixLength = Math.min(old.prefixLength, old.commonWith(at - 1, key, long ? this.keyHeadMax : keyLength))
      right.format(level, rightId, this.root, key, 0, prefixLength)
    } else {
      right.format(level, rightId, this.root, noBytes, 0, 0)
      if (!leaf) right.leftmost = old.child(at)
      fill(right, old, rightFrom, old.count)
      fill(this.#editView(leftId), old, 0, at)
    }
    pager.unpin(leftFrame)
    pager.unpin(rightFrame)
    const parentIndex = this.#insertInto(
      level + 1,
      pathChild[level + 1]! + 1,
      separator,
      separator.length,
      separatorLong,
      rightId,
      noBytes,
      0,
      0,
    )
    pathPage[level] = goRight ? rightId : leftId
    pathChild[level + 1] = goRight ? parentIndex : parentIndex - 1
    return goRight ? index - rightFrom : index
  }

  /** Moves the root's content to a new page, the root's only child then. */
  #growRoot(): void {
    const { pager, pathPage, pathChild, root, height } = this
    assert(height + 2 < heightMax, 'a tree is not that high')
    const frame = pager.allocate()
    const id = pager.pageOf[frame]!
    pager.pin(frame)
    const page = this.#editView(root)
    const child = pager.attach(pager.view(), frame)
    child.copyFrom(page)
    child.words[child.word + 6] = id
    page.format(height + 1, root, root, noBytes, 0, 0)
    page.leftmost = id
    pager.unpin(frame)
    pathPage[height] = id
    pathPage[height + 1] = root
    pathChild[height + 1] = -1
    this.height = height + 1
  }

  // ---- shrinking

  /** The path's leaf has become small: merges it with a neighbour or takes it out, and so on upwards. */
  #shrink(): void {
    this.#rightmost = 0
    let level = 0
    if (this.#view(this.pathPage[0]!).count === 0) {
      level = this.#takeOut()
      if (level < 0) return
    }
    for (; level < this.height; level++) {
      const page = this.#view(this.pathPage[level]!)
      if (page.usedBytes() >= this.pager.pageSize >>> 2 || !this.#merge(level)) break
    }
    this.#lowerRoot()
  }

  /**
   * Takes out the path's empty leaf and the branches above it that have no other child. Returns the level of the branch
   * that lost a child, or -1 when the tree is an empty root now.
   */
  #takeOut(): number {
    const { pager, pathPage, pathChild } = this
    let level = 1
    while (level < this.height && this.#view(pathPage[level]!).count === 0) level++
    const frame = pager.fetch(pathPage[level]!)
    const parent = pager.attach(pager.view(), frame)
    const child = Math.max(pathChild[level]!, 0)
    let result = level
    let tail: number[] = []
    pager.pin(frame)
    try {
      if (parent.count > 0 && parent.isLongKey(child)) tail = chainPages(pager, parent.keyTail(child))
      pager.edit(frame)
    } finally {
      pager.unpin(frame)
    }
    if (parent.count === 0) {
      parent.format(0, this.root, this.root, noBytes, 0, 0)
      result = -1
    } else {
      if (pathChild[level]! < 0) parent.leftmost = parent.child(0)
      parent.remove(child)
    }
    for (let below = 0; below < level; below++) pager.release(pathPage[below]!)
    for (const id of tail) pager.release(id)
    return result
  }

  /** Merges the path's page of `level` with its right or left neighbour below the same parent, if they fit in one. */
  #merge(level: number): boolean {
    const parent = this.#view(this.pathPage[level + 1]!)
    const child = this.pathChild[level + 1]!
    return (
      (child + 1 < parent.count && this.#mergePair(level, child + 1)) || (child >= 0 && this.#mergePair(level, child))
    )
  }

  /** Merges child `index` of the path's page above `level` into the child before it. */
  #mergePair(level: number, index: number): boolean {
    const { pager, pathPage } = this
    const parentId = pathPage[level + 1]!
    const parentFrame = pager.fetch(parentId)
    pager.pin(parentFrame)
    const parent = pager.attach(pager.view(), parentFrame)
    const leftFrame = pager.fetch(parent.child(index - 1))
    pager.pin(leftFrame)
    const rightId = parent.child(index)
    let merged: Page | undefined
    let tail: number[] = []
    try {
      const rightFrame = pager.fetch(rightId)
      pager.pin(rightFrame)
      try {
        const left = pager.attach(pager.view(), leftFrame)
        const right = pager.attach(pager.view(), rightFrame)
        const long = parent.isLongKey(index)
        merged = mergedPage(left, right, level === 0 ? undefined : parent.headCopy(index, true), long)
        if (merged !== undefined) {
          if (level === 0 && long) tail = chainPages(pager, parent.keyTail(index))
          pager.edit(leftFrame)
          pager.edit(parentFrame)
          left.copyFrom(merged)
          parent.remove(index)
        }
      } finally {
        pager.unpin(rightFrame)
      }
    } finally {
      pager.unpin(leftFrame)
      pager.unpin(parentFrame)
    }
    if (merged === undefined) return false
    pager.release(rightId)
    for (const id of tail) pager.release(id)
    return true
  }

  /** While the root is a branch with one child, that child's content moves up. */
  #lowerRoot(): void {
    const { pager, root } = this
    for (;;) {
      const page = this.#view(root)
      if (page.level === 0 || page.count > 0) return
      const rootFrame = pager.frameOf[root]!
      pager.pin(rootFrame)
      try {
        const childId = page.leftmost
        const child = pager.attach(pager.view(), pager.fetch(childId))
        const copy = scratchPage(pager.pageSize, 1)
        copy.copyFrom(child)
        pager.edit(rootFrame)
        page.copyFrom(copy)
        page.words[page.word + 6] = root
        pager.release(childId)
      } finally {
        pager.unpin(rootFrame)
      }
    }
  }
}
