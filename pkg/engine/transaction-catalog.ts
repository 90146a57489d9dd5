/**
 * The collections as one transaction sees them. A collection of the database becomes a view of it when the transaction first touches
 * it: the same records and indexes over overlaid maps. A collection that the transaction makes has no stored maps yet.
 */
import { assert } from '../base/assert.ts'
import { mayDetour } from '../base/detour.ts'
import { DatabaseError } from '../base/errors.ts'
import type { CollectionId, RecordId } from '../base/ids.ts'
import { type Timestamp, timestampMax, timestampMin } from '../base/timestamp.ts'
import { FieldReader } from '../catalog/collection-record.ts'
import { parseIndexDefinition } from '../index/definition.ts'
import { Index } from '../index/index.ts'
import { lockKey } from '../mvcc/lock-key.ts'
import type { LockOwner, LockTarget } from '../mvcc/lock-table.ts'
import { OverlaidMap, type OverlaySight } from '../mvcc/overlaid-map.ts'
import type { ReadRange } from '../mvcc/read-set.ts'
import type { VersionedMap } from '../mvcc/versioned-map.ts'
import { WriteConflict } from '../mvcc/write-conflict.ts'
import { collectionLock, nameLock } from './catalog-locks.ts'
import { Collection, type StoredCollection } from './collection.ts'
import { duplicateOf } from './index-load.ts'
import type { EntryHost } from './postponed-entries.ts'
import { snapshotUnavailable } from './snapshot-unavailable.ts'
import type { State } from './state.ts'
import type { UnitCatalog } from './write-unit.ts'

type View = Collection<OverlaidMap>

/** The transaction, as far as its catalog needs it. */
export interface CatalogSight extends OverlaySight {
  share(target: LockTarget): void
}

export class TransactionCatalog implements UnitCatalog, EntryHost {
  readonly #state: State
  readonly #sight: CatalogSight
  readonly #views = new Map<StoredCollection, View>()
  /** Undefined while there are none, like the next: most transactions never have any. */
  #created: Map<string, View> | undefined
  /** Names under which a serializable transaction has looked for a collection in vain. */
  #missing: Set<string> | undefined
  readonly entriesMax: number
  /** It has changed documents with more entries than are written in one turn, */
  hasLargeChanges = false
  /** and has not written all of them. */
  #unfinished: View | undefined

  constructor(state: State, sight: CatalogSight) {
    this.#state = state
    this.#sight = sight
    this.entriesMax = state.entriesMax
  }

  /** What it has put off nobody but the transaction sees; its next statement has it written first. */
  postpones(collection: Collection): boolean {
    this.hasLargeChanges = true
    if (!mayDetour()) return false
    this.writePostponed(Number.POSITIVE_INFINITY)
    this.#unfinished = collection as View
    return true
  }

  get hasPostponed(): boolean {
    return this.#unfinished !== undefined
  }

  /** Writes up to `count` of the index entries that were put off. */
  writePostponed(count: number): void {
    this.#unfinished?.writePostponed(count)
    if (this.#unfinished?.hasPostponed !== true) this.#unfinished = undefined
  }

  /** Throws SnapshotUnavailable when the collection's definition changed, or another had the name, after the transaction's snapshot. */
  find(database: string, name: string): View | undefined {
    const stored = this.#state.catalog.get(database, name)
    const view = stored && this.#views.get(stored)
    if (view !== undefined) return view
    if (this.#state.lostName(database, name, this.#sight.readTimestamp))
      throw snapshotUnavailable(`${database}.${name}`)
    if (stored === undefined) {
      const created = this.#created?.get(`${database}.${name}`)
      if (created === undefined && this.#sight.reads !== undefined) this.#noteMissing(database, name)
      return created
    }
    if (stored.createdAt > this.#sight.readTimestamp) {
      if (this.#sight.reads !== undefined) this.#noteMissing(database, name)
      return undefined
    }
    return this.#viewOf(stored)
  }

  /** Whether the names that were found to be nobody's still are, but for those this transaction has given. */
  get stillMissing(): boolean {
    const missing = this.#missing
    if (missing === undefined) return true
    for (const stored of this.#state.catalog.all()) if (missing.has(stored.namespace)) return false
    return true
  }

  #noteMissing(database: string, name: string): void {
    const lock = nameLock(database, name)
    if (this.#sight.readLocks !== undefined) this.#sight.share(lock)
    this.#missing ??= new Set()
    this.#missing.add(lock.key)
  }

  /** A key that it has written in a range that somebody else has locked; undefined: there is none. */
  writtenInRange(owner: LockOwner): LockTarget | undefined {
    const { locks } = this.#state
    for (const { records, indexes } of this.#views.values()) {
      for (const { base, writes } of [records, ...indexes.map(({ map }) => map)]) {
        const space = base!.tree.root
        if (writes.isEmpty || !locks.hasRangesIn(space)) continue
        const cursor = writes.cursor()
        for (cursor.first(); cursor.here; cursor.next()) {
          const key = lockKey(cursor.key, cursor.keyLength)
          if (!locks.isInRange(space, key, owner)) continue
          cursor.release()
          return { space, key, mode: 'write' }
        }
        cursor.release()
      }
    }
    return undefined
  }

  /** The first key of the stored map in the range that it has written, and that `reader` has not locked before: then it has to wait itself. */
  firstWritten(map: VersionedMap, range: ReadRange, reader: LockOwner): string | undefined {
    for (const { records, indexes } of this.#views.values()) {
      const overlaid = records.base === map ? records : indexes.find((index) => index.map.base === map)?.map
      if (overlaid === undefined || overlaid.writes.isEmpty) continue
      const { locks } = this.#state
      const space = map.tree.root
      const cursor = overlaid.writes.cursor()
      if (range.lower === undefined) cursor.first()
      else cursor.seek(range.lower, range.lowerLength)
      let found: string | undefined
      for (; cursor.here && found === undefined; cursor.next()) {
        if (!range.includes(cursor.key, cursor.keyLength)) break
        const key = lockKey(cursor.key, cursor.keyLength)
        if (!locks.hasInRange(space, key, reader)) found = key
      }
      cursor.release()
      return found
    }
    return undefined
  }

  /** What was learnt of arrays in the indexes since the views were made: for a transaction whose snapshot moves. */
  refresh(): void {
    for (const [stored, view] of this.#views) {
      for (const index of view.indexes) {
        const source = stored.index(index.name)
        if (source !== undefined) index.inheritArrays(source.multikeyPaths)
      }
    }
  }

  takeCollectionId(): CollectionId {
    return this.#state.takeCollectionId()
  }

  recordSession(): void {
    assert(false, 'a transaction records its session when it commits')
  }

  claimName(database: string, name: string): void {
    const target = nameLock(database, name)
    this.#sight.lock(target.space, target.key)
    // A collection made after the snapshot is not seen, but its name is taken.
    const stored = this.#state.catalog.get(database, name)
    if (stored !== undefined && stored.createdAt > this.#sight.readTimestamp) throw new WriteConflict(undefined)
  }

  claimCollection(collection: Collection): void {
    if (this.#created?.get(collection.namespace) !== collection)
      throw notInTransaction('create new indexes on existing collection', collection)
  }

  createCollection(definition: Uint8Array): View {
    const fields = new FieldReader(definition)
    const idIndex = this.#newIndex(fields.document('idIndex'))
    let nextRecordId = 1
    const view: View = new Collection(
      {
        id: fields.number('id') as CollectionId,
        database: fields.string('database'),
        name: fields.string('name'),
        uuid: fields.uuid('uuid'),
        options: fields.document('options'),
        nextRecordId: 1 as RecordId,
        documentCount: 0,
        dataSizeBytes: 0,
      },
      new OverlaidMap(undefined, this.#sight),
      [idIndex],
      this,
      () => nextRecordId++ as RecordId,
    )
    this.#created ??= new Map()
    this.#created.set(view.namespace, view)
    return view
  }

  /** The index of a collection that this transaction has made. Throws DuplicateKey, and what extraction throws. */
  createIndex(collection: Collection, definition: Uint8Array, at: Timestamp): Index {
    const view = collection as View
    const index = this.#newIndex(definition)
    const cursor = view.scan(timestampMax)
    while (cursor.next()) {
      const { recordId } = cursor
      index.extract(cursor.bytes, cursor.start, index.keys)
      if (index.keys.multikey) index.noteArrays(index.keys)
      for (let i = 0; i < index.keys.count; i++) {
        if (index.refusesDuplicates && index.conflict(index.keys, i, at, recordId) !== undefined) {
          throw duplicateOf(view, index, recordId)
        }
        index.add(index.keys, i, recordId, at)
      }
    }
    cursor.close()
    view.setIndexes([...view.indexes, index])
    return index
  }

  dropCollection(collection: Collection): void {
    throw notInTransaction('drop', collection)
  }

  renameCollection(collection: Collection): void {
    throw notInTransaction('rename', collection)
  }

  modifyCollection(collection: Collection): void {
    throw notInTransaction('modify', collection)
  }

  /** Takes back an index that this transaction has made. */
  dropIndex(collection: Collection, index: Index): void {
    const view = collection as View
    view.setIndexes(view.indexes.filter((other) => other !== index))
  }

  modifyIndex(collection: Collection): void {
    throw notInTransaction('modify an index of', collection)
  }

  finishBuild(collection: Collection): void {
    throw notInTransaction('build an index of', collection)
  }

  dropBuild(collection: Collection): void {
    throw notInTransaction('drop an index of', collection)
  }

  #viewOf(stored: StoredCollection): View {
    if (stored.definedAt > this.#sight.readTimestamp) throw snapshotUnavailable(stored.namespace)
    this.#sight.share(collectionLock(stored.id))
    const { id, database, name, uuid, options, nextRecordId, documentCount, dataSizeBytes } = stored
    const view: View = new Collection(
      { id, database, name, uuid, options, nextRecordId, documentCount, dataSizeBytes },
      new OverlaidMap(stored.records, this.#sight),
      stored.indexes.map((index) => this.#indexOver(index)),
      this,
      () => stored.reserveRecordId(),
    )
    this.#views.set(stored, view)
    return view
  }

  #indexOver(index: Index<VersionedMap>): Index<OverlaidMap> {
    return new Index(index.definition, new OverlaidMap(index.map, this.#sight), index, index.accepts, index)
  }

  #newIndex(definition: Uint8Array): Index<OverlaidMap> {
    const parsed = parseIndexDefinition(definition)
    const state = { layout: parsed.unique ? 'unique' : 'shared', multikeyPaths: [], usableFrom: timestampMin } as const
    return new Index(parsed, new OverlaidMap(undefined, this.#sight), state, this.#state.acceptsOf(parsed))
  }
}

function notInTransaction(what: string, collection: Collection): DatabaseError {
  return new DatabaseError(
    'OperationNotSupportedInTransaction',
    `Cannot ${what} ${collection.namespace} in a multi-document transaction.`,
  )
}
