/**
 * The end of an index build: brings the entries of the records that were written since its snapshot from their keys in the snapshot to those
 * of now. A record stays in `index.pending`, where writers leave it alone, until all of its entries are there.
 */
import { isSameInput, longDocumentBytes, mayDetour } from '../base/detour.ts'
import type { RecordId } from '../base/ids.ts'
import { type Timestamp, timestampMax } from '../base/timestamp.ts'
import type { Index } from '../index/index.ts'
import { keysDetour } from '../index/keys-detour.ts'
import type { VersionedMap } from '../mvcc/versioned-map.ts'
import type { RecordRef, StoredCollection } from './collection.ts'
import { entryChanges, PostponedEntries } from './postponed-entries.ts'

/** Of one call: a fraction of a millisecond, or one for entries. */
const sliceRecords = 64
const sliceEntries = 1024

const noBytes = new Uint8Array(0)

/** What a record's entries are those of; no document: it has none. */
interface Applied {
  readonly recordId: RecordId
  readonly document: Uint8Array | undefined
}

export class CatchUp {
  readonly #collection: StoredCollection
  readonly #index: Index<VersionedMap>
  readonly #since: Timestamp
  /** Of a record with many entries, which others may change while they are written. */
  #entries: PostponedEntries | undefined
  #applied: Applied | undefined

  /** `since`: that of the snapshot. */
  constructor(collection: StoredCollection, index: Index<VersionedMap>, since: Timestamp) {
    this.#collection = collection
    this.#index = index
    this.#since = since
  }

  /** Does a little, at the timestamp of the last write; true when nothing is pending. May throw a `Detour`. */
  slice(at: Timestamp): boolean {
    const pending = this.#index.pending!
    let left = sliceEntries
    if (this.#entries !== undefined) {
      left -= this.#entries.step(left)
      if (left === 0) return false
      this.#entries = undefined
    }
    let records = sliceRecords
    if (this.#applied !== undefined) left -= this.#bring(this.#applied.recordId, at)
    for (const recordId of pending) {
      if (this.#entries !== undefined || left <= 0 || records-- === 0) return false
      left -= this.#bring(recordId, at)
    }
    return pending.size === 0
  }

  /** Returns how many entries it looked at. */
  #bring(recordId: RecordId, at: Timestamp): number {
    const index = this.#index
    const now = this.#read(recordId, timestampMax)
    const applied = this.#applied
    if (applied !== undefined && isSameVersion(applied.document, now)) {
      this.#applied = undefined
      index.pending!.delete(recordId)
      return 0
    }
    const before = applied === undefined ? this.#read(recordId, this.#since) : refOf(applied.document)
    this.#findKeys(before, now)
    const { keys, oldKeys } = index
    oldKeys.reset()
    keys.reset()
    if (before !== undefined) index.extract(before.bytes, before.start, oldKeys)
    if (now !== undefined) index.extract(now.bytes, now.start, keys)
    const count = keys.count + oldKeys.count
    if (count <= sliceEntries) {
      this.#collection.reindex(index, recordId, at)
      this.#applied = undefined
      index.pending!.delete(recordId)
      return count
    }
    if (keys.multikey) index.noteArrays(keys)
    this.#entries = new PostponedEntries()
    this.#entries.replace(index, recordId, at, entryChanges(index))
    this.#applied = { recordId, document: now?.bytes.subarray(now.start, now.end) }
    return count
  }

  /** A copy: another read follows. */
  #read(recordId: RecordId, at: Timestamp): RecordRef | undefined {
    const ref: RecordRef = { bytes: noBytes, start: 0, end: 0 }
    return this.#collection.read(recordId, at, ref) ? refOf(ref.bytes.slice(ref.start, ref.end)) : undefined
  }

  #findKeys(...versions: (RecordRef | undefined)[]): void {
    if (!mayDetour()) return
    const documents = versions
      .filter((version) => version !== undefined)
      .filter(({ bytes, start, end }) => end - start > longDocumentBytes && this.#index.takesLong(bytes, start))
      .map(({ bytes, start, end }) => bytes.subarray(start, end))
    if (documents.length > 0)
      throw keysDetour(
        documents,
        documents.map((_, document) => ({ index: this.#index, document })),
      )
  }
}

function refOf(document: Uint8Array): RecordRef
function refOf(document: Uint8Array | undefined): RecordRef | undefined
function refOf(document: Uint8Array | undefined): RecordRef | undefined {
  return document && { bytes: document, start: 0, end: document.length }
}

function isSameVersion(document: Uint8Array | undefined, now: RecordRef | undefined): boolean {
  if (document === undefined || now === undefined) return document === undefined && now === undefined
  return isSameInput(document, now.bytes, now.start, now.end)
}
