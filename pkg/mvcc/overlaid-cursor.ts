/**
 * Walks a transaction's own writes and the map beneath them as one, in key order or against it. Where both have a key, the own
 * write counts, and hides the key when it is a removal.
 *
 * After a `save` the map and the writes may change; the walk goes on from the key it was on.
 */
import { compareBytes } from '../bson/key.ts'
import type { ValueRef } from '../storage/tree.ts'
import type { KeyCursor } from './key-map.ts'
import type { OwnWrite, WriteSet } from './write-set.ts'

export class OverlaidCursor implements KeyCursor {
  readonly #base: KeyCursor | undefined
  readonly #writes: WriteSet
  /** Whether the base rests on a key: the current one, or the next one in the direction of the walk. */
  #baseHere = false
  #position = 0
  #moves = 0
  /** The write under the cursor; undefined when the current entry is the base's. */
  #own: OwnWrite | undefined
  readonly #ownValue: ValueRef = { bytes: new Uint8Array(0), start: 0, end: 0 }
  /** Which way the walk went last: the one that rests ahead rests ahead in that direction. */
  #forward = true
  /** The current key, kept over a `save` and a turn. */
  #saved: Uint8Array | undefined
  keyBytes: Uint8Array = new Uint8Array(0)
  keyLength = 0

  constructor(base: KeyCursor | undefined, writes: WriteSet) {
    this.#base = base
    this.#writes = writes
  }

  get value(): ValueRef {
    return this.#own === undefined ? this.#base!.value : this.#ownValue
  }

  readKey(): void {
    const own = this.#own
    if (own !== undefined) {
      this.keyBytes = own.key
      this.keyLength = own.key.length
      return
    }
    const base = this.#base!
    base.readKey()
    this.keyBytes = base.keyBytes
    this.keyLength = base.keyLength
  }

  keyStartsWith(prefix: Uint8Array, prefixLength: number): boolean {
    const own = this.#own
    if (own === undefined) return this.#base!.keyStartsWith(prefix, prefixLength)
    if (own.key.length < prefixLength) return false
    for (let i = 0; i < prefixLength; i++) if (own.key[i] !== prefix[i]) return false
    return true
  }

  first(): boolean {
    this.#baseHere = this.#base?.first() === true
    this.#position = 0
    return this.#settleForward()
  }

  last(): boolean {
    this.#baseHere = this.#base?.last() === true
    this.#position = this.#writes.size - 1
    return this.#settleBackward()
  }

  seek(key: Uint8Array, keyLength: number): boolean {
    this.#baseHere = this.#base?.seek(key, keyLength) === true
    this.#position = this.#writes.positionOf(key, keyLength)
    return this.#settleForward()
  }

  seekOnward(key: Uint8Array, keyLength: number): boolean {
    if (this.#writes.size > 0) return this.seek(key, keyLength)
    this.#position = 0
    this.#baseHere = this.#base?.seekOnward(key, keyLength) === true
    return this.#settleForward()
  }

  seekBefore(key: Uint8Array, keyLength: number): boolean {
    this.#baseHere = this.#base?.seekBefore(key, keyLength) === true
    this.#position = this.#writes.positionOf(key, keyLength) - 1
    return this.#settleBackward()
  }

  next(): boolean {
    if (this.#saved !== undefined || !this.#forward || this.#moves !== this.#writes.moves) return this.#goOn(true)
    const own = this.#own
    if (own === undefined) this.#baseHere = this.#base!.next()
    else {
      // The base may rest on the same key, which the write has hidden.
      if (this.#baseHere && this.#compare(own) === 0) this.#baseHere = this.#base!.next()
      this.#position++
    }
    return this.#settleForward()
  }

  previous(): boolean {
    if (this.#saved !== undefined || this.#forward || this.#moves !== this.#writes.moves) return this.#goOn(false)
    const own = this.#own
    if (own === undefined) this.#baseHere = this.#base!.previous()
    else {
      if (this.#baseHere && this.#compare(own) === 0) this.#baseHere = this.#base!.previous()
      this.#position--
    }
    return this.#settleBackward()
  }

  save(): void {
    if (this.#writes.size > 0 || this.#base === undefined) {
      this.readKey()
      this.#saved = this.keyBytes.slice(0, this.keyLength)
    }
    this.#base?.save()
  }

  close(): void {
    this.#base?.close()
  }

  /** From the key it was on, in either direction. */
  #goOn(forward: boolean): boolean {
    let key = this.#saved
    this.#saved = undefined
    if (key === undefined) {
      this.readKey()
      key = this.keyBytes.slice(0, this.keyLength)
    }
    if (!forward) return this.seekBefore(key, key.length)
    if (!this.seek(key, key.length)) return false
    this.readKey()
    return compareBytes(this.keyBytes, 0, this.keyLength, key, 0, key.length) === 0 ? this.next() : true
  }

  /** To the first live entry from where base and writes rest. */
  #settleForward(): boolean {
    this.#forward = true
    this.#saved = undefined
    this.#moves = this.#writes.moves
    for (;;) {
      const own = this.#writes.at(this.#position)
      if (own === undefined) {
        this.#own = undefined
        return this.#baseHere
      }
      const order = this.#baseHere ? this.#compare(own) : -1
      if (order > 0) {
        this.#own = undefined
        return true
      }
      if (this.#rest(own)) return true
      if (order === 0) this.#baseHere = this.#base!.next()
      this.#position++
    }
  }

  #settleBackward(): boolean {
    this.#forward = false
    this.#saved = undefined
    this.#moves = this.#writes.moves
    for (;;) {
      const own = this.#writes.at(this.#position)
      if (own === undefined) {
        this.#own = undefined
        return this.#baseHere
      }
      const order = this.#baseHere ? this.#compare(own) : 1
      if (order < 0) {
        this.#own = undefined
        return true
      }
      if (this.#rest(own)) return true
      if (order === 0) this.#baseHere = this.#base!.previous()
      this.#position--
    }
  }

  /** Whether the write is one to rest on, not a removal. */
  #rest(own: OwnWrite): boolean {
    if (own.value.length === 0) return false
    this.#own = own
    this.#ownValue.bytes = own.value
    this.#ownValue.start = 0
    this.#ownValue.end = own.value.length
    return true
  }

  /** How the write's key compares with the one the base rests on. */
  #compare(own: OwnWrite): number {
    const base = this.#base!
    base.readKey()
    return compareBytes(own.key, 0, own.key.length, base.keyBytes, 0, base.keyLength)
  }
}
