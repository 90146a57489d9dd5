/**
 * An ordered index: a versioned map from encoded keys to records.
 *
 *   unique        key = encoded value                        value = record id, 6 bytes big endian
 *   not unique    key = encoded value | record id (6 bytes)  value = one byte 1
 *
 * INVARIANTS
 *  (1) For every live record there is exactly one entry per distinct key that `KeyExtractor` gives for it, and no other.
 *  (2) `multikey` is true when any document ever indexed had an array on the path; it never goes back to false.
 */

import type { RecordId } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import type { VersionedMap } from '../mvcc/versioned-map.ts'
import type { ValueRef } from '../storage/tree.ts'
import type { IndexDefinition, KeyPath } from './definition.ts'
import { KeyExtractor, KeySet } from './extract.ts'
import { IndexCursor } from './index-cursor.ts'
import { readRecordId, recordIdLength, writeRecordId } from './record-id.ts'

export const presentValue = new Uint8Array([1])

export class Index {
  readonly definition: IndexDefinition
  readonly map: VersionedMap
  multikey: boolean
  /** Reads at an earlier timestamp cannot use the index: it holds nothing of them. */
  readonly usableFrom: Timestamp
  readonly #extractor: KeyExtractor
  /** The keys of the document being written, and of the one it replaces. */
  readonly keys = new KeySet()
  readonly oldKeys = new KeySet()
  #key = new Uint8Array(64)
  readonly #value: ValueRef = { bytes: presentValue, start: 0, end: 0 }
  /** Set when the index has been dropped: cursors that still hold it stop. */
  dropped = false
  /** Operations that used the index since it was opened, for $indexStats. */
  useCount = 0

  constructor(definition: IndexDefinition, map: VersionedMap, multikey: boolean, usableFrom: Timestamp) {
    this.definition = definition
    this.map = map
    this.multikey = multikey
    this.usableFrom = usableFrom
    const path = definition.keyPaths[0]!
    this.#extractor = new KeyExtractor(path.path, path.descending)
  }

  get name(): string {
    return this.definition.name
  }

  get unique(): boolean {
    return this.definition.unique
  }

  get keyPaths(): readonly KeyPath[] {
    return this.definition.keyPaths
  }

  extract(document: Uint8Array, start: number, into: KeySet): void {
    this.#extractor.extract(document, start, into)
  }

  /** Walks lower <= encoded value < upper at `at`; `undefined` is no bound. */
  scan(at: Timestamp, lower?: Uint8Array, upper?: Uint8Array, direction: 1 | -1 = 1): IndexCursor {
    this.useCount++
    return new IndexCursor(this.map, this.unique, at, lower, upper, direction)
  }

  /** The record a unique index has for an encoded value, or `undefined`. */
  lookup(key: Uint8Array, keyLength: number, at: Timestamp): RecordId | undefined {
    return this.map.get(key, keyLength, at, this.#value)
      ? readRecordId(this.#value.bytes, this.#value.start)
      : undefined
  }

  /** The record other than `self` that holds key `i` of `set`, in a unique index. */
  conflict(set: KeySet, i: number, at: Timestamp, self: RecordId | undefined): RecordId | undefined {
    const length = this.#load(set, i)
    if (!this.map.locate(this.#key, length, at, this.#value)) return undefined
    const holder = readRecordId(this.#value.bytes, this.#value.start)
    return holder === self ? undefined : holder
  }

  /** Goes on from a `conflict` that found none, when the key set has this one key: saves the second descent. */
  addLocated(recordId: RecordId): void {
    this.map.writeLocated(recordIdBytes(recordId), 0, recordIdLength)
  }

  add(set: KeySet, i: number, recordId: RecordId, at: Timestamp): void {
    let length = this.#load(set, i)
    if (this.unique) {
      this.map.locate(this.#key, length, at, this.#value)
      this.map.writeLocated(recordIdBytes(recordId), 0, recordIdLength)
    } else {
      length = writeRecordId(this.#key, length, recordId)
      this.map.locate(this.#key, length, at, this.#value)
      this.map.writeLocated(presentValue, 0, 1)
    }
  }

  remove(set: KeySet, i: number, recordId: RecordId, at: Timestamp): boolean {
    let length = this.#load(set, i)
    if (!this.unique) length = writeRecordId(this.#key, length, recordId)
    if (!this.map.locate(this.#key, length, at, this.#value)) {
      this.map.leave()
      return false
    }
    this.map.removeLocated()
    return true
  }

  /** Whether the live entry of key `i` for the record is there: what `check` asks. */
  has(set: KeySet, i: number, recordId: RecordId, at: Timestamp): boolean {
    let length = this.#load(set, i)
    if (this.unique) return this.lookup(this.#key, length, at) === recordId
    length = writeRecordId(this.#key, length, recordId)
    return this.map.get(this.#key, length, at, this.#value)
  }

  #load(set: KeySet, i: number): number {
    const start = set.starts[i]!
    const length = set.ends[i]! - start
    if (this.#key.length < length + recordIdLength) this.#key = new Uint8Array((length + recordIdLength) * 2)
    const key = this.#key
    const from = set.writer.bytes
    for (let j = 0; j < length; j++) key[j] = from[start + j]!
    return length
  }
}

const idScratch = new Uint8Array(recordIdLength)

function recordIdBytes(recordId: RecordId): Uint8Array {
  writeRecordId(idScratch, 0, recordId)
  return idScratch
}
