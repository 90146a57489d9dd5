/**
 * A versioned map as one transaction sees it: the versions of its snapshot, and over them what it has written itself. Nothing it
 * writes gets into the map's tree; the commit does that, by the same way as replay.
 */
import { assert } from '../base/assert.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { copyBytes } from '../storage/copy.ts'
import type { Tree, ValueRef } from '../storage/tree.ts'
import type { KeyCursor, KeyMap } from './key-map.ts'
import { lockKey } from './lock-key.ts'
import { OverlaidCursor } from './overlaid-cursor.ts'
import type { ReadLocks } from './read-locks.ts'
import { memoPlace, memorize, newReader, recall } from './read-memo.ts'
import type { ReadSet } from './read-set.ts'
import { TrackedCursor, type WalkedRange } from './tracked-cursor.ts'
import type { VersionedMap } from './versioned-map.ts'
import { WriteConflict } from './write-conflict.ts'
import type { WriteMemory } from './write-memory.ts'
import { WriteSet } from './write-set.ts'

/** The transaction, as far as its maps need it. */
export interface OverlaySight {
  /** The moment at which it reads what others have written. */
  readonly readTimestamp: Timestamp
  /** Where what it reads is noted; undefined: nobody asks. */
  readonly reads: ReadSet | undefined
  /** Locks what it reads; undefined: it reads without locks. */
  readonly readLocks: ReadLocks | undefined
  /** Where what it writes is kept. */
  readonly memory: WriteMemory
  /** Makes sure that nobody else writes a key until the transaction ends; throws WriteConflict. */
  lock(space: number, key: string): void
}

/** Longer values get memory of their own. */
const keptBytesMax = 64 * 1024
const noBytes = new Uint8Array(0)

export class OverlaidMap implements KeyMap {
  /** Undefined for a map that the transaction has made itself. */
  readonly base: VersionedMap | undefined
  readonly writes: WriteSet
  readonly #sight: OverlaySight
  readonly #reader = newReader()
  incomplete = false
  #key = noBytes
  #keyLength = 0
  #value = noBytes
  #located = false

  constructor(base: VersionedMap | undefined, sight: OverlaySight) {
    this.base = base
    this.writes = new WriteSet(sight.memory)
    this.#sight = sight
  }

  get tree(): Tree | undefined {
    return this.base?.tree
  }

  get(key: Uint8Array, keyLength: number, at: Timestamp, into: ValueRef): boolean {
    return this.#read(key, keyLength, at, into, true)
  }

  /** `locks`: it is not read for a write, which has claimed it. */
  #read(key: Uint8Array, keyLength: number, at: Timestamp, into: ValueRef, locks: boolean): boolean {
    if (this.writes.find(key, keyLength, into)) return into.end > into.start
    const { base } = this
    if (base === undefined) return false
    const { reads, readLocks } = this.#sight
    const moment = this.#moment(at)
    if (reads !== undefined) {
      if (locks) readLocks?.point(base, key, keyLength, moment)
      reads.point(base, key, keyLength, moment)
    }
    const reader = this.#reader
    const place = memoPlace(reader, key, keyLength)
    if (recall(place, reader, key, keyLength, moment, into)) return into.end > into.start
    const isThere = base.get(key, keyLength, moment, into)
    memorize(place, reader, key, keyLength, moment, isThere ? into : undefined)
    return isThere
  }

  locate(key: Uint8Array, keyLength: number, at: Timestamp, into: ValueRef): boolean {
    if (this.#key.length < keyLength) this.#key = new Uint8Array(Math.max(2 * keyLength, 64))
    const own = this.#key
    for (let i = 0; i < keyLength; i++) own[i] = key[i]!
    this.#keyLength = keyLength
    this.#located = true
    if (this.#read(key, keyLength, at, into, false)) {
      this.#keep(into)
      return true
    }
    into.start = into.end = 0
    return false
  }

  /** What was located is looked at until it is changed, while other maps are read: it may not stay where it lies. */
  #keep(value: ValueRef): void {
    const { bytes, start, end } = value
    const length = end - start
    let kept = this.#value
    if (kept.length < length) {
      kept = new Uint8Array(length * 2)
      if (length <= keptBytesMax) this.#value = kept
    }
    copyBytes(bytes, start, end, kept, 0)
    value.bytes = kept
    value.start = 0
    value.end = length
  }

  leave(): void {
    this.#located = false
  }

  /** What it writes is held against ranges that others have locked when it is committed. */
  readonly rangesLocked = false

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
    if (base.incomplete || base.changedSince(key, keyLength, this.#sight.readTimestamp))
      throw new WriteConflict(undefined)
  }

  cursor(at: Timestamp): KeyCursor {
    const { base } = this
    const { reads, readLocks } = this.#sight
    const moment = this.#moment(at)
    const cursor = base?.cursor(moment)
    if (cursor === undefined || reads === undefined) return new OverlaidCursor(cursor, this.writes)
    const newRange = (): WalkedRange => {
      const range = reads.range(base!, moment)
      return readLocks === undefined ? range : readLocks.range(base!, moment, range)
    }
    return new OverlaidCursor(new TrackedCursor(cursor, newRange), this.writes)
  }

  /** Nothing that others wrote after the snapshot is seen, whatever moment is asked for. */
  #moment(at: Timestamp): Timestamp {
    const { readTimestamp } = this.#sight
    return at < readTimestamp ? at : readTimestamp
  }
}
