/** What a transaction has written to one map: the newest value of each key, or that it is removed. */
import { compareBytes } from '../bson/key.ts'

export interface OwnWrite {
  readonly key: Uint8Array
  /** Empty: the key is removed. */
  value: Uint8Array
}

const removed = new Uint8Array(0)

export class WriteSet {
  /** Ascending by key. */
  readonly #writes: OwnWrite[] = []
  /** Grows whenever positions may have moved. */
  moves = 0

  get size(): number {
    return this.#writes.length
  }

  at(position: number): OwnWrite | undefined {
    return this.#writes[position]
  }

  find(key: Uint8Array, keyLength: number): OwnWrite | undefined {
    if (this.#writes.length === 0) return undefined
    const write = this.#writes[this.positionOf(key, keyLength)]
    return write !== undefined && compareBytes(write.key, 0, write.key.length, key, 0, keyLength) === 0
      ? write
      : undefined
  }

  /** The position of the first write whose key is not below `key`. */
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
    this.#set(key, keyLength, value.slice(start, end))
  }

  remove(key: Uint8Array, keyLength: number): void {
    this.#set(key, keyLength, removed)
  }

  #set(key: Uint8Array, keyLength: number, value: Uint8Array): void {
    const writes = this.#writes
    const position = this.positionOf(key, keyLength)
    const there = writes[position]
    if (there !== undefined && compareBytes(there.key, 0, there.key.length, key, 0, keyLength) === 0) {
      there.value = value
      return
    }
    const write = { key: key.slice(0, keyLength), value }
    if (position === writes.length) writes.push(write)
    else writes.splice(position, 0, write)
    this.moves++
  }
}
