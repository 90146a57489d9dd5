/**
 * A versioned map as one transaction sees it: the versions of its snapshot, and over them what it has written itself. Nothing it
 * writes gets into the map's tree; the commit does that, by the same way as replay.
 */
import { assert } from '../base/assert.ts'
import type { Timestamp } from '../base/timestamp.ts'
import type { Tree, ValueRef } from '../storage/tree.ts'
import type { KeyCursor, KeyMap } from './key-map.ts'
import { lockKey } from './lock-table.ts'
import { OverlaidCursor } from './overlaid-cursor.ts'
import type { ReadSet } from './read-set.ts'
import { TrackedCursor } from './tracked-cursor.ts'
import type { VersionedMap } from './versioned-map.ts'
import { WriteConflict } from './write-conflict.ts'
import { WriteSet } from './write-set.ts'

/** The transaction, as far as its maps need it. */
export interface OverlaySight {
  /** The moment at which it reads what others have written. */
  readonly readTimestamp: Timestamp
  /** Where what it reads is noted; undefined: nobody asks. */
  readonly reads: ReadSet | undefined
  /** Makes sure that nobody else writes a key until the transaction ends; throws WriteConflict. */
  lock(space: number, key: string): void
}

export class OverlaidMap implements KeyMap {
  /** Undefined for a map that the transaction has made itself. */
  readonly base: VersionedMap | undefined
  readonly writes = new WriteSet()
  readonly #sight: OverlaySight
  #key = new Uint8Array(64)
  #keyLength = 0
  #located = false

  constructor(base: VersionedMap | undefined, sight: OverlaySight) {
    this.base = base
    this.#sight = sight
  }

  get tree(): Tree | undefined {
    return this.base?.tree
  }

  get(key: Uint8Array, keyLength: number, at: Timestamp, into: ValueRef): boolean {
    const own = this.writes.find(key, keyLength)
    if (own === undefined) {
      const { base } = this
      if (base === undefined) return false
      this.#sight.reads?.point(base, key, keyLength)
      return base.get(key, keyLength, this.#moment(at), into)
    }
    into.bytes = own.value
    into.start = 0
    into.end = own.value.length
    return own.value.length > 0
  }

  locate(key: Uint8Array, keyLength: number, at: Timestamp, into: ValueRef): boolean {
    if (this.#key.length < keyLength) this.#key = new Uint8Array(keyLength * 2)
    const own = this.#key
    for (let i = 0; i < keyLength; i++) own[i] = key[i]!
    this.#keyLength = keyLength
    this.#located = true
    if (this.get(key, keyLength, at, into)) return true
    into.start = into.end = 0
    return false
  }

  leave(): void {
    this.#located = false
  }

  writeLocated(value: Uint8Array, start: number, end: number): void {
    assert(this.#located, 'an overlaid map writes only where it has located')
    assert(end > start, 'a value in a map is not empty')
    this.#located = false
    this.writes.put(this.#key, this.#keyLength, value, start, end)
  }

  removeLocated(): void {
    assert(this.#located, 'an overlaid map removes only what it has located')
    this.#located = false
    this.writes.remove(this.#key, this.#keyLength)
  }

  add(key: Uint8Array, keyLength: number, _at: Timestamp, value: Uint8Array, start: number, end: number): void {
    assert(end > start, 'a value in a map is not empty')
    this.#located = false
    this.writes.put(key, keyLength, value, start, end)
  }

  claim(key: Uint8Array, keyLength: number): void {
    const { base } = this
    if (base === undefined) return
    this.#sight.lock(base.tree.root, lockKey(key, keyLength))
    if (base.changedSince(key, keyLength, this.#sight.readTimestamp)) throw new WriteConflict(undefined)
  }

  cursor(at: Timestamp): KeyCursor {
    const { base } = this
    const { reads } = this.#sight
    const cursor = base?.cursor(this.#moment(at))
    if (cursor === undefined || reads === undefined) return new OverlaidCursor(cursor, this.writes)
    return new OverlaidCursor(new TrackedCursor(cursor, () => reads.range(base!)), this.writes)
  }

  /** Nothing that others wrote after the snapshot is seen, whatever moment is asked for. */
  #moment(at: Timestamp): Timestamp {
    const { readTimestamp } = this.#sight
    return at < readTimestamp ? at : readTimestamp
  }
}
