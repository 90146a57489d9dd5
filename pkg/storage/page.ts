/**
 * A slotted page of a B+ tree, as bytes. `Page` is a view that is moved from page to page (`attach`), so that no
 * object is made per page.
 *
 *   offset  size  field (little endian)
 *   0       1     kind: 1 tree page, 2 overflow page
 *   1       1     level: 0 leaf, above it branches
 *   2       2     prefix length
 *   4       4     count of entries
 *   8       4     cell start: the lowest offset that cells use
 *   12      4     dead bytes among the cells
 *   16      4     branch: the leftmost child
 *   20      4     reserved, 0
 *   24      4     this page's own number
 *   28      4     the root of the tree it belongs to
 *   32      p     the prefix that all keys of the page share, padded to 4 bytes
 *   ...     8n    slots in key order: head u32, cell offset u16, suffix length u16
 *   ...           free space, then cells up to the end of the page
 *
 *   leaf cell     u16 value length (bit 15: the value is a reference to an overflow chain), key suffix, value
 *   branch cell   u32 child, key suffix; the child holds keys >= this key, the leftmost child those below the first
 *   reference     u32 total length, u32 first page
 *
 * A long key (bit 15 of the suffix length) has its first `keyHeadMax` bytes in the page, and a reference after them to
 * a chain that holds the rest; the suffix length counts the reference. "Stored key" means this form, of a short key the
 * key itself.
 *
 * A head is the first four bytes of the key suffix as a big-endian number, padded with zeros: a binary search looks
 * at the cell only when heads tie. Of no key do bytes after the first `keyHeadMax` count, since long ones lack them.
 *
 * INVARIANTS
 *  (1) Every key of the page begins with the prefix; suffixes ascend strictly in memcmp order.
 *  (2) 32 + padded prefix + 8 * count <= cell start <= page size; live cells + dead bytes = page size - cell start.
 *  (3) Two entries of the largest size always fit in an empty page (see `entryLimits`).
 */
import { assert } from '../base/assert.ts'
import { compareRanges, copyBytes } from './copy.ts'

export const pageKind = { tree: 1, overflow: 2 } as const
export const headerSize = 32
const slotSize = 8
/** Levels a tree may have. Even with two children a branch, as many pages as there are numbers. */
export const heightMax = 34
/** Set in a leaf cell's length: the value is 8 bytes that name an overflow chain. */
export const overflowFlag = 0x8000
const lengthMask = 0x7fff

/** Set in a slot's suffix length: the key is long. */
export const longKey = 0x8000
const suffixMask = 0x7fff
export const referenceLength = 8

/**
 * The longest key and value that are in a page of `size` bytes as they are, and how much of a longer key is there.
 * Three eighths of a page an entry, so two fit.
 */
export function entryLimits(size: number): { keyShortMax: number; keyHeadMax: number; inlineValueMax: number } {
  const keyShortMax = size >>> 3
  return { keyShortMax, keyHeadMax: keyShortMax - referenceLength, inlineValueMax: size >>> 2 }
}

/** Reads what long keys have outside of their page. `page` stays where it is meanwhile. */
export interface KeyTails {
  /** Order of the tail at `first`, `length` bytes, against `key[start, keyLength)`. */
  compare(page: Page, first: number, length: number, key: Uint8Array, start: number, keyLength: number): number
  read(page: Page, first: number, length: number, target: Uint8Array, at: number): void
}

/** Entries from which on a search begins where interpolation says, and how far from there the place mostly is. */
const interpolatedMin = 32
const interpolatedReach = 4
/** Entries that a search onward reads one by one. */
const onwardReach = 32
/** Of those with the same head, whose cells it has to look at. */
const tiedReach = 4

const noBytes = new Uint8Array(0)
const noWords = new Uint32Array(0)

export class Page {
  bytes: Uint8Array = noBytes
  words: Uint32Array = noWords
  /** Where the page begins: in `bytes`, and in `words`. */
  base = 0
  word = 0
  readonly size: number
  readonly keyHeadMax: number
  tails: KeyTails | undefined
  level = 0
  count = 0
  prefixLength = 0
  /** The first slot, in `words`. */
  slots = 0
  /** 2 in leaves, 4 in branches. */
  cellHeader = 2

  /** Without `tails` the page's keys must be short. */
  constructor(size: number, tails?: KeyTails) {
    this.size = size
    this.keyHeadMax = entryLimits(size).keyHeadMax
    this.tails = tails
  }

  /** A view over memory of its own, for building and for copies. */
  static standalone(size: number): Page {
    const buffer = new ArrayBuffer(size)
    const page = new Page(size)
    page.bytes = new Uint8Array(buffer)
    page.words = new Uint32Array(buffer)
    return page
  }

  attach(bytes: Uint8Array, words: Uint32Array, base: number): this {
    const word = base >>> 2
    const first = words[word]!
    // Storing a pointer costs more than finding out that it is the same.
    if (this.bytes !== bytes) {
      this.bytes = bytes
      this.words = words
    }
    this.base = base
    this.word = word
    const level = (first >>> 8) & 0xff
    const prefixLength = first >>> 16
    this.level = level
    this.cellHeader = level === 0 ? 2 : 4
    this.prefixLength = prefixLength
    this.slots = word + 8 + ((prefixLength + 3) >>> 2)
    this.count = words[word + 1]!
    return this
  }

  /** Reads the header again, after another view changed the page. */
  refresh(): void {
    this.attach(this.bytes, this.words, this.base)
  }

  /** Where, in `bytes`, what all keys begin with is. */
  get prefixStart(): number {
    return this.base + headerSize
  }
  get id(): number {
    return this.words[this.word + 6]!
  }
  get root(): number {
    return this.words[this.word + 7]!
  }
  get kind(): number {
    return this.words[this.word]! & 0xff
  }
  get leftmost(): number {
    return this.words[this.word + 4]!
  }
  set leftmost(child: number) {
    this.words[this.word + 4] = child
  }
  get cellStart(): number {
    return this.words[this.word + 2]!
  }
  get deadBytes(): number {
    return this.words[this.word + 3]!
  }

  /** Makes an empty page with `prefixLength` bytes of `prefix` (from `prefixStart`). `id`, `root`: into the header. */
  format(level: number, id: number, root: number, prefix: Uint8Array, prefixStart: number, prefixLength: number): void {
    const { words, word } = this
    words.fill(0, word, word + (this.size >>> 2))
    words[word] = pageKind.tree | (level << 8) | (prefixLength << 16)
    words[word + 2] = this.size
    words[word + 6] = id
    words[word + 7] = root
    copyBytes(prefix, prefixStart, prefixStart + prefixLength, this.bytes, this.base + headerSize)
    this.refresh()
  }

  // ---- reading

  /** The slot of `key`; or, when it is not there, `~slot` of the first greater key. No slot before `from` may have it. */
  search(key: Uint8Array, keyLength: number, from = 0): number {
    const { bytes, words, slots, base, prefixLength } = this
    const prefixAt = base + headerSize
    for (let i = 0; i < prefixLength; i++) {
      if (i >= keyLength) return ~0
      const difference = key[i]! - bytes[prefixAt + i]!
      if (difference !== 0) return difference < 0 ? ~0 : ~this.count
    }
    const headEnd = this.keyHeadMax
    const head = headOf(key, prefixLength, Math.min(keyLength, headEnd))
    const known = prefixLength + 4 <= headEnd ? 4 : 0
    const restLength = keyLength - prefixLength
    const cells = base + this.cellHeader
    let low = from
    let high = this.count
    let middle = (low + high) >>> 1
    if (high > interpolatedMin) {
      // Where heads are spread evenly, as those of counters and hashes are, the place is near where their share of the range says.
      const first = words[slots]!
      const last = words[slots + ((high - 1) << 1)]!
      if (head > first && head < last) {
        middle = Math.floor(((head - first) / (last - first)) * (high - 1))
        const low0 = middle - interpolatedReach
        const high0 = middle + interpolatedReach
        if (low0 >= low && words[slots + (low0 << 1)]! < head) low = low0 + 1
        if (high0 < high && words[slots + (high0 << 1)]! > head) high = high0
        middle = (low + high) >>> 1
      }
    }
    for (; low < high; middle = (low + high) >>> 1) {
      const at = slots + (middle << 1)
      const other = words[at]!
      if (other < head) low = middle + 1
      else if (other > head) high = middle
      else {
        const slot = words[at + 1]!
        const suffixLength = slot >>> 16
        const start = cells + (slot & 0xffff)
        if ((suffixLength & longKey) !== 0) {
          const order = this.#compareLong(middle, key, keyLength)
          if (order < 0) low = middle + 1
          else if (order > 0) high = middle
          else return middle
          continue
        }
        const length = Math.min(suffixLength, restLength)
        let i = length < 4 ? 0 : known
        while (i < length && bytes[start + i] === key[prefixLength + i]) i++
        const order = i < length ? bytes[start + i]! - key[prefixLength + i]! : suffixLength - restLength
        if (order < 0) low = middle + 1
        else if (order > 0) high = middle
        else return middle
      }
    }
    return ~low
  }

  /**
   * As `search` with `from`, of a key that mostly lies a few entries on: heads are read one by one before the rest is searched, since
   * their order is what a processor foresees, while each half of a binary search is a surprise.
   */
  searchOnward(key: Uint8Array, keyLength: number, from: number): number {
    const { bytes, words, slots, prefixLength } = this
    const prefixAt = this.base + headerSize
    if (keyLength < prefixLength) return this.search(key, keyLength, from)
    for (let i = 0; i < prefixLength; i++) {
      if (key[i] !== bytes[prefixAt + i]) return this.search(key, keyLength, from)
    }
    const head = headOf(key, prefixLength, Math.min(keyLength, this.keyHeadMax))
    const last = slots + (Math.min(this.count, from + onwardReach) << 1)
    let at = slots + (from << 1)
    while (at < last && words[at]! < head) at += 2
    let index = (at - slots) >>> 1
    if (at >= last) return index === this.count ? ~index : this.search(key, keyLength, index)
    const known = prefixLength + 4 <= this.keyHeadMax ? 4 : 0
    const tiedMax = index + tiedReach
    for (; index < this.count && words[slots + (index << 1)] === head; index++) {
      if (index === tiedMax) return this.search(key, keyLength, index)
      const order = this.#compareSuffix(index, key, keyLength, known)
      if (order === 0) return index
      if (order > 0) break
    }
    return ~index
  }

  /** Order of entry `index` against `key`, which begins with the prefix and, where both are as long, with the same `known` bytes behind it. */
  #compareSuffix(index: number, key: Uint8Array, keyLength: number, known: number): number {
    const { bytes, prefixLength } = this
    const slot = this.words[this.slots + (index << 1) + 1]!
    const suffixLength = slot >>> 16
    if ((suffixLength & longKey) !== 0) return this.#compareLong(index, key, keyLength)
    const start = this.base + this.cellHeader + (slot & 0xffff)
    const restLength = keyLength - prefixLength
    const length = Math.min(suffixLength, restLength)
    for (let i = length < known ? 0 : known; i < length; i++) {
      const difference = bytes[start + i]! - key[prefixLength + i]!
      if (difference !== 0) return difference
    }
    return suffixLength - restLength
  }

  /** Whether the key of entry `index` begins with `key[0, keyLength)`. */
  keyStartsWith(index: number, key: Uint8Array, keyLength: number): boolean {
    const { bytes, prefixLength } = this
    const prefixAt = this.base + headerSize
    const shared = Math.min(keyLength, prefixLength)
    for (let i = 0; i < shared; i++) if (bytes[prefixAt + i] !== key[i]) return false
    if (keyLength <= prefixLength) return true
    const slot = this.words[this.slots + (index << 1) + 1]!
    if (((slot >>> 16) & longKey) !== 0) {
      const length = this.keyLength(index)
      if (length < keyLength) return false
      const whole = this.keyCopy(index)
      return compareRanges(whole, 0, keyLength, key, 0, keyLength) === 0
    }
    if (slot >>> 16 < keyLength - prefixLength) return false
    const start = this.base + this.cellHeader + (slot & 0xffff) - prefixLength
    for (let i = prefixLength; i < keyLength; i++) if (bytes[start + i] !== key[i]) return false
    return true
  }

  /** Whether entry `index` is known at a glance to be the first that is not below `key`. */
  isFirstFrom(index: number, key: Uint8Array, keyLength: number): boolean {
    const { bytes, words, slots, prefixLength } = this
    if (index >= this.count || keyLength < prefixLength + 4 || this.keyHeadMax < prefixLength + 4) return false
    const prefixAt = this.base + headerSize
    for (let i = 0; i < prefixLength; i++) if (bytes[prefixAt + i] !== key[i]) return false
    const head = headOf(key, prefixLength, keyLength)
    const at = slots + (index << 1)
    if (index > 0 && words[at - 2]! >= head) return false
    const other = words[at]!
    return other > head || (other === head && this.#compareSuffix(index, key, keyLength, 4) >= 0)
  }

  /** Order of entry `index` against `key`. */
  compareKey(index: number, key: Uint8Array, keyLength: number): number {
    const { bytes, base, prefixLength } = this
    const prefixAt = base + headerSize
    const order = compareRanges(bytes, prefixAt, prefixAt + prefixLength, key, 0, Math.min(keyLength, prefixLength))
    if (order !== 0) return order
    const slot = this.words[this.slots + (index << 1) + 1]!
    if (((slot >>> 16) & longKey) !== 0) return this.#compareLong(index, key, keyLength)
    const start = base + this.cellHeader + (slot & 0xffff)
    return compareRanges(bytes, start, start + (slot >>> 16), key, prefixLength, keyLength)
  }

  /** As `compareKey`, of a long entry whose prefix is known to be the key's. */
  #compareLong(index: number, key: Uint8Array, keyLength: number): number {
    const { bytes, prefixLength } = this
    const start = this.suffixStart(index)
    const end = start + this.suffixLength(index) - referenceLength
    const head = prefixLength + end - start
    const order = compareRanges(bytes, start, end, key, prefixLength, Math.min(keyLength, head))
    if (order !== 0) return order
    if (keyLength <= head) return 1
    const total = readUint32(bytes, end)
    return this.#tails().compare(this, readUint32(bytes, end + 4), total - head, key, head, keyLength)
  }

  #tails(): KeyTails {
    const { tails } = this
    assert(tails !== undefined, 'long keys are read through a page that knows how')
    return tails
  }

  /** Bytes of the stored key after the prefix. */
  suffixLength(index: number): number {
    return (this.words[this.slots + (index << 1) + 1]! >>> 16) & suffixMask
  }
  isLongKey(index: number): boolean {
    return this.words[this.slots + (index << 1) + 1]! >>> 31 !== 0
  }
  /** Bytes of the key after the prefix that are in the page. */
  #headSuffixLength(index: number): number {
    return this.isLongKey(index) ? this.suffixLength(index) - referenceLength : this.suffixLength(index)
  }
  keyLength(index: number): number {
    return this.isLongKey(index)
      ? readUint32(this.bytes, this.suffixStart(index) + this.#headSuffixLength(index))
      : this.prefixLength + this.suffixLength(index)
  }
  /** The first page of a long key's tail. */
  keyTail(index: number): number {
    return readUint32(this.bytes, this.suffixStart(index) + this.#headSuffixLength(index) + 4)
  }
  /** Where entry `index`'s cell begins, in `bytes`. */
  cell(index: number): number {
    return this.base + (this.words[this.slots + (index << 1) + 1]! & 0xffff)
  }
  suffixStart(index: number): number {
    return this.cell(index) + this.cellHeader
  }
  valueStart(index: number): number {
    return this.cell(index) + 2 + this.suffixLength(index)
  }
  valueLength(index: number): number {
    const cell = this.cell(index)
    return (this.bytes[cell]! | (this.bytes[cell + 1]! << 8)) & lengthMask
  }
  isOverflow(index: number): boolean {
    return (this.bytes[this.cell(index) + 1]! & 0x80) !== 0
  }
  /** Child `index` of a branch; -1 is the leftmost. */
  child(index: number): number {
    return index < 0 ? this.leftmost : readUint32(this.bytes, this.cell(index))
  }
  cellLength(index: number): number {
    const length = this.cellHeader + this.suffixLength(index)
    return this.level === 0 ? length + this.valueLength(index) : length
  }

  /** Writes the whole key of entry `index` to the start of `target`, which must be long enough; returns its length. */
  readKey(index: number, target: Uint8Array): number {
    const { bytes, base, prefixLength } = this
    const prefixAt = base + headerSize
    for (let i = 0; i < prefixLength; i++) target[i] = bytes[prefixAt + i]!
    const start = this.suffixStart(index)
    const length = this.#headSuffixLength(index)
    copyBytes(bytes, start, start + length, target, prefixLength)
    const head = prefixLength + length
    if (!this.isLongKey(index)) return head
    const total = this.keyLength(index)
    this.#tails().read(this, this.keyTail(index), total - head, target, head)
    return total
  }

  /** A copy of entry `index`'s key. */
  keyCopy(index: number): Uint8Array {
    const key = new Uint8Array(this.keyLength(index))
    this.readKey(index, key)
    return key
  }

  /** A copy of what the page has of entry `index`'s key; with the reference, if `stored`. */
  headCopy(index: number, stored: boolean): Uint8Array {
    const { bytes, prefixLength } = this
    const prefixAt = this.base + headerSize
    const length = stored ? this.suffixLength(index) : this.#headSuffixLength(index)
    const start = this.suffixStart(index)
    const key = new Uint8Array(prefixLength + length)
    key.set(bytes.subarray(prefixAt, prefixAt + prefixLength))
    key.set(bytes.subarray(start, start + length), prefixLength)
    return key
  }

  /** Bytes that entries, slots and prefix take. */
  usedBytes(): number {
    return (this.slots - this.word) * 4 + this.count * slotSize + this.liveCellBytes()
  }
  liveCellBytes(): number {
    return this.size - this.cellStart - this.deadBytes
  }

  // ---- changing

  /**
   * Puts an entry before `index`. `key`: as it is stored; `long`: that is a long one's form. `head`: a leaf's value
   * length with its flag, or a branch's child. Returns false, with the page unchanged, when it does not fit.
   */
  insert(
    index: number,
    key: Uint8Array,
    keyLength: number,
    head: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
    long = false,
  ): boolean {
    const valueLength = valueEnd - valueStart
    const cellLength = this.cellHeader + keyLength - this.prefixLength + valueLength
    if (
      this.cellStart - ((this.slots - this.word) * 4 + this.count * slotSize) < cellLength + slotSize ||
      !this.#sharesPrefix(key, keyLength)
    ) {
      if (!this.#makeRoom(key, keyLength, valueLength, long)) return false
    }
    this.#place(index, key, keyLength, head, value, valueStart, valueLength, long)
    return true
  }

  #sharesPrefix(key: Uint8Array, keyLength: number): boolean {
    const { bytes, prefixLength } = this
    if (keyLength < prefixLength) return false
    const prefixAt = this.base + headerSize
    for (let i = 0; i < prefixLength; i++) if (key[i] !== bytes[prefixAt + i]) return false
    return true
  }

  /** Rebuilds the page without dead bytes and with the prefix that its keys and `key` share, if the entry fits then. */
  #makeRoom(key: Uint8Array, keyLength: number, valueLength: number, long: boolean): boolean {
    const count = this.count
    const prefixLength =
      count === 0
        ? 0
        : Math.min(this.commonPrefix(), this.commonWith(0, key, long ? keyLength - referenceLength : keyLength))
    const size =
      headerSize +
      ((prefixLength + 3) & ~3) +
      (count + 1) * slotSize +
      this.liveCellBytes() +
      count * (this.prefixLength - prefixLength) +
      this.cellHeader +
      (keyLength - prefixLength) +
      valueLength
    if (size > this.size) return false
    this.rebuild(prefixLength)
    return true
  }

  #place(
    index: number,
    key: Uint8Array,
    keyLength: number,
    head: number,
    value: Uint8Array,
    valueStart: number,
    valueLength: number,
    long: boolean,
  ): void {
    const { bytes, words, word, prefixLength, cellHeader } = this
    const suffixLength = keyLength - prefixLength
    const offset = words[word + 2]! - (cellHeader + suffixLength + valueLength)
    words[word + 2] = offset
    let at = this.base + offset
    bytes[at++] = head
    bytes[at++] = head >>> 8
    if (cellHeader === 4) {
      bytes[at++] = head >>> 16
      bytes[at++] = head >>> 24
    }
    for (let i = prefixLength; i < keyLength; i++) bytes[at++] = key[i]!
    if (valueLength !== 0) copyBytes(value, valueStart, valueStart + valueLength, bytes, at)
    const slot = this.slots + (index << 1)
    const end = this.slots + (this.count << 1)
    if (slot !== end) words.copyWithin(slot + 2, slot, end)
    words[slot] = headOf(key, prefixLength, Math.min(keyLength, this.keyHeadMax))
    words[slot + 1] = offset | (suffixLength << 16) | (long ? longKey << 16 : 0)
    this.count++
    words[word + 1] = this.count
  }

  remove(index: number): void {
    const { words, word } = this
    if (this.count === 1) {
      this.#clear()
      return
    }
    this.#discardCell(index)
    const slot = this.slots + (index << 1)
    words.copyWithin(slot, slot + 2, this.slots + (this.count << 1))
    this.count--
    words[word + 1] = this.count
  }

  /** Removes, of the `count` entries from `index` on, those whose mark is not 0. */
  removeMarked(index: number, marks: Uint8Array, count: number): void {
    const { words, word, slots } = this
    let kept = index
    for (let i = 0; i < count; i++) {
      if (marks[i] !== 0) {
        this.#discardCell(index + i)
        continue
      }
      const from = slots + ((index + i) << 1)
      const to = slots + (kept++ << 1)
      words[to] = words[from]!
      words[to + 1] = words[from + 1]!
    }
    words.copyWithin(slots + (kept << 1), slots + ((index + count) << 1), slots + (this.count << 1))
    this.count -= index + count - kept
    words[word + 1] = this.count
    if (this.count === 0) this.#clear()
  }

  /** Nothing is left; the page has no prefix then. */
  #clear(): void {
    const { words, word } = this
    words[word] = words[word]! & 0xffff
    words[word + 1] = 0
    words[word + 2] = this.size
    words[word + 3] = 0
    this.refresh()
  }

  #discardCell(index: number): void {
    const { words, word } = this
    const length = this.cellLength(index)
    if (this.cell(index) - this.base === words[word + 2]) words[word + 2] = words[word + 2]! + length
    else words[word + 3] = words[word + 3]! + length
  }

  /**
   * Leaf entry `index` becomes another one that sorts in the same place, in the same cell. Returns false, with the page
   * unchanged, when it is longer or its key lacks the prefix. Neither key is long.
   */
  replace(
    index: number,
    key: Uint8Array,
    keyLength: number,
    head: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): boolean {
    const { bytes, words, prefixLength } = this
    const length = 2 + keyLength - prefixLength + (valueEnd - valueStart)
    const surplus = this.cellLength(index) - length
    if (surplus < 0 || !this.#sharesPrefix(key, keyLength)) return false
    let at = this.cell(index)
    bytes[at++] = head
    bytes[at++] = head >>> 8
    for (let i = prefixLength; i < keyLength; i++) bytes[at++] = key[i]!
    copyBytes(value, valueStart, valueEnd, bytes, at)
    const slot = this.slots + (index << 1)
    words[slot] = headOf(key, prefixLength, Math.min(keyLength, this.keyHeadMax))
    words[slot + 1] = (words[slot + 1]! & 0xffff) | ((keyLength - prefixLength) << 16)
    if (surplus > 0) words[this.word + 3] = this.deadBytes + surplus
    return true
  }

  /** As `replace`, with the key it has. */
  replaceValue(index: number, head: number, value: Uint8Array, valueStart: number, valueEnd: number): boolean {
    const { bytes } = this
    const cell = this.cell(index)
    const surplus = this.valueLength(index) - (valueEnd - valueStart)
    if (surplus < 0) return false
    bytes[cell] = head
    bytes[cell + 1] = head >>> 8
    copyBytes(value, valueStart, valueEnd, bytes, this.valueStart(index))
    if (surplus > 0) this.words[this.word + 3] = this.deadBytes + surplus
    return true
  }

  // ---- building

  /** How many bytes all keys of the page share, as far as a prefix may go. */
  commonPrefix(): number {
    if (this.count === 0) return 0
    const { bytes } = this
    const last = this.count - 1
    const a = this.suffixStart(0)
    const b = this.suffixStart(last)
    const length = Math.min(
      this.#headSuffixLength(0),
      this.#headSuffixLength(last),
      this.keyHeadMax - this.prefixLength,
    )
    let i = 0
    while (i < length && bytes[a + i] === bytes[b + i]) i++
    return this.prefixLength + i
  }

  /** How many bytes entry `index` shares with `key`, as far as a prefix may go. */
  commonWith(index: number, key: Uint8Array, keyLength: number): number {
    const { bytes, prefixLength } = this
    const prefixAt = this.base + headerSize
    let i = 0
    while (i < prefixLength && i < keyLength && bytes[prefixAt + i] === key[i]) i++
    if (i < prefixLength) return i
    const start = this.suffixStart(index) - prefixLength
    const length = Math.min(keyLength, prefixLength + this.#headSuffixLength(index), this.keyHeadMax)
    while (i < length && bytes[start + i] === key[i]) i++
    return i
  }

  /** Writes the page anew with a prefix of `prefixLength` bytes and no dead bytes. The caller knows that it fits. */
  rebuild(prefixLength: number): void {
    const copy = scratchPage(this.size, 0)
    copy.copyFrom(this)
    if (prefixLength === this.prefixLength) {
      this.#compact(copy)
      return
    }
    const first = copy.count === 0 ? noBytes : copy.headCopy(0, false)
    const leftmost = copy.leftmost
    this.format(copy.level, copy.id, copy.root, first, 0, prefixLength)
    this.leftmost = leftmost
    for (let i = 0; i < copy.count; i++) this.append(copy, i)
  }

  /** Moves the cells together at the end; those that lie one below the other, as appending leaves them, at once. */
  #compact(copy: Page): void {
    const { bytes, words, word, slots, count, base } = this
    let free = this.size
    for (let i = 0; i < count; ) {
      const first = copy.cell(i)
      const end = first + copy.cellLength(i)
      let start = first
      let next = i + 1
      while (next < count) {
        const cell = copy.cell(next)
        if (cell + copy.cellLength(next) !== start) break
        start = cell
        next++
      }
      free -= end - start
      bytes.set(copy.bytes.subarray(start, end), base + free)
      const shift = free - (start - copy.base)
      for (; i < next; i++) {
        const slot = slots + (i << 1) + 1
        words[slot] = words[slot]! + shift
      }
    }
    words[word + 2] = free
    words[word + 3] = 0
  }

  /** Becomes the same bytes as `other`. */
  copyFrom(other: Page): this {
    this.bytes.set(other.bytes.subarray(other.base, other.base + other.size), this.base)
    this.tails = other.tails
    this.refresh()
    return this
  }

  /** Adds entry `index` of `source` (a page of the same level, whose keys begin with this page's prefix) at the end. */
  append(source: Page, index: number): void {
    const { bytes, words, word, prefixLength, cellHeader } = this
    const shift = source.prefixLength - prefixLength
    const from = source.bytes
    const sourceCell = source.cell(index)
    const suffixLength = source.suffixLength(index)
    const valueLength = this.level === 0 ? source.valueLength(index) : 0
    const length = suffixLength + shift
    const offset = words[word + 2]! - (cellHeader + length + valueLength)
    assert(offset >= (this.slots - word) * 4 + (this.count + 1) * slotSize, 'an entry is appended to a full page')
    words[word + 2] = offset
    let at = this.base + offset
    for (let i = 0; i < cellHeader; i++) bytes[at++] = from[sourceCell + i]!
    const suffixAt = at
    const end = sourceCell + cellHeader + suffixLength + valueLength
    if (shift > 0) {
      const prefixAt = source.base + headerSize
      for (let i = prefixLength; i < source.prefixLength; i++) bytes[at++] = from[prefixAt + i]!
      copyBytes(from, sourceCell + cellHeader, end, bytes, at)
    } else copyBytes(from, sourceCell + cellHeader - shift, end, bytes, at)
    const slot = this.slots + (this.count << 1)
    const long = source.isLongKey(index)
    words[slot] = headOf(bytes, suffixAt, suffixAt + Math.min(length, this.keyHeadMax - prefixLength))
    words[slot + 1] = offset | (length << 16) | (long ? longKey << 16 : 0)
    this.count++
    words[word + 1] = this.count
  }
}

/** The first four bytes of `key[start, end)` as a big-endian number, zeros where it is shorter. */
export function headOf(key: Uint8Array, start: number, end: number): number {
  if (end - start >= 4) {
    return ((key[start]! << 24) | (key[start + 1]! << 16) | (key[start + 2]! << 8) | key[start + 3]!) >>> 0
  }
  let head = 0
  if (start < end) head = key[start]! << 24
  if (start + 1 < end) head |= key[start + 1]! << 16
  if (start + 2 < end) head |= key[start + 2]! << 8
  return head >>> 0
}

export function readUint32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
}

export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
  bytes[at + 2] = value >>> 16
  bytes[at + 3] = value >>> 24
}

const scratchPages: [Page[], Page[]] = [[], []]

/** A page of memory to be used for a moment: `use` 0 by a page's own methods, 1 by the tree, which may call those. */
export function scratchPage(size: number, use: 0 | 1): Page {
  const pages = scratchPages[use]
  const shift = 31 - Math.clz32(size)
  let page = pages[shift]
  if (page === undefined) {
    page = Page.standalone(size)
    pages[shift] = page
  }
  return page
}
