/**
 * Walks a transaction's own writes and the map beneath them as one, in key order or against it. Where both have a key, the own
 * write counts, and hides the key when it is a removal.
 *
 * After a `save` the map and the writes may change; the walk goes on from the key it was on.
 */
import { compareBytes } from '../bson/key.ts'
import type { ValueRef } from '../storage/tree.ts'
import type { KeyCursor } from './key-map.ts'
import type { WriteCursor, WriteSet } from './write-set.ts'

export class OverlaidCursor implements KeyCursor {
  readonly #base: KeyCursor | undefined
  readonly #writes: WriteSet
  /** Whether the base rests on a key: the current one, or the next one in the direction of the walk. */
  #baseHere = false
  /** Rests on a write as the base does on a key; undefined as long as nothing was written. */
  #own: WriteCursor | undefined
  #moves = 0
  /** Whether the current entry is the write's, not the base's. */
  #isOwn = false
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
    return this.#isOwn ? this.#own!.value : this.#base!.value
  }

  readKey(): void {
    if (this.#isOwn) {
      const own = this.#own!
      this.keyBytes = own.key
      this.keyLength = own.keyLength
      return
    }
    const base = this.#base!
    base.readKey()
    this.keyBytes = base.keyBytes
    this.keyLength = base.keyLength
  }

  keyStartsWith(prefix: Uint8Array, prefixLength: number): boolean {
    if (!this.#isOwn) return this.#base!.keyStartsWith(prefix, prefixLength)
    const own = this.#own!
    if (own.keyLength < prefixLength) return false
    for (let i = 0; i < prefixLength; i++) if (own.key[i] !== prefix[i]) return false
    return true
  }

  first(): boolean {
    this.#baseHere = this.#base?.first() === true
    this.#writesCursor()?.first()
    return this.#settleForward()
  }

  last(): boolean {
    this.#baseHere = this.#base?.last() === true
    this.#writesCursor()?.last()
    return this.#settleBackward()
  }

  seek(key: Uint8Array, keyLength: number): boolean {
    this.#baseHere = this.#base?.seek(key, keyLength) === true
    this.#writesCursor()?.seek(key, keyLength)
    return this.#settleForward()
  }

  seekOnward(key: Uint8Array, keyLength: number): boolean {
    if (!this.#writes.isEmpty) return this.seek(key, keyLength)
    this.#baseHere = this.#base?.seekOnward(key, keyLength) === true
    return this.#settleForward()
  }

  seekBefore(key: Uint8Array, keyLength: number): boolean {
    this.#baseHere = this.#base?.seekBefore(key, keyLength) === true
    this.#writesCursor()?.seekBefore(key, keyLength)
    return this.#settleBackward()
  }

  next(): boolean {
    if (this.#saved !== undefined || !this.#forward || this.#moves !== this.#writes.moves) return this.#goOn(true)
    if (!this.#isOwn) this.#baseHere = this.#base!.next()
    else {
      // The base may rest on the same key, which the write has hidden.
      if (this.#baseHere && this.#compare() === 0) this.#baseHere = this.#base!.next()
      this.#own!.next()
    }
    return this.#settleForward()
  }

  previous(): boolean {
    if (this.#saved !== undefined || this.#forward || this.#moves !== this.#writes.moves) return this.#goOn(false)
    if (!this.#isOwn) this.#baseHere = this.#base!.previous()
    else {
      if (this.#baseHere && this.#compare() === 0) this.#baseHere = this.#base!.previous()
      this.#own!.previous()
    }
    return this.#settleBackward()
  }

  save(): void {
    if (!this.#writes.isEmpty || this.#base === undefined) {
      this.readKey()
      this.#saved = this.keyBytes.slice(0, this.keyLength)
      this.#own?.release()
    }
    this.#base?.save()
  }

  close(): void {
    this.#own?.release()
    this.#base?.close()
  }

  #writesCursor(): WriteCursor | undefined {
    if (this.#own === undefined && !this.#writes.isEmpty) this.#own = this.#writes.cursor()
    return this.#own
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
    const own = this.#own
    for (;;) {
      this.#isOwn = false
      if (own?.here !== true) return this.#baseHere
      const order = this.#baseHere ? this.#compare() : -1
      if (order > 0) return true
      if (this.#restOnOwn()) return true
      if (order === 0) this.#baseHere = this.#base!.next()
      own.next()
    }
  }

  #settleBackward(): boolean {
    this.#forward = false
    this.#saved = undefined
    this.#moves = this.#writes.moves
    const own = this.#own
    for (;;) {
      this.#isOwn = false
      if (own?.here !== true) return this.#baseHere
      const order = this.#baseHere ? this.#compare() : 1
      if (order < 0) return true
      if (this.#restOnOwn()) return true
      if (order === 0) this.#baseHere = this.#base!.previous()
      own.previous()
    }
  }

  /** Whether the write is one to rest on, not a removal. */
  #restOnOwn(): boolean {
    const { value } = this.#own!
    this.#isOwn = value.end > value.start
    return this.#isOwn
  }

  /** How the write's key compares with the one the base rests on. */
  #compare(): number {
    const own = this.#own!
    const base = this.#base!
    base.readKey()
    return compareBytes(own.key, 0, own.keyLength, base.keyBytes, 0, base.keyLength)
  }
}
