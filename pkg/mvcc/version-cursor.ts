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
import type { ValueRef } from '../storage/tree.ts'
import type { KeyCursor, Neighbours } from './key-map.ts'
import { readVersion, versionSuffixLength, writeVersion } from './version-key.ts'
import type { VersionedMap } from './versioned-map.ts'

const noBytes = new Uint8Array(0)

export class VersionCursor implements KeyCursor {
  readonly #map: VersionedMap
  readonly #at: Timestamp
  readonly #cursor: TreeCursor
  /** The user key of the current entry, kept only while versions have to be told apart. */
  #current: Uint8Array = noBytes
  #currentLength = -1
  #probe: Uint8Array = noBytes
  /** The current entry's value; read at once, it points into a page. */
  value: ValueRef

  constructor(map: VersionedMap, at: Timestamp) {
    this.#map = map
    this.#at = at
    this.#cursor = map.tree.cursor()
    this.value = { bytes: this.#current, start: 0, end: 0 }
  }

  first(): boolean {
    this.#currentLength = -1
    return this.#settleForward(this.#cursor.first())
  }

  last(): boolean {
    this.#currentLength = -1
    return this.#settleBackward(this.#cursor.last())
  }

  /** Rests on the first visible key >= `key`. */
  seek(key: Uint8Array, keyLength: number): boolean {
    this.#currentLength = -1
    return this.#settleForward(this.#cursor.seek(key, keyLength))
  }

  /** As `seek`, of a key above all visible ones that lie before the one it rests on. */
  seekOnward(key: Uint8Array, keyLength: number): boolean {
    this.#currentLength = -1
    return this.#settleForward(this.#cursor.seekOnward(key, keyLength))
  }

  /** While every entry is visible and stands for itself, an entry of the tree is a key of the map. */
  sweep(keys: KeySweep, next: number, end: number): number {
    if (!this.#map.isPlainAt(this.#at)) return next
    const cursor = this.#cursor
    const settled = cursor.sweep(keys, next, end)
    if (settled === next) return next
    this.#currentLength = -1
    this.value = cursor.isLong ? cursor.readValue() : cursor.value
    return settled
  }

  /** Rests on the last visible key < `key`. */
  seekBefore(key: Uint8Array, keyLength: number): boolean {
    this.#currentLength = -1
    return this.#settleBackward(this.#cursor.seekBefore(key, keyLength))
  }

  next(): boolean {
    const cursor = this.#cursor
    if (this.#map.isPlainAt(this.#at)) {
      if (!cursor.next()) return false
      this.#currentLength = -1
      this.value = cursor.isLong ? cursor.readValue() : cursor.value
      return true
    }
    // What is left of the current key's versions is older than the one that was seen.
    let seen = true
    for (;;) {
      const stays = cursor.staysInLeaf
      if (!stays) {
        cursor.readKey()
        this.#remember(cursor.keyLength - versionSuffixLength)
      }
      if (!cursor.next()) {
        this.#currentLength = -1
        return false
      }
      const repeats = stays
        ? cursor.repeatsKey(versionSuffixLength)
        : cursor.keyStartsWith(this.#current, this.#currentLength)
      if (!repeats) seen = false
      if (seen || this.#versionHere() > this.#at) continue
      const value = cursor.isLong ? cursor.readValue() : cursor.value
      if (value.end > value.start) {
        this.#currentLength = -1
        this.value = value
        return true
      }
      seen = true
    }
  }

  /** The timestamp of the version under the tree cursor. */
  #versionHere(): Timestamp {
    const cursor = this.#cursor
    const at = cursor.keyEndBeside(0, versionSuffixLength)
    if (at >= 0) return readVersion(cursor.pageBytes, at)
    cursor.readKey()
    return readVersion(cursor.key, cursor.keyLength - versionSuffixLength)
  }

  previous(): boolean {
    const cursor = this.#cursor
    if (this.#map.isPlainAt(this.#at)) {
      if (!cursor.previous()) return false
      this.#currentLength = -1
      this.value = cursor.readValue()
      return true
    }
    if (this.#currentLength < 0) {
      // The walk was plain until now; a newer version of the key it is on may lie before it by now.
      cursor.readKey()
      this.#remember(cursor.keyLength - versionSuffixLength)
    }
    return this.#settleBackward(cursor.seekBefore(this.#current, this.#currentLength))
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
    this.#cursor.save()
  }

  close(): void {
    this.#cursor.close()
  }

  /** From wherever the tree cursor rests, forward to the first visible live version. */
  #settleForward(found: boolean): boolean {
    const cursor = this.#cursor
    if (found && this.#map.isPlainAt(this.#at)) {
      this.value = cursor.isLong ? cursor.readValue() : cursor.value
      return true
    }
    while (found) {
      cursor.readKey()
      const userLength = cursor.keyLength - versionSuffixLength
      if (readVersion(cursor.key, userLength) > this.#at) {
        found = cursor.next()
        continue
      }
      this.#remember(userLength)
      const value = cursor.readValue()
      if (value.end > value.start) {
        this.value = value
        return true
      }
      do found = cursor.next()
      while (found && cursor.keyStartsWith(this.#current, this.#currentLength))
    }
    return false
  }

  /** From the oldest version of some key, to its visible one, or to that of a key before it. */
  #settleBackward(found: boolean): boolean {
    const cursor = this.#cursor
    if (found && this.#map.isPlainAt(this.#at)) {
      this.value = cursor.readValue()
      return true
    }
    while (found) {
      cursor.readKey()
      this.#remember(cursor.keyLength - versionSuffixLength)
      const length = this.#probeFor(this.#at)
      if (cursor.seek(this.#probe, length) && cursor.keyStartsWith(this.#current, this.#currentLength)) {
        const value = cursor.readValue()
        if (value.end > value.start) {
          this.value = value
          return true
        }
      }
      found = cursor.seekBefore(this.#probe, this.#probeFor(timestampMax))
    }
    return false
  }

  #remember(length: number): void {
    if (this.#current.length < length) this.#current = new Uint8Array(length * 2)
    const from = this.#cursor.key
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
