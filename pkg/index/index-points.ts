/** Walks the records that an ordered index has for one key, then for another, at one timestamp. */
import type { RecordId } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { VersionCursor } from '../mvcc/version-cursor.ts'
import type { VersionedMap } from '../mvcc/versioned-map.ts'
import { readRecordId } from './record-id.ts'

export class IndexPoints {
  readonly #walk: VersionCursor
  /** The record id is in the value instead of the key, so that there is one entry for a key. */
  readonly #idInValue: boolean
  #key: Uint8Array = new Uint8Array(0)
  #keyLength = 0
  /** Before the key's entries, on one, or beyond them. */
  #place: 'before' | 'on' | 'beyond' = 'beyond'

  constructor(map: VersionedMap, idInValue: boolean, at: Timestamp) {
    this.#walk = new VersionCursor(map, at)
    this.#idInValue = idInValue
  }

  /** Goes before the entries of an encoded value, which must stay as it is until the next seek. */
  seek(key: Uint8Array, keyLength: number): void {
    this.#key = key
    this.#keyLength = keyLength
    this.#place = 'before'
  }

  next(): boolean {
    if (this.#place === 'beyond') return false
    const walk = this.#walk
    const key = this.#key
    const found = this.#place === 'before' ? walk.seek(key, this.#keyLength) : !this.#idInValue && walk.next()
    // No key begins with another one.
    if (!found || !walk.keyStartsWith(key, this.#keyLength)) {
      this.#place = 'beyond'
      return false
    }
    this.#place = 'on'
    return true
  }

  /** Of the current entry. */
  get recordId(): RecordId {
    const walk = this.#walk
    if (this.#idInValue) return readRecordId(walk.value.bytes, walk.value.start)
    walk.readKey()
    return readRecordId(walk.keyBytes, this.#keyLength)
  }

  /** Before a yield or a write; the next move goes on after the current entry. */
  save(): void {
    this.#walk.save()
  }

  close(): void {
    this.#place = 'beyond'
    this.#walk.close()
  }
}
