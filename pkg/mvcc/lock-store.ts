/** The write locks of an owner that has too many of them to be kept one by one: keys in a tree over its temporary pages. */

import type { Tree, ValueRef } from '../storage/tree.ts'
import { lockKey } from './lock-key.ts'

const spaceBytes = 4
const noBytes = new Uint8Array(0)

export class LockStore {
  readonly #tree: Tree
  readonly #found: ValueRef = { bytes: noBytes, start: 0, end: 0 }
  #key = new Uint8Array(64)
  count = 0

  /** `tree`: empty. */
  constructor(tree: Tree) {
    this.#tree = tree
  }

  has(space: number, key: string): boolean {
    return this.#tree.get(this.#key, this.#encode(space, key), this.#found)
  }

  add(space: number, key: string): void {
    const length = this.#encode(space, key)
    if (!this.#tree.get(this.#key, length, this.#found)) this.count++
    this.#tree.put(this.#key, length, noBytes, 0, 0)
  }

  remove(space: number, key: string): void {
    if (this.#tree.delete(this.#key, this.#encode(space, key))) this.count--
  }

  /** The first key of the space that is not before `key`. */
  firstFrom(space: number, key: string): string | undefined {
    const length = this.#encode(space, key)
    const cursor = this.#tree.cursor()
    const found = cursor.seek(this.#key, length) && cursor.keyStartsWith(this.#key, spaceBytes)
    let first: string | undefined
    if (found) {
      cursor.readKey()
      first = lockKey(cursor.key.subarray(spaceBytes), cursor.keyLength - spaceBytes)
    }
    cursor.close()
    return first
  }

  /** Space u32, big endian | the key's bytes, of which each is a character. */
  #encode(space: number, key: string): number {
    const length = spaceBytes + key.length
    if (this.#key.length < length) this.#key = new Uint8Array(2 * length)
    const bytes = this.#key
    bytes[0] = space >>> 24
    bytes[1] = space >>> 16
    bytes[2] = space >>> 8
    bytes[3] = space
    for (let i = 0; i < key.length; i++) bytes[spaceBytes + i] = key.charCodeAt(i)
    return length
  }
}
