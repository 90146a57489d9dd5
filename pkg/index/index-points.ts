/** Walks the records that an ordered index has for one key, then for another, at one timestamp. */
import { assert } from '../base/assert.ts'
import type { RecordId } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import type { KeyCursor, KeyMap } from '../mvcc/key-map.ts'
import { versionSuffixLength } from '../mvcc/version-key.ts'
import type { KeySweep } from '../storage/leaf-sweep.ts'
import { readRecordId, recordIdLength } from './record-id.ts'

export class IndexPoints {
  readonly #walk: KeyCursor
  /** The record id is in the value instead of the key, so that there is one entry for a key. */
  readonly #idInValue: boolean
  #key: Uint8Array = new Uint8Array(0)
  #keyLength = 0
  /** Before the key's entries, reached by a way of its own or by going on from those of a lower key; on one of them, or beyond them. */
  #place: 'before' | 'below' | 'on' | 'beyond' = 'beyond'

  constructor(map: KeyMap, idInValue: boolean, at: Timestamp) {
    this.#walk = map.cursor(at)
    this.#idInValue = idInValue
  }

  /**
   * Goes before the entries of an encoded value, which must stay as it is until the next seek. `above`: it is greater than that of
   * the seek before.
   */
  seek(key: Uint8Array, keyLength: number, above = false): void {
    this.#key = key
    this.#keyLength = keyLength
    this.#place = above ? 'below' : 'before'
  }

  next(): boolean {
    if (this.#place === 'beyond') return false
    const walk = this.#walk
    const key = this.#key
    // The next entry mostly has another key: then it need not be gone to.
    if (this.#place === 'on' && walk.neighbours?.differsAhead(this.#keyLength) === true) {
      this.#place = 'beyond'
      return false
    }
    if (!this.#move(key) || !walk.keyStartsWith(key, this.#keyLength)) {
      // No key begins with another one.
      this.#place = 'beyond'
      return false
    }
    this.#place = 'on'
    return true
  }

  #move(key: Uint8Array): boolean {
    const walk = this.#walk
    if (this.#place === 'before') return walk.seek(key, this.#keyLength)
    if (this.#place === 'below') return walk.seekOnward(key, this.#keyLength)
    return !this.#idInValue && walk.next()
  }

  /** Of the current entry. */
  get recordId(): RecordId {
    const walk = this.#walk
    if (this.#idInValue) return readRecordId(walk.value.bytes, walk.value.start)
    const at = walk.neighbours?.keyEndBeside(0, recordIdLength + versionSuffixLength) ?? -1
    if (at >= 0) return readRecordId(walk.neighbours!.pageBytes, at)
    walk.readKey()
    return readRecordId(walk.keyBytes, this.#keyLength)
  }

  /**
   * Finds the entries of several encoded values at once, those from `next` to `end` (exclusive), which ascend and are above the one that was looked
   * for last. Returns the first that must be looked for by `seek`, or `end`.
   */
  sweep(keys: KeySweep, next: number, end: number): number {
    this.#place = 'beyond'
    return this.#walk.sweep?.(keys, next, end) ?? next
  }

  /** Of entry `number` of value `i`, which the last sweep found. */
  sweptRecordId(keys: KeySweep, i: number, number: number): RecordId {
    const neighbours = this.#walk.neighbours!
    const distance = keys.distances[i]! + number
    const at = this.#idInValue
      ? neighbours.valueBeside(distance)
      : neighbours.keyEndBeside(distance, recordIdLength + versionSuffixLength)
    assert(at >= 0, 'what a sweep finds lies in its page')
    return readRecordId(neighbours.pageBytes, at)
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
