/**
 * Walks the visible versions of a versioned map at one timestamp, in key order or against it.
 *
 * Between `save()` and the next move the map may change; the walk goes on after the key it was on. A walk that must see one
 * moment across a `save` needs an open snapshot at its timestamp, else versions it has not reached may be pruned.
 */
import type { Timestamp } from '../base/timestamp.ts'
import { timestampMax, timestampMin } from '../base/timestamp.ts'
import type { TreeCursor } from '../storage/cursor.ts'
import type { KeySweep } from '../storage/leaf-sweep.ts'
import { StampWalk, stampLength } from '../storage/stamp-walk.ts'
import type { ValueRef } from '../storage/tree.ts'
import type { KeyCursor, Neighbours } from './key-map.ts'
import { readVersion, versionSuffixLength, writeVersion } from './version-key.ts'
import type { VersionedMap } from './versioned-map.ts'

const noBytes = new Uint8Array(0)
/** For a moment. */
const stamp = new Uint8Array(stampLength)

export class VersionCursor implements KeyCursor {
  readonly #map: VersionedMap
  readonly #at: Timestamp
  readonly #cursor: TreeCursor
  /** Finds the visible versions of a leaf; undefined as long as nothing had to be told apart. */
  #walk: StampWalk | undefined
  /** The same against the order of keys. At most one of the two has found something. */
  #walkBack: StampWalk | undefined
  /** A user key, for a moment. */
  #current: Uint8Array = noBytes
  #currentLength = 0
  #probe: Uint8Array = noBytes
  /** The current entry's value; read at once, it points into a page. */
  readonly value: ValueRef

  constructor(map: VersionedMap, at: Timestamp) {
    this.#map = map
    this.#at = at
    this.#cursor = map.tree.cursor()
    this.value = this.#cursor.value
  }

  first(): boolean {
    return this.#settleForward(this.#cursor.first())
  }

  last(): boolean {
    return this.#settleBackward(this.#cursor.last())
  }

  /** Rests on the first visible key >= `key`. */
  seek(key: Uint8Array, keyLength: number): boolean {
    return this.#settleForward(this.#cursor.seek(key, keyLength))
  }

  /** As `seek`, of a key above all visible ones that lie before the one it rests on. */
  seekOnward(key: Uint8Array, keyLength: number): boolean {
    return this.#settleForward(this.#cursor.seekOnward(key, keyLength))
  }

  /** While every entry is visible and stands for itself, an entry of the tree is a key of the map. */
  sweep(keys: KeySweep, next: number, end: number): number {
    if (!this.#map.isPlainAt(this.#at)) return next
    const cursor = this.#cursor
    const settled = cursor.sweep(keys, next, end)
    if (settled === next) return next
    this.#forget()
    if (cursor.isLong) cursor.readValue()
    return settled
  }

  /** Rests on the last visible key < `key`. */
  seekBefore(key: Uint8Array, keyLength: number): boolean {
    return this.#settleBackward(this.#cursor.seekBefore(key, keyLength))
  }

  next(): boolean {
    const cursor = this.#cursor
    const found = this.#walk
    if (found?.hasFound === true) {
      cursor.restOn(found.take())
      if (this.#isLive()) return true
    } else if (this.#map.isPlainAt(this.#at)) return cursor.next() && this.#isLive()
    return this.#nextVisible()
  }

  /** Less often than `next`, which is small for it: the inner loop of every scan. */
  #nextVisible(): boolean {
    const cursor = this.#cursor
    this.#walkBack?.forget()
    const walk = this.#versions()
    // What is left of the current key's versions is older than the one that was seen.
    let seen = true
    for (;;) {
      while (cursor.nextStamped(walk, seen)) if (this.#isLive()) return true
      // To the next leaf, or back to where the walk was saved.
      walk.forget()
      this.#remember()
      seen = readVersion(cursor.key, this.#currentLength) <= this.#at
      if (!cursor.next()) return false
      if (seen && cursor.keyStartsWith(this.#current, this.#currentLength)) continue
      seen = this.#versionHere() <= this.#at
      if (seen && this.#isLive()) return true
    }
  }

  previous(): boolean {
    const cursor = this.#cursor
    const found = this.#walkBack
    if (found?.hasFound === true) {
      cursor.restOn(found.takeBehind())
      if (this.#isLive()) return true
    } else if (this.#map.isPlainAt(this.#at)) return cursor.previous() && this.#isLive()
    return this.#previousVisible()
  }

  #previousVisible(): boolean {
    const cursor = this.#cursor
    this.#walk?.forget()
    const walk = this.#versionsBehind()
    while (cursor.previousStamped(walk, 1)) if (this.#isLive()) return true
    this.#remember()
    return this.#settleBackward(cursor.seekBefore(this.#current, this.#currentLength))
  }

  #versions(): StampWalk {
    this.#walk ??= walkAt(this.#at)
    return this.#walk
  }

  #versionsBehind(): StampWalk {
    this.#walkBack ??= walkAt(this.#at)
    return this.#walkBack
  }

  #forget(): void {
    this.#walk?.forget()
    this.#walkBack?.forget()
  }

  /** Whether the version under the tree cursor is no tombstone; its value can be read, then. */
  #isLive(): boolean {
    const cursor = this.#cursor
    if (cursor.isLong) cursor.readValue()
    return this.value.end > this.value.start
  }

  /** The timestamp of the version under the tree cursor. */
  #versionHere(): Timestamp {
    const cursor = this.#cursor
    const at = cursor.keyEndBeside(0, versionSuffixLength)
    if (at >= 0) return readVersion(cursor.pageBytes, at)
    cursor.readKey()
    return readVersion(cursor.key, cursor.keyLength - versionSuffixLength)
  }

  /** Whether the current user key begins with `prefix[0, prefixLength)`; without building it. */
  keyStartsWith(prefix: Uint8Array, prefixLength: number): boolean {
    return this.#cursor.keyStartsWith(prefix, prefixLength)
  }

  /** The current user key: `keyBytes[0..keyLength)`, valid until the next move. */
  readKey(): void {
    const cursor = this.#cursor
    cursor.readKey()
    this.keyBytes = cursor.key
    this.keyLength = cursor.keyLength - versionSuffixLength
  }
  keyBytes: Uint8Array = noBytes
  keyLength = 0

  /** The timestamp of the current version. Call after `readKey`. */
  get timestamp(): Timestamp {
    return readVersion(this.keyBytes, this.keyLength)
  }

  get neighbours(): Neighbours {
    return this.#cursor
  }

  save(): void {
    this.#forget()
    this.#cursor.save()
  }

  close(): void {
    this.#cursor.close()
  }

  /** From wherever the tree cursor rests, forward to the first visible live version. */
  #settleForward(found: boolean): boolean {
    const cursor = this.#cursor
    this.#forget()
    if (found && this.#map.isPlainAt(this.#at)) return this.#isLive()
    while (found) {
      if (this.#versionHere() > this.#at) {
        found = cursor.next()
        continue
      }
      if (this.#isLive()) return true
      this.#remember()
      do found = cursor.next()
      while (found && cursor.keyStartsWith(this.#current, this.#currentLength))
    }
    return false
  }

  /** From the oldest version of some key, to its visible one, or to that of a key before it. */
  #settleBackward(found: boolean): boolean {
    const cursor = this.#cursor
    this.#forget()
    if (found && this.#map.isPlainAt(this.#at)) return this.#isLive()
    while (found) {
      const walk = this.#versionsBehind()
      walk.forget()
      for (let behind = 0; cursor.previousStamped(walk, behind); behind = 1) if (this.#isLive()) return true
      this.#remember()
      const length = this.#probeFor(this.#at)
      if (cursor.seek(this.#probe, length) && cursor.keyStartsWith(this.#current, this.#currentLength)) {
        if (this.#isLive()) return true
      }
      found = cursor.seekBefore(this.#probe, this.#probeFor(timestampMax))
    }
    return false
  }

  /** Makes the user key under the tree cursor the current one. */
  #remember(): void {
    const cursor = this.#cursor
    cursor.readKey()
    const length = cursor.keyLength - versionSuffixLength
    if (this.#current.length < length) this.#current = new Uint8Array(length * 2)
    const from = cursor.key
    const to = this.#current
    for (let i = 0; i < length; i++) to[i] = from[i]!
    this.#currentLength = length
  }

  #probeFor(at: Timestamp): number {
    const length = this.#currentLength
    if (this.#probe.length < length + versionSuffixLength)
      this.#probe = new Uint8Array((length + versionSuffixLength) * 2)
    this.#probe.set(this.#current.subarray(0, length))
    return writeVersion(this.#probe, length, at < timestampMin ? timestampMin : at)
  }
}

function walkAt(at: Timestamp): StampWalk {
  writeVersion(stamp, 0, Math.max(at, timestampMin) as Timestamp)
  return new StampWalk(stamp, 0)
}
