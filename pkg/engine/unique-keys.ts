/**
 * What a write has to look at in a collection's indexes before anything changes: whether a unique key is another record's, and whether an open
 * transaction has written, or locked, what is about to come or go.
 */
import type { RecordId } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import type { Index } from '../index/index.ts'
import type { Collection } from './collection.ts'
import { duplicateKeyError } from './duplicate-key.ts'
import { entryChanges } from './postponed-entries.ts'

/** More keys of one document are looked for in an index together. */
const fewKeys = 16

/**
 * Extracts the document's keys for these indexes of the collection. Throws DuplicateKey when a unique one has one of them for another record, WriteConflict when
 * an open transaction has written one of them, and what extraction throws. `self`: the record that has `index.oldKeys` now.
 */
export function checkUniqueIn(
  collection: Collection,
  indexes: readonly Index[],
  document: Uint8Array,
  at: Timestamp,
  self: RecordId | undefined,
): void {
  try {
    for (const index of indexes) {
      const { keys } = index
      index.extract(document, 0, keys)
      if (index.map.rangesLocked) claimEntries(index, self, collection.nextRecordId)
      if (!index.refusesDuplicates) continue
      // Of a new document the old keys are another's.
      if (keys.count > fewKeys || (self !== undefined && index.oldKeys.count > fewKeys)) {
        checkMany(collection, index, document, at, self)
        continue
      }
      if (self !== undefined) {
        // Keys that stay as they are have been found unique before.
        if (keys.equals(index.oldKeys)) continue
        for (let i = 0; i < index.oldKeys.count; i++) index.claim(index.oldKeys, i)
      }
      for (let i = 0; i < keys.count; i++) {
        index.claim(keys, i)
        if (index.conflict(keys, i, at, self) !== undefined) throw duplicateKeyError(collection, index, document, i)
      }
    }
  } catch (error) {
    for (const index of indexes) index.map.leave()
    throw error
  }
}

/** As `checkUniqueIn` of one index that has many keys of the document, or of the one that it replaces. */
function checkMany(
  collection: Collection,
  index: Index,
  document: Uint8Array,
  at: Timestamp,
  self: RecordId | undefined,
): void {
  const { keys, oldKeys } = index
  let added: readonly number[] | undefined
  if (self === undefined) for (let i = 0; i < keys.count; i++) index.claim(keys, i)
  else {
    // What stays cannot be another's.
    const changes = entryChanges(index)
    added = changes.added
    for (const i of changes.removed) index.claim(oldKeys, i)
    for (const i of changes.added) index.claim(keys, i)
  }
  const shared = index.firstConflict(keys, added, at, self)
  if (shared >= 0) throw duplicateKeyError(collection, index, document, shared)
}

/** The entries that the record `self`, or a new one with the id `newId`, is about to get or to change. */
function claimEntries(index: Index, self: RecordId | undefined, newId: RecordId): void {
  const { keys, oldKeys } = index
  if (self !== undefined) {
    if (keys.equals(oldKeys)) return
    for (let i = 0; i < oldKeys.count; i++) index.claimEntry(oldKeys, i, self)
  }
  for (let i = 0; i < keys.count; i++) index.claimEntry(keys, i, self ?? newId)
}

/** The keys that a record about to be removed has in unique indexes, and where somebody has locked ranges. */
export function claimOldKeys({ maintained, records }: Collection, recordId: RecordId): void {
  try {
    for (const index of maintained) {
      if (index.map.rangesLocked)
        for (let i = 0; i < index.oldKeys.count; i++) index.claimEntry(index.oldKeys, i, recordId)
      if (!index.refusesDuplicates) continue
      for (let i = 0; i < index.oldKeys.count; i++) index.claim(index.oldKeys, i)
    }
  } catch (error) {
    records.leave()
    throw error
  }
}
