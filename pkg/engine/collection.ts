/**
 * A collection as the engine holds it: its records and indexes as versioned maps, and what the catalog remembers of it.
 *
 * Readers call `scan`, `read`, `findById`; everything that changes it is called by write units and replay only.
 *
 * INVARIANTS
 *  (1) A record's key is its record id; ids are given in insertion order and never reused.
 *  (2) `documentCount` and `dataSizeBytes` are those of the live records at this moment.
 *  (3) `recordSetChanged` is true while the catalog tree does not have the collection's present state.
 */
import { assert } from '../base/assert.ts'
import { longDocumentBytes, mayDetour, Patience } from '../base/detour.ts'
import { DatabaseError } from '../base/errors.ts'
import type { CollectionId, RecordId } from '../base/ids.ts'
import { type Timestamp, timestampMax, timestampMin } from '../base/timestamp.ts'
import { encodeKey, KeyWriter } from '../bson/key.ts'
import { bsonType } from '../bson/type.ts'
import { getField, readString, truthy } from '../bson/value.ts'
import type { CollectionRecord } from '../catalog/collection-record.ts'
import type { Collation } from '../collation/collation.ts'
import type { Index } from '../index/index.ts'
import type { KeySet } from '../index/key-set.ts'
import { keysDetour, type WantedKeys } from '../index/keys-detour.ts'
import { recordIdLength, writeRecordId } from '../index/record-id.ts'
import type { KeyMap } from '../mvcc/key-map.ts'
import type { VersionedMap } from '../mvcc/versioned-map.ts'
import type { ValueRef } from '../storage/tree.ts'
import type { ChangeObserver } from './change-notes.ts'
import { ChangedFields, keepsId } from './changed-fields.ts'
import { ForeseenRecords } from './foreseen-records.ts'
import { namespaceNote } from './operation.ts'
import { nothingKept, type Patch, patchOf } from './patch.ts'
import { type EntryDifference, type EntryHost, entryChanges, PostponedEntries } from './postponed-entries.ts'
import { RecordCursor } from './record-cursor.ts'
import { checkUniqueIn, claimOldKeys } from './unique-keys.ts'

const noBytes = new Uint8Array(0)
// Of the one call that is under way, whichever collection it is about: each transaction has collections of its own, and little time.
/** Of the `_id` that is being looked up. */
const idKey = new KeyWriter()
/** Of the record. */
const recordKey = new Uint8Array(recordIdLength)
/** The bytes that are replaced or removed. */
const oldRecord: ValueRef = { bytes: noBytes, start: 0, end: 0 }
const foundRecord: RecordRef = { bytes: noBytes, start: 0, end: 0 }
/** What the replacement changes. */
const changedFields = new ChangedFields()
/** The indexes that may be about that. */
const touchedIndexes: Index[] = []
const noIndexes: readonly never[] = []

/** Where a record's bytes are: valid until the next call on the engine or a yield. */
export type RecordRef = ValueRef

/** A collection as it is stored, with all versions. */
export type StoredCollection = Collection<VersionedMap>

/** `Records`: the maps that hold it; a transaction has its own over the stored ones. */
export class Collection<Records extends KeyMap = KeyMap> {
  readonly id: CollectionId
  readonly uuid: Uint8Array
  readonly records: Records
  database: string
  name: string
  options: Uint8Array
  indexes: Index<Records>[]
  /** What writes keep up to date: the indexes, and those being built that have been loaded. */
  maintained: readonly Index<Records>[]
  /** Indexes being built, loaded or not. */
  builds: readonly Index<Records>[] = []
  /** Definitions of the indexes that the log says are being built: after a restart they are built again. */
  unfinished: readonly Uint8Array[] = []
  nextRecordId: RecordId
  documentCount: number
  dataSizeBytes: number
  /** Records inserted, replaced and removed since the collection was opened: how old an estimate of it is. */
  changeCount = 0
  /** Made, and last given an index, at these timestamps: transactions that began before cannot use it. */
  createdAt: Timestamp = timestampMin
  definedAt: Timestamp = timestampMin
  /** Set when the collection has been dropped: cursors that still hold it stop. */
  dropped = false
  recordSetChanged = true
  /** A change of a record and its index entries has begun and not ended. */
  changing = false
  #note: { readonly database: string; readonly name: string; readonly bytes: Uint8Array } | undefined
  #preImages: { readonly options: Uint8Array; readonly kept: boolean } | undefined
  readonly #takeRecordId: (() => RecordId) | undefined
  readonly #entryHost: EntryHost
  /** undefined: all index entries are there. */
  #postponed: PostponedEntries | undefined
  readonly #keysPatience = new Patience()
  #foreseen: ForeseenRecords | undefined
  /** Indexes whose changes wait. */
  #gathering: readonly Index<Records>[] = noIndexes

  /** `takeRecordId`: gives ids out where the next one is not this collection's own to give. */
  constructor(
    record: Omit<CollectionRecord, 'records' | 'indexes' | 'building' | 'unfinished'>,
    records: Records,
    indexes: Index<Records>[],
    entryHost: EntryHost,
    takeRecordId?: () => RecordId,
  ) {
    this.id = record.id
    this.uuid = record.uuid
    this.database = record.database
    this.name = record.name
    this.options = record.options
    this.records = records
    this.indexes = indexes
    this.maintained = indexes
    this.nextRecordId = record.nextRecordId
    this.documentCount = record.documentCount
    this.dataSizeBytes = record.dataSizeBytes
    this.#entryHost = entryHost
    this.#takeRecordId = takeRecordId
  }

  get namespace(): string {
    return `${this.database}.${this.name}`
  }

  /** What the log's entries name it by for change streams. */
  get namespaceNote(): Uint8Array {
    const { database, name } = this
    if (this.#note?.name !== name || this.#note.database !== database)
      this.#note = { database, name, bytes: namespaceNote(this.id, this.uuid, database, name) }
    return this.#note.bytes
  }

  /** Whether the option `changeStreamPreAndPostImages` is on. */
  get keepsPreImages(): boolean {
    const { options } = this
    if (this.#preImages?.options !== options) this.#preImages = { options, kept: readPreImages(options) }
    return this.#preImages.kept
  }

  /** The index on `_id`, or what the collection has in its place. */
  get idIndex(): Index<Records> {
    return this.indexes[0]!
  }

  /** Of the collection, for commands that name none, and of `_id`; undefined: strings by their bytes. */
  get collation(): Collation | undefined {
    return this.indexes[0]!.definition.collation
  }

  /** Whether an `_id` names one record, which `findById` finds. */
  get hasIdIndex(): boolean {
    return this.idIndex.definition.isIdIndex
  }

  index(name: string): Index<Records> | undefined {
    return this.indexes.find((index) => index.name === name)
  }

  /** Walks the records live at `at` in insertion order (1) or against it (-1), beginning after (before) record `after`. */
  scan(at: Timestamp, direction: 1 | -1 = 1, after?: RecordId): RecordCursor {
    return new RecordCursor(this, at, direction, after)
  }

  /**
   * Makes `read` of the first `count` records of a list quicker, in this order, as of `at`. Whoever foresees next, for a read of their own,
   * takes its place.
   */
  foresee(recordIds: Float64Array, count: number, at: Timestamp): void {
    if (this.#foreseen === undefined) {
      const prefetch = this.records.prefetch?.()
      if (prefetch === undefined) return
      this.#foreseen = new ForeseenRecords(prefetch)
    }
    this.#foreseen.find(recordIds, count, at)
  }

  /** Reads one record as of `at`; false when it is not there. */
  read(recordId: RecordId, at: Timestamp, into: RecordRef): boolean {
    if (this.#foreseen?.take(recordId, at, into) === true) return true
    writeRecordId(recordKey, 0, recordId)
    return this.records.get(recordKey, recordIdLength, at, into)
  }

  /** The record whose `_id` equals the given value, as of `at`. Only where there is an index on `_id`. */
  findById(type: number, bytes: Uint8Array, start: number, at: Timestamp): RecordId | undefined {
    const key = idKey.reset()
    const { collation } = this
    if (collation === undefined) encodeKey(key, type, bytes, start)
    else collation.encodeKey(key, type, bytes, start)
    return this.idIndex.lookup(key.bytes, key.length, at)
  }

  /** Reads the record whose `_id` equals the given value, as it is now; false when there is none. */
  readById(type: number, bytes: Uint8Array, start: number, into: RecordRef): boolean {
    const recordId = this.findById(type, bytes, start, timestampMax)
    return recordId !== undefined && this.read(recordId, timestampMax, into)
  }

  /** Puts the index among those of the collection, or, by name, takes it out; a definition's change needs neither. */
  setIndexes(indexes: Index<Records>[]): void {
    this.indexes = indexes
    for (const { name } of indexes) this.removeUnfinished(name)
    this.maintained = [...indexes, ...this.builds.filter((build) => this.maintained.includes(build))]
    this.recordSetChanged = true
  }

  addUnfinished(definition: Uint8Array): void {
    this.unfinished = [...this.unfinished, definition]
    this.recordSetChanged = true
  }

  /** Whether there was one of the name. */
  removeUnfinished(name: string): boolean {
    const left = this.unfinished.filter((definition) => nameIn(definition) !== name)
    if (left.length === this.unfinished.length) return false
    this.unfinished = left
    this.recordSetChanged = true
    return true
  }

  addBuild(index: Index<Records>): void {
    this.builds = [...this.builds, index]
    this.recordSetChanged = true
  }

  removeBuild(index: Index<Records>): void {
    this.builds = this.builds.filter((other) => other !== index)
    this.maintained = this.maintained.filter((other) => other !== index)
    this.recordSetChanged = true
  }

  /** From here on writes go into the index being built, too. */
  maintain(index: Index<Records>): void {
    this.maintained = [...this.maintained, index]
  }

  /** An id for a record that a transaction may insert: nobody else gets it. */
  reserveRecordId(): RecordId {
    const recordId = this.nextRecordId
    this.nextRecordId = (recordId + 1) as RecordId
    this.recordSetChanged = true
    return recordId
  }

  /** The id of a record about to be inserted. */
  newRecordId(): RecordId {
    return this.#takeRecordId === undefined ? this.nextRecordId : this.#takeRecordId()
  }

  /**
   * Extracts the document's keys. Throws DuplicateKey when a unique index has one of them for another record, WriteConflict when an
   * open transaction has written one of them, and what extraction throws. `self`: the record that has `index.oldKeys` now.
   */
  checkUnique(document: Uint8Array, at: Timestamp, self: RecordId | undefined): void {
    this.#completeEntries()
    if (this.records.rangesLocked) {
      writeRecordId(recordKey, 0, self ?? this.nextRecordId)
      this.records.claim(recordKey, recordIdLength)
    }
    checkUniqueIn(this, this.maintained, document, at, self)
  }

  /** As `findKeys` of a record that is about to be removed, which is read only where it may have many keys. */
  findKeysOf(recordId: RecordId): void {
    if (!this.maintained.some((index) => index.multikey)) return
    if (this.read(recordId, timestampMax, foundRecord)) this.findKeys(foundRecord, undefined)
    foundRecord.bytes = noBytes
  }

  /**
   * To be asked by who can wait, before a write of `document`, or a replacement or removal of the record that `old` is (no document: it is removed):
   * throws a `Detour` when taking their keys holds others up; they are known after it.
   */
  findKeys(old: RecordRef | undefined, document: Uint8Array | undefined): void {
    const oldLength = old === undefined ? 0 : old.end - old.start
    if (Math.max(oldLength, document?.length ?? 0) <= longDocumentBytes || !mayDetour()) return
    if (this.#keysPatience.isOver) {
      this.#keysPatience.rewarded()
      return
    }
    const documents: Uint8Array[] = []
    const wanted: WantedKeys[] = []
    const want = (bytes: Uint8Array, start: number, end: number): void => {
      const indexes = this.maintained.filter((index) => changedFields.touch(index) && index.takesLong(bytes, start))
      if (indexes.length === 0) return
      documents.push(bytes.slice(start, end))
      for (const index of indexes) wanted.push({ index, document: documents.length - 1 })
    }
    if (old === undefined || document === undefined) changedFields.findAll()
    else {
      const patch = patchOf(old.bytes, old.start, oldLength, document, nothingKept)
      changedFields.find(old.bytes, old.start, oldLength, document, patch)
    }
    if (old !== undefined) want(old.bytes, old.start, old.end)
    if (document !== undefined) want(document, 0, document.length)
    changedFields.forget()
    if (wanted.length === 0) {
      this.#keysPatience.rewarded()
      return
    }
    this.#keysPatience.spend()
    throw keysDetour(documents, wanted)
  }

  /**
   * From here until `settle` what changes in index entries waits, as far as no write has to look at it, and is then made in the order of keys: for
   * a write unit that changes many records and reads no index between. Which indexes there are stays as it is. False: nothing can wait.
   */
  gather(): boolean {
    this.#gathering = this.maintained.filter((index) => index.gather())
    return this.#gathering.length > 0
  }

  /** Makes the changes that wait. */
  settle(at: Timestamp): void {
    this.changing = true
    for (const index of this.#gathering) index.settle(at)
    this.changing = false
    this.#gathering = noIndexes
  }

  /** Whether index entries of the last change are still to be written. */
  get hasPostponed(): boolean {
    return this.#postponed !== undefined
  }

  /** Writes or removes up to `count` of the index entries that were put off; returns how many. */
  writePostponed(count: number): number {
    const postponed = this.#postponed
    if (postponed === undefined) return 0
    const done = postponed.step(count)
    if (done < count) this.#postponed = undefined
    return done
  }

  /** The next change begins. */
  #completeEntries(): void {
    if (this.#postponed !== undefined) this.writePostponed(Number.POSITIVE_INFINITY)
  }

  /** Whether the entries of a change that has located what it is about are put off. Throws WriteConflict, and has left it then. */
  #postpones(entryCount: number): boolean {
    if (entryCount <= this.#entryHost.entriesMax) return false
    try {
      return this.#entryHost.postpones(this)
    } catch (error) {
      this.#leave()
      throw error
    }
  }

  #leave(): void {
    this.records.leave()
    for (const index of this.maintained) index.map.leave()
  }

  get #putOff(): PostponedEntries {
    this.#postponed ??= new PostponedEntries()
    return this.#postponed
  }

  /** Inserts after `checkUnique` of the same document at the same timestamp. Throws WriteConflict, with nothing changed: see `EntryHost`. */
  insertChecked(recordId: RecordId, document: Uint8Array, at: Timestamp): void {
    let entryCount = 0
    for (const { keys } of this.maintained) if (keys.count > 1) entryCount += keys.count
    const later = this.#postpones(entryCount)
    this.changing = true
    for (const index of this.maintained) {
      const keys = index.keys
      if (index.layout === 'unique' && keys.count === 1) index.addLocated(recordId)
      else if (later && keys.count > 1) this.#putOff.insert(index, recordId, at)
      else for (let i = 0; i < keys.count; i++) index.add(keys, i, recordId, at)
      if (keys.multikey) index.noteArrays(keys)
    }
    if (this.builds.length > 0) this.#noteForBuilds(recordId)
    this.#insertRecord(recordId, document, 0, document.length, at)
    this.changing = false
  }

  /** Inserts a document that is known to be unique: replay, and the commit of a transaction. */
  insertReplayed(recordId: RecordId, bytes: Uint8Array, start: number, end: number, at: Timestamp): void {
    this.#completeEntries()
    let entryCount = 0
    for (const index of this.maintained) {
      if (!this.#extractCommitted(index, bytes, start, index.keys)) continue
      if (index.keys.count > 1) entryCount += index.keys.count
      if (index.keys.count > 1 && this.#postpones(entryCount)) this.#putOff.insert(index, recordId, at)
      else for (let i = 0; i < index.keys.count; i++) index.add(index.keys, i, recordId, at)
      if (index.keys.multikey) index.noteArrays(index.keys)
    }
    if (this.builds.length > 0) this.#noteForBuilds(recordId)
    this.#insertRecord(recordId, bytes, start, end, at)
  }

  /**
   * Replaces a live record. `check`: uniqueness is checked first (DuplicateKey, WriteConflict; nothing changed). `observer`: told last.
   * `kept`: bytes at head and tail that are known to stay. Returns how the document differs from the one before.
   */
  replace(
    recordId: RecordId,
    document: Uint8Array,
    at: Timestamp,
    check: boolean,
    observer?: ChangeObserver,
    kept: Patch = nothingKept,
  ): Patch | undefined {
    this.#completeEntries()
    if (check) {
      writeRecordId(recordKey, 0, recordId)
      this.records.claim(recordKey, recordIdLength)
    }
    this.#locate(recordId, at)
    return this.#replaceLocated(recordId, document, at, check, observer, kept)
  }

  /**
   * Replaces a live record by what `patched` makes of it, and what is known to stay: replay, and the commit of a transaction. The bytes it is given are
   * lent for the call.
   */
  patchReplayed(recordId: RecordId, at: Timestamp, kept: Patch, patched: (old: RecordRef) => Uint8Array): void {
    this.#completeEntries()
    this.#locate(recordId, at)
    this.#replaceLocated(recordId, patched(oldRecord), at, false, undefined, kept)
  }

  /** Goes to a live record and has its bytes in `oldRecord`. */
  #locate(recordId: RecordId, at: Timestamp): void {
    writeRecordId(recordKey, 0, recordId)
    assert(this.records.locate(recordKey, recordIdLength, at, oldRecord), 'a replaced record is live')
  }

  #replaceLocated(
    recordId: RecordId,
    document: Uint8Array,
    at: Timestamp,
    check: boolean,
    observer: ChangeObserver | undefined,
    kept: Patch,
  ): Patch | undefined {
    const old = oldRecord
    const oldLength = old.end - old.start
    const patch = patchOf(old.bytes, old.start, oldLength, document, kept)
    const touched = this.#touchedBy(document, patch, check)
    if (check && touched.length > 0) {
      try {
        checkUniqueIn(this, touched, document, at, recordId)
      } catch (error) {
        this.records.leave()
        throw error
      }
    }
    const changes = touched.length === 0 ? undefined : this.#manyChanges(touched)
    if (observer !== undefined) this.#announce(observer, document)
    this.changing = true
    this.records.writeLocated(document, 0, document.length)
    for (let i = 0; i < touched.length; i++) {
      const index = touched[i]!
      if (isPending(index, recordId)) continue
      const found = changes?.of[i]
      if (found === undefined) this.reindex(index, recordId, at)
      else this.#reindexBy(index, recordId, at, found, changes!.later)
    }
    touchedIndexes.length = 0
    if (this.builds.length > 0) this.#noteForBuilds(recordId)
    this.dataSizeBytes += document.length - oldLength
    this.changeCount++
    this.recordSetChanged = true
    this.changing = false
    old.bytes = noBytes
    return patch
  }

  /** The indexes whose keys may differ once `document` is in place of the located record, with the keys that it has and, unless `check`, is to have. */
  #touchedBy(document: Uint8Array, patch: Patch | undefined, check: boolean): readonly Index<Records>[] {
    const old = oldRecord
    const { maintained } = this
    // The index on `_id` is often the only one.
    if (maintained.length === 1 && this.hasIdIndex && patch !== undefined && keepsId(old.bytes, old.start, patch.head))
      return noIndexes
    const touched = touchedIndexes as Index<Records>[]
    touched.length = 0
    changedFields.find(old.bytes, old.start, old.end - old.start, document, patch)
    for (const index of maintained) {
      if (!changedFields.touch(index)) continue
      if (check) index.extract(old.bytes, old.start, index.oldKeys)
      else if (!this.#extractCommitted(index, old.bytes, old.start, index.oldKeys)) continue
      else if (!this.#extractCommitted(index, document, 0, index.keys)) continue
      touched.push(index)
    }
    changedFields.forget()
    return touched
  }

  /**
   * Removes a live record. `check`: WriteConflict, with nothing changed, when an open transaction has written it. `observer`: told last.
   */
  remove(recordId: RecordId, at: Timestamp, check: boolean, observer?: ChangeObserver): void {
    this.#completeEntries()
    writeRecordId(recordKey, 0, recordId)
    if (check) this.records.claim(recordKey, recordIdLength)
    const old = oldRecord
    assert(this.records.locate(recordKey, recordIdLength, at, old), 'a removed record is live')
    for (const index of this.maintained) {
      if (check) index.extract(old.bytes, old.start, index.oldKeys)
      else this.#extractCommitted(index, old.bytes, old.start, index.oldKeys)
    }
    const { maintained } = this
    const length = old.end - old.start
    let entryCount = 0
    for (const { oldKeys } of maintained) if (oldKeys.count > 1) entryCount += oldKeys.count
    if (check) claimOldKeys(this, recordId)
    const later = this.#postpones(entryCount)
    if (observer !== undefined) this.#announce(observer, undefined)
    this.changing = true
    this.dataSizeBytes -= length
    this.documentCount--
    this.records.removeLocated()
    for (const index of maintained) {
      if (isPending(index, recordId)) continue
      if (later && index.oldKeys.count > 1) this.#putOff.remove(index, recordId, at)
      else
        for (let i = 0; i < index.oldKeys.count; i++) {
          assert(index.remove(index.oldKeys, i, recordId, at), 'a removed record was indexed')
        }
    }
    if (this.builds.length > 0) this.#noteForBuilds(recordId)
    this.changeCount++
    this.recordSetChanged = true
    this.changing = false
    old.bytes = noBytes
  }

  /**
   * Extracts the keys of a document that nothing can refuse any more. One that an index being built cannot take in, which its
   * transaction did not know of, ends the build instead; false, then.
   */
  #extractCommitted(index: Index<Records>, bytes: Uint8Array, start: number, into: KeySet): boolean {
    if (this.builds.length === 0 || !this.builds.includes(index)) {
      index.extract(bytes, start, into)
      return true
    }
    try {
      index.extract(bytes, start, into)
      return true
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error
      index.buildFailure = error
      this.maintained = this.maintained.filter((other) => other !== index)
      return false
    }
  }

  /** Shows the located record to the observer, which may still refuse. */
  #announce(observer: ChangeObserver, after: Uint8Array | undefined): void {
    const old = oldRecord
    try {
      observer.changing(old.bytes, old.start, old.end, after)
    } catch (error) {
      this.#leave()
      throw error
    }
  }

  /** Where the record has many entries: what is to be done to those of each index, and whether it is put off; throws as `#postpones`. */
  #manyChanges(
    indexes: readonly Index[],
  ): { readonly of: readonly (EntryDifference | undefined)[]; readonly later: boolean } | undefined {
    const { entriesMax } = this.#entryHost
    let entryCount = 0
    for (const { keys, oldKeys } of indexes) entryCount += keys.count + oldKeys.count
    if (entryCount <= entriesMax) return undefined
    // Most may stay: an element more in an array of thousands is an entry more.
    entryCount = 0
    const of = indexes.map((index) => {
      if (index.keys.count + index.oldKeys.count <= 2) return undefined
      const found = entryChanges(index)
      entryCount += found.removed.length + found.added.length
      return found
    })
    return { of, later: this.#postpones(entryCount) }
  }

  #reindexBy(index: Index, recordId: RecordId, at: Timestamp, changes: EntryDifference, later: boolean): void {
    const { keys, oldKeys } = index
    if (keys.multikey) index.noteArrays(keys)
    index.map.leave()
    if (later) {
      this.#putOff.replace(index, recordId, at, changes)
      return
    }
    for (const i of changes.removed) assert(index.remove(oldKeys, i, recordId, at), 'a replaced record was indexed')
    for (const i of changes.added) index.add(keys, i, recordId, at)
  }

  /** Brings a record's entries from `index.oldKeys` to `index.keys`. */
  reindex(index: Index<Records>, recordId: RecordId, at: Timestamp): void {
    const { keys, oldKeys } = index
    if (keys.multikey) index.noteArrays(keys)
    if (keys.equals(oldKeys)) {
      index.map.leave()
      return
    }
    keys.eachChange(
      oldKeys,
      (i) => assert(index.remove(oldKeys, i, recordId, at), 'a replaced record was indexed'),
      (i) => index.add(keys, i, recordId, at),
    )
  }

  /** A record was written: builds that are not loaded yet look at it later. */
  #noteForBuilds(recordId: RecordId): void {
    for (const index of this.builds) if (!this.maintained.includes(index)) index.pending!.add(recordId)
  }

  #insertRecord(recordId: RecordId, bytes: Uint8Array, start: number, end: number, at: Timestamp): void {
    writeRecordId(recordKey, 0, recordId)
    this.records.add(recordKey, recordIdLength, at, bytes, start, end)
    if (recordId >= this.nextRecordId) this.nextRecordId = (recordId + 1) as RecordId
    this.documentCount++
    this.dataSizeBytes += end - start
    this.changeCount++
    this.recordSetChanged = true
  }
}

function readPreImages(options: Uint8Array): boolean {
  const option = getField(options, 'changeStreamPreAndPostImages')
  if (option?.type !== bsonType.document) return false
  const enabled = getField(option.bytes, 'enabled', option.start)
  return enabled !== undefined && truthy(enabled)
}

function isPending(index: Index, recordId: RecordId): boolean {
  return index.pending?.has(recordId) === true
}

/** An index's name. */
function nameIn(definition: Uint8Array): string {
  const name = getField(definition, 'name')!
  return readString(name.bytes, name.start)
}
