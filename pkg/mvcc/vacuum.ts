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
  /** Of the entries that are looked at together: 1 where one is to go. */
  #dropped = new Uint8Array(0)
  removedCount = 0

  constructor(map: VersionedMap, snapshots: Snapshots) {
    this.#map = map
    this.#snapshots = snapshots
    this.#cursor = map.tree.cursor()
  }

  /** Looks at up to `entryCountMax` entries; true when the sweep is complete. */
  slice(entryCountMax: number): boolean {
    const cursor = this.#cursor
    if (this.#dropped.length < entryCountMax) this.#dropped = new Uint8Array(entryCountMax)
    let found = this.#started ? cursor.next() : cursor.first()
    this.#started = true
    for (let left = entryCountMax; found; ) {
      if (left === 0) {
        // The entry it rests on is looked at by the next slice, which begins with a move to the one after the saved key.
        if (cursor.previous()) cursor.save()
        else {
          this.#started = false
          cursor.close()
        }
        return false
      }
      left -= this.#visit(cursor, left)
      found = cursor.valid
    }
    this.#dropBareTombstone(cursor)
    cursor.close()
    return true
  }

  /**
   * Looks at entries from the one under the cursor to the end of its leaf, at most `countMax`; drops what nobody needs of them together, and moves on.
   * Returns how many it looked at.
   */
  #visit(cursor: TreeCursor, countMax: number): number {
    const dropped = this.#dropped
    const count = Math.min(countMax, cursor.countBeside(true) + 1)
    let isSame = this.#keyLength >= 0 && cursor.keyStartsWith(this.#key, this.#keyLength)
    /** Where the current key's newest version is; -1: before these. */
    let newestAt = -1
    let removed = 0
    let looked = 0
    for (; looked < count; looked++) {
      if (looked > 0) isSame = cursor.isSameKeyBeside(looked)
      dropped[looked] = 0
      const written = this.#writtenBeside(cursor, looked)
      if (isSame) {
        if (this.#snapshots.needs(written, this.#newer)) {
          this.#newer = written
          this.#bareTombstone = false
        } else {
          dropped[looked] = 1
          removed++
        }
        continue
      }
      if (this.#bareTombstone) {
        // One that lies before these entries takes the cursor away from them.
        if (newestAt < 0) break
        dropped[newestAt] = 1
        removed++
      }
      newestAt = looked
      this.#newer = written
      this.#bareTombstone = cursor.isEmptyBeside(looked)
    }
    if (looked === 0) {
      this.#dropBareTombstone(cursor)
      // The cursor went away from this entry to drop the one before it, and came back to it.
      return 1
    }
    cursor.readKeyBeside(looked - 1)
    this.#remember(cursor.key, cursor.keyLength - versionSuffixLength)
    cursor.passRemoving(dropped, looked)
    this.#map.supersededCount -= removed
    this.removedCount += removed
    return looked
  }

  #writtenBeside(cursor: TreeCursor, distance: number): Timestamp {
    const at = cursor.keyEndBeside(distance, versionSuffixLength)
    if (at >= 0) return readVersion(cursor.pageBytes, at)
    cursor.readKeyBeside(distance)
    return readVersion(cursor.key, cursor.keyLength - versionSuffixLength)
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
