/**
 * What a transaction has written to one map: the newest value of each key, or that it is removed.
 *
 *   in memory (an array) ──spill──> a tree over temporary pages       when there is too much of it, or keys come in no order
 */
import { compareBytes } from '../bson/key.ts'
import type { TreeCursor } from '../storage/cursor.ts'
import type { Tree, ValueRef } from '../storage/tree.ts'
import type { WriteMemory } from './write-memory.ts'

interface OwnWrite {
  readonly key: Uint8Array
  /** Empty: the key is removed. */
  value: Uint8Array
}

const noBytes = new Uint8Array(0)
/** Of a write, two arrays and an object. */
const overheadBytes = 256
/** A new key in the midst of more than these would move too many. */
const movedMax = 4096

export class WriteSet {
  readonly #memory: WriteMemory
  /** Ascending by key. */
  #writes: OwnWrite[] = []
  #bytes = 0
  #tree: Tree | undefined
  /** Grows whenever positions may have moved. */
  moves = 0

  constructor(memory: WriteMemory) {
    this.#memory = memory
  }

  get isEmpty(): boolean {
    return this.#writes.length === 0 && this.#tree === undefined
  }

  get memoryBytes(): number {
    return this.#bytes
  }

  get tree(): Tree | undefined {
    return this.#tree
  }

  at(position: number): OwnWrite | undefined {
    return this.#writes[position]
  }

  get lastPosition(): number {
    return this.#writes.length - 1
  }

  /** Whether the key was written; `into`: what it is now, nothing when it was removed, until the next call or a yield. */
  find(key: Uint8Array, keyLength: number, into: ValueRef): boolean {
    if (this.#tree !== undefined) return this.#tree.get(key, keyLength, into)
    if (this.#writes.length === 0) return false
    const write = this.#writes[this.positionOf(key, keyLength)]
    if (write === undefined || compareBytes(write.key, 0, write.key.length, key, 0, keyLength) !== 0) return false
    into.bytes = write.value
    into.start = 0
    into.end = write.value.length
    return true
  }

  /** Of those in memory: the position of the first write whose key is not below `key`. */
  positionOf(key: Uint8Array, keyLength: number): number {
    const writes = this.#writes
    let low = 0
    let high = writes.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = writes[middle]!.key
      if (compareBytes(other, 0, other.length, key, 0, keyLength) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  put(key: Uint8Array, keyLength: number, value: Uint8Array, start: number, end: number): void {
    if (this.#tree === undefined) this.#set(key, keyLength, value.slice(start, end))
    else {
      this.#tree.put(key, keyLength, value, start, end)
      this.moves++
    }
  }

  remove(key: Uint8Array, keyLength: number): void {
    this.put(key, keyLength, noBytes, 0, 0)
  }

  cursor(): WriteCursor {
    return new WriteCursor(this)
  }

  /** Moves what is in memory to temporary pages. */
  spill(): void {
    const writes = this.#writes
    const tree = this.#memory.newTree(this)
    let at = 0
    tree.bulkLoad((into) => {
      const write = writes[at++]
      if (write === undefined) return false
      into.key = write.key
      into.keyLength = write.key.length
      into.value = write.value
      into.valueStart = 0
      into.valueEnd = write.value.length
      return true
    })
    this.#tree = tree
    this.#writes = []
    this.#bytes = 0
    this.moves++
  }

  #set(key: Uint8Array, keyLength: number, value: Uint8Array): void {
    const writes = this.#writes
    const position = this.positionOf(key, keyLength)
    const there = writes[position]
    if (there !== undefined && compareBytes(there.key, 0, there.key.length, key, 0, keyLength) === 0) {
      const grown = value.length - there.value.length
      there.value = value
      this.#grew(grown, false)
      return
    }
    const isFirst = writes.length === 0
    const write = { key: key.slice(0, keyLength), value }
    if (position === writes.length) writes.push(write)
    else writes.splice(position, 0, write)
    this.moves++
    this.#grew(keyLength + value.length + overheadBytes, isFirst)
    if (position < writes.length - 1 && writes.length > movedMax && this.#tree === undefined) this.spill()
  }

  #grew(bytes: number, isFirst: boolean): void {
    this.#bytes += bytes
    this.#memory.grew(this, bytes, isFirst)
  }
}

/** Walks a write set. A change of the set leaves it where it was only after another `seek`; between `release` and the next move it holds no page. */
export class WriteCursor {
  readonly #set: WriteSet
  #position = 0
  #cursor: TreeCursor | undefined
  /** On a write. */
  here = false
  /** The write's key, and its value, empty when the key is removed. */
  key: Uint8Array = noBytes
  keyLength = 0
  readonly value: ValueRef = { bytes: noBytes, start: 0, end: 0 }

  constructor(set: WriteSet) {
    this.#set = set
  }

  first(): void {
    const cursor = this.#treeCursor()
    if (cursor === undefined) this.#restAt(0)
    else this.#rest(cursor, cursor.first())
  }

  last(): void {
    const cursor = this.#treeCursor()
    if (cursor === undefined) this.#restAt(this.#set.lastPosition)
    else this.#rest(cursor, cursor.last())
  }

  /** To the first write whose key is not below `key`. */
  seek(key: Uint8Array, keyLength: number): void {
    const cursor = this.#treeCursor()
    if (cursor === undefined) this.#restAt(this.#set.positionOf(key, keyLength))
    else this.#rest(cursor, cursor.seek(key, keyLength))
  }

  /** To the last write whose key is below `key`. */
  seekBefore(key: Uint8Array, keyLength: number): void {
    const cursor = this.#treeCursor()
    if (cursor === undefined) this.#restAt(this.#set.positionOf(key, keyLength) - 1)
    else this.#rest(cursor, cursor.seekBefore(key, keyLength))
  }

  next(): void {
    const cursor = this.#cursor
    if (cursor === undefined) this.#restAt(this.#position + 1)
    else this.#rest(cursor, cursor.next())
  }

  previous(): void {
    const cursor = this.#cursor
    if (cursor === undefined) this.#restAt(this.#position - 1)
    else this.#rest(cursor, cursor.previous())
  }

  /** Rests on nothing. */
  release(): void {
    this.#cursor?.close()
    this.here = false
  }

  /** On the set's tree, once it has one. */
  #treeCursor(): TreeCursor | undefined {
    this.#cursor ??= this.#set.tree?.cursor()
    return this.#cursor
  }

  #restAt(position: number): void {
    this.#position = position
    const write = this.#set.at(position)
    this.here = write !== undefined
    if (write === undefined) return
    const { value } = this
    this.key = write.key
    this.keyLength = write.key.length
    value.bytes = write.value
    value.start = 0
    value.end = write.value.length
  }

  #rest(cursor: TreeCursor, found: boolean): void {
    this.here = found
    if (!found) return
    cursor.readKey()
    this.key = cursor.key
    this.keyLength = cursor.keyLength
    const { bytes, start, end } = cursor.isLong ? cursor.readValue() : cursor.value
    const { value } = this
    value.bytes = bytes
    value.start = start
    value.end = end
  }
}
