/**
 * Vacuum: drops the versions that no reader can ask for any more (`Snapshots.needs`).
 *
 * One `VacuumSweep` passes once over one map, in slices, so that other work goes on between them; the map may change
 * between slices. Writers drop what they supersede themselves when nobody needs it, so that vacuum has only what was
 * held back by a reader.
 */
import type { Timestamp } from '../base/timestamp.ts'
import { timestampMax } from '../base/timestamp.ts'
import type { TreeCursor } from '../storage/cursor.ts'
import type { Snapshots } from './snapshots.ts'
import { readVersion, versionSuffixLength } from './version-key.ts'
import type { VersionedMap } from './versioned-map.ts'

export class VacuumSweep {
  readonly #map: VersionedMap
  readonly #snapshots: Snapshots
  readonly #cursor: TreeCursor
  #started = false
  #key = new Uint8Array(64)
  #keyLength = -1
  /** When the current key's next newer kept version was written; `timestampMax`: there is none. */
  #newer: Timestamp = timestampMax
  /** Whether the newest kept version of the current key is a tombstone with nothing kept beneath it so far. */
  #bareTombstone = false
  removedCount = 0

  constructor(map: VersionedMap, snapshots: Snapshots) {
    this.#map = map
    this.#snapshots = snapshots
    this.#cursor = map.tree.cursor()
  }

  /** Looks at up to `entryCountMax` entries; true when the sweep is complete. */
  slice(entryCountMax: number): boolean {
    const cursor = this.#cursor
    let found = this.#started ? cursor.next() : cursor.first()
    this.#started = true
    for (let count = 0; found; count++) {
      if (count >= entryCountMax) {
        // The entry it rests on is looked at by the next slice, which begins with a move to the one after the saved key.
        if (cursor.previous()) cursor.save()
        else {
          this.#started = false
          cursor.close()
        }
        return false
      }
      found = this.#visit(cursor)
    }
    this.#dropBareTombstone(cursor)
    cursor.close()
    return true
  }

  /** Looks at the entry under the cursor and moves on; false at the end. */
  #visit(cursor: TreeCursor): boolean {
    cursor.readKey()
    const userLength = cursor.keyLength - versionSuffixLength
    const written = readVersion(cursor.key, userLength)
    const sameKey = this.#keyLength === userLength && cursor.keyStartsWith(this.#key, userLength)
    if (!sameKey) {
      if (this.#bareTombstone) {
        this.#dropBareTombstone(cursor)
        // The cursor went away from this entry to drop the one before it: come back to it.
        return cursor.valid
      }
      this.#remember(cursor.key, userLength)
      this.#newer = timestampMax
      const value = cursor.readValue()
      this.#bareTombstone = value.end === value.start
      this.#newer = written
      return cursor.next()
    }
    if (this.#snapshots.needs(written, this.#newer)) {
      this.#newer = written
      this.#bareTombstone = false
      return cursor.next()
    }
    cursor.remove()
    this.#map.supersededCount--
    this.removedCount++
    return cursor.valid
  }

  /** The last key seen ended in a tombstone that hides nothing: it goes, and the cursor rests on what follows it. */
  #dropBareTombstone(cursor: TreeCursor): void {
    if (!this.#bareTombstone) return
    this.#bareTombstone = false
    const length = this.#keyLength
    // Nothing is known of the key from here on: a write between slices may bring it back, with a version that nothing has superseded.
    this.#keyLength = -1
    if (cursor.seek(this.#key, length) && cursor.keyStartsWith(this.#key, length)) {
      const value = cursor.readValue()
      cursor.readKey()
      if (value.end === value.start && readVersion(cursor.key, length) === this.#newer) {
        cursor.remove()
        this.#map.supersededCount--
        this.removedCount++
        return
      }
      // A write came between the slices and made the key live again.
      do if (!cursor.next()) return
      while (cursor.keyStartsWith(this.#key, length))
    }
  }

  #remember(key: Uint8Array, length: number): void {
    if (this.#key.length < length) this.#key = new Uint8Array(length * 2)
    this.#key.set(key.subarray(0, length))
    this.#keyLength = length
  }
}
