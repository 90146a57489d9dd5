/** Fills an index's empty tree at once, within a write unit or replay: extract all keys, sort them, load the tree from left to right. */
import type { RecordId } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { timestampMax } from '../base/timestamp.ts'
import type { Index } from '../index/index.ts'
import { readRecordId } from '../index/record-id.ts'
import { versionSuffixLength, writeVersion } from '../mvcc/version-key.ts'
import type { VersionedMap } from '../mvcc/versioned-map.ts'
import type { Collection, StoredCollection } from './collection.ts'
import { duplicateKeyError } from './duplicate-key.ts'
import { IndexEntries } from './index-entries.ts'
import type { RecordCursor } from './record-cursor.ts'

/** Throws DuplicateKey when the index is unique and two records share a key, and what extraction throws. */
export function loadIndex(collection: StoredCollection, index: Index<VersionedMap>, at: Timestamp): void {
  const cursor = collection.scan(timestampMax)
  try {
    while (loadSome(collection, cursor, index, at));
  } finally {
    cursor.close()
  }
  index.map.newest = at
}

/** As many records as memory holds keys of; false: those were the last. */
function loadSome(collection: Collection, cursor: RecordCursor, index: Index<VersionedMap>, at: Timestamp): boolean {
  const entries = new IndexEntries()
  let more = true
  while (!entries.isFull) {
    more = cursor.next()
    if (!more) break
    index.extract(cursor.bytes, cursor.start, index.keys)
    if (index.keys.count > 0) entries.add(index, cursor.recordId)
    if (index.keys.multikey) index.noteArrays(index.keys)
  }
  cursor.save()
  entries.finish()
  const writer = new EntryWriter(index, at)
  while (entries.next()) {
    const twin = writer.put(entries)
    if (twin !== undefined) throw duplicateOf(collection, index, twin)
  }
  return more
}

/** Puts merged entries into the index's tree as versions of one moment. */
export class EntryWriter {
  readonly #index: Index<VersionedMap>
  readonly #at: Timestamp
  #key = new Uint8Array(256)
  readonly #ref = { bytes: new Uint8Array(0), start: 0, end: 0 }

  constructor(index: Index<VersionedMap>, at: Timestamp) {
    this.#index = index
    this.#at = at
  }

  /** The entries' current one. In layout `unique`, the record whose key is already taken; else `undefined`, and the entry is in the tree. */
  put(entries: IndexEntries): RecordId | undefined {
    const { bytes, start, middle, end } = entries
    const length = middle - start
    if (this.#key.length < length + versionSuffixLength) this.#key = new Uint8Array(length * 2 + 64)
    const key = this.#key
    for (let i = 0; i < length; i++) key[i] = bytes[start + i]!
    const { layout, map } = this.#index
    if (layout === 'unique' && map.get(key, length, timestampMax, this.#ref)) return readRecordId(bytes, middle)
    map.tree.put(key, writeVersion(key, length, this.#at), bytes, middle, end)
    return undefined
  }
}

/** The error about a record one of whose keys another record has too. */
export function duplicateOf(collection: Collection, index: Index, recordId: RecordId): Error {
  const ref = { bytes: new Uint8Array(0), start: 0, end: 0 }
  collection.read(recordId, timestampMax, ref)
  const document = ref.bytes.slice(ref.start, ref.end)
  index.extract(document, 0, index.keys)
  const shared = index.firstConflict(index.keys, undefined, timestampMax, recordId)
  return duplicateKeyError(collection, index, document, Math.max(0, shared))
}
