/** A walk over a map that notes which range of keys it has looked at, whatever it found there. */
import type { ValueRef } from '../storage/tree.ts'
import type { KeyCursor } from './key-map.ts'

/** Where a walk notes how far it went. */
export interface WalkedRange {
  setLower(key: Uint8Array | undefined, length: number): void
  setUpper(key: Uint8Array | undefined, length: number): void
  /** Both bounds are those of what the walk has seen so far; what throws ends it there. */
  reached(): void
}

export class TrackedCursor implements KeyCursor {
  readonly #cursor: KeyCursor
  readonly #newRange: () => WalkedRange
  #range: WalkedRange | undefined

  constructor(cursor: KeyCursor, newRange: () => WalkedRange) {
    this.#cursor = cursor
    this.#newRange = newRange
  }

  get value(): ValueRef {
    return this.#cursor.value
  }

  get keyBytes(): Uint8Array {
    return this.#cursor.keyBytes
  }

  get keyLength(): number {
    return this.#cursor.keyLength
  }

  readKey(): void {
    this.#cursor.readKey()
  }

  first(): boolean {
    this.#range = this.#newRange()
    return this.#upTo(this.#cursor.first())
  }

  last(): boolean {
    this.#range = this.#newRange()
    return this.#downTo(this.#cursor.last())
  }

  seek(key: Uint8Array, keyLength: number): boolean {
    this.#range = this.#newRange()
    this.#range.setLower(key, keyLength)
    return this.#upTo(this.#cursor.seek(key, keyLength))
  }

  seekOnward(key: Uint8Array, keyLength: number): boolean {
    this.#range = this.#newRange()
    this.#range.setLower(key, keyLength)
    return this.#upTo(this.#cursor.seekOnward(key, keyLength))
  }

  seekBefore(key: Uint8Array, keyLength: number): boolean {
    this.#range = this.#newRange()
    this.#range.setUpper(key, keyLength)
    return this.#downTo(this.#cursor.seekBefore(key, keyLength))
  }

  next(): boolean {
    return this.#upTo(this.#cursor.next())
  }

  previous(): boolean {
    return this.#downTo(this.#cursor.previous())
  }

  keyStartsWith(prefix: Uint8Array, prefixLength: number): boolean {
    return this.#cursor.keyStartsWith(prefix, prefixLength)
  }

  save(): void {
    this.#cursor.save()
  }

  close(): void {
    this.#cursor.close()
  }

  #upTo(found: boolean): boolean {
    const cursor = this.#cursor
    if (found) {
      cursor.readKey()
      this.#range!.setUpper(cursor.keyBytes, cursor.keyLength)
    } else this.#range!.setUpper(undefined, 0)
    this.#range!.reached()
    return found
  }

  #downTo(found: boolean): boolean {
    const cursor = this.#cursor
    if (found) {
      cursor.readKey()
      this.#range!.setLower(cursor.keyBytes, cursor.keyLength)
    } else this.#range!.setLower(undefined, 0)
    this.#range!.reached()
    return found
  }
}
