/**
 * The database's state and how each log operation changes it. Write units and replay both come here, so that what is
 * replayed is what was done.
 *
 * The catalog tree (collection id -> `CollectionRecord`) is brought up to date by `writeCatalog`, right before a checkpoint
 * freezes the pages; between checkpoints the truth is in memory and in the log.
 */
import { assert } from '../base/assert.ts'
import type { CollectionId, PageId, RecordId } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { timestampMin } from '../base/timestamp.ts'
import { writeInt32 } from '../bson/little-endian.ts'
import { Catalog } from '../catalog/catalog.ts'
import type { CollectionRecord, IndexRecord, MapRecord } from '../catalog/collection-record.ts'
import { decodeCollectionRecord, encodeCollectionRecord, FieldReader } from '../catalog/collection-record.ts'
import type { Collation } from '../collation/collation.ts'
import { type IndexDefinition, parseIndexDefinition } from '../index/definition.ts'
import { type DocumentPredicate, Index, type IndexLayout, type IndexState } from '../index/index.ts'
import { LockTable, type LockTarget } from '../mvcc/lock-table.ts'
import { Snapshots } from '../mvcc/snapshots.ts'
import { VersionedMap } from '../mvcc/versioned-map.ts'
import { WriteConflict } from '../mvcc/write-conflict.ts'
import { copyBytes } from '../storage/copy.ts'
import type { LogEntry, PayloadSource } from '../storage/log-reader.ts'
import type { Store } from '../storage/store.ts'
import type { Tree } from '../storage/tree.ts'
import { collectionLock, nameLock } from './catalog-locks.ts'
import { Collection, type RecordRef, type StoredCollection } from './collection.ts'
import { DroppedTrees } from './dropped-trees.ts'
import { loadIndex } from './index-load.ts'
import { isNote, OperationReader, operationKind } from './operation.ts'
import type { EngineOptions } from './options.ts'
import { piecesOf } from './payload-pieces.ts'
import type { EntryHost } from './postponed-entries.ts'
import { SessionRecords } from './session-records.ts'

/** Makes a predicate of a partial index's filter. */
type CompileFilter = (filter: Uint8Array, collation?: Collation) => DocumentPredicate

/** Where patched documents are put together, unless they are larger. */
const patchScratch = new Uint8Array(64 * 1024)

export class State implements EntryHost {
  readonly store: Store
  readonly snapshots = new Snapshots()
  /** What open transactions have written or use. */
  readonly locks = new LockTable()
  readonly catalog = new Catalog<StoredCollection>()
  readonly catalogTree: Tree
  nextCollectionId = 1 as CollectionId
  /** Collections dropped since the catalog tree was last written. */
  readonly #droppedIds = new Set<CollectionId>()
  /** When a name was last taken from a collection, by a drop or by a rename; of this run, and as long as somebody may look at a moment before. */
  readonly #namesGone = new Map<string, Timestamp>()
  /** What is left of dropped collections and indexes. */
  readonly droppedTrees: DroppedTrees
  readonly sessions: SessionRecords
  /** Pages have changed since the last checkpoint without a log entry: vacuum, or pages of what was dropped. */
  changedUnlogged = false
  /** What the last patch made. */
  #patchDocument = patchScratch

  readonly #compileFilter: CompileFilter | undefined

  readonly #collationKeyVersion: number

  readonly entriesMax: number
  /** See `EntryHost.postpones`; undefined: every change is made at once. */
  postponing: ((collection: StoredCollection) => boolean) | undefined

  constructor(
    store: Store,
    catalogTree: Tree,
    {
      compileFilter,
      collationKeyVersion,
      commitSliceEntries,
    }: Pick<EngineOptions, 'compileFilter' | 'collationKeyVersion' | 'commitSliceEntries'>,
  ) {
    this.entriesMax = commitSliceEntries
    this.#collationKeyVersion = collationKeyVersion
    this.store = store
    this.#compileFilter = compileFilter
    this.catalogTree = catalogTree
    this.droppedTrees = new DroppedTrees(store, catalogTree)
    this.sessions = new SessionRecords(store)
  }

  /** Loads the catalog as the last checkpoint has it. */
  load(): void {
    const stale: [StoredCollection, Index<VersionedMap>[]][] = []
    const cursor = this.catalogTree.cursor()
    for (let found = cursor.first(); found; found = cursor.next()) {
      const value = cursor.readValue()
      const entry = value.bytes.slice(value.start, value.end)
      cursor.save()
      if (this.droppedTrees.isOwnKey(cursor.key)) {
        this.droppedTrees.load(entry)
        continue
      }
      const record = decodeCollectionRecord(entry)
      const collection = this.#openCollection(record)
      // Builds that a crash cut off: nothing but their pages is left.
      for (const root of record.building) this.droppedTrees.addRoot(root)
      collection.recordSetChanged = record.building.length > 0
      const others = collection.indexes.filter(
        ({ definition }, i) =>
          definition.collation !== undefined && record.indexes[i]!.collationKeyVersion !== this.#collationKeyVersion,
      )
      if (others.length > 0) stale.push([collection, others])
      this.catalog.add(collection)
      if (record.id >= this.nextCollectionId) this.nextCollectionId = (record.id + 1) as CollectionId
    }
    cursor.close()
    for (const [collection, indexes] of stale) for (const index of indexes) this.#buildAgain(collection, index)
  }

  /** Its keys mean something else than those that are made now: fills another tree with those. Errors: DuplicateKey of `_id`s. */
  #buildAgain(collection: StoredCollection, old: Index<VersionedMap>): void {
    const at = collection.records.newest
    const index = this.#newIndex(old.definition, old.definition.isIdIndex ? 'unique' : 'shared', at)
    loadIndex(collection, index, at)
    collection.setIndexes(collection.indexes.map((other) => (other === old ? index : other)))
    old.dropped = true
    this.droppedTrees.add(old.map)
    this.changedUnlogged = true
  }

  /** Applies a log entry. */
  replay({ bytes, start, end, source, timestamp }: LogEntry): void {
    if (source === undefined) this.apply(bytes, start, end, timestamp)
    else this.applyLarge(source, timestamp)
    while (!this.droppedTrees.freeSlice(Number.POSITIVE_INFINITY));
  }

  postpones(collection: Collection): boolean {
    return this.postponing?.(collection as StoredCollection) ?? false
  }

  find(database: string, name: string): StoredCollection | undefined {
    return this.catalog.get(database, name)
  }

  /** An id for a collection about to be made: never given out again. */
  takeCollectionId(): CollectionId {
    const id = this.nextCollectionId
    this.nextCollectionId = (id + 1) as CollectionId
    return id
  }

  recordSession(body: Uint8Array, at: Timestamp): void {
    this.sessions.apply(body, 0, body.length, at)
  }

  claimName(database: string, name: string): void {
    this.#refuseLocked(nameLock(database, name))
  }

  claimCollection(collection: StoredCollection): void {
    this.#refuseLocked(collectionLock(collection.id))
  }

  #refuseLocked(target: LockTarget): void {
    if (!this.locks.isEmpty && !this.locks.isFree(target.space, target.key, target.mode))
      throw new WriteConflict(target)
  }

  /** Applies operations that fit the state as it is. */
  apply(bytes: Uint8Array, start: number, end: number, at: Timestamp): void {
    const reader = new OperationReader(bytes, start, end)
    while (reader.next()) if (!isNote(reader.kind)) this.applyOperation(reader, at)
  }

  /** As `apply`, of a payload on disk. */
  applyLarge(payload: PayloadSource, at: Timestamp): void {
    for (const { bytes, end } of piecesOf(payload)) this.apply(bytes, 0, end, at)
  }

  createCollection(definition: Uint8Array, at: Timestamp): StoredCollection {
    const fields = new FieldReader(definition)
    const id = fields.number('id') as CollectionId
    const firstIndex = fields.document('idIndex')
    const idIndex: IndexRecord = {
      definition: firstIndex,
      map: this.#newMapRecord(),
      layout: parseIndexDefinition(firstIndex).isIdIndex ? 'unique' : 'shared',
      multikeyPaths: [],
      usableFrom: at,
      collationKeyVersion: this.#collationKeyVersion,
    }
    const collection = this.#openCollection({
      id,
      database: fields.string('database'),
      name: fields.string('name'),
      uuid: fields.uuid('uuid'),
      options: fields.document('options'),
      records: this.#newMapRecord(),
      nextRecordId: 1 as RecordId,
      documentCount: 0,
      dataSizeBytes: 0,
      indexes: [idIndex],
      building: [],
      unfinished: [],
    })
    collection.createdAt = at
    this.catalog.add(collection)
    this.#droppedIds.delete(id)
    if (id >= this.nextCollectionId) this.nextCollectionId = (id + 1) as CollectionId
    return collection
  }

  dropCollection(collection: StoredCollection, at: Timestamp): void {
    this.#nameGone(collection, at)
    this.catalog.remove(collection)
    collection.dropped = true
    this.#droppedIds.add(collection.id)
    this.droppedTrees.add(collection.records)
    for (const index of [...collection.indexes, ...collection.builds]) {
      index.dropped = true
      this.droppedTrees.add(index.map)
    }
  }

  renameCollection(collection: StoredCollection, database: string, name: string, at: Timestamp): void {
    this.#nameGone(collection, at)
    this.catalog.remove(collection)
    collection.database = database
    collection.name = name
    collection.definedAt = at
    collection.recordSetChanged = true
    this.catalog.add(collection)
  }

  /** Whether a collection had the name at `at`, a moment that can still be read, and lost it since. */
  lostName(database: string, name: string, at: Timestamp): boolean {
    return this.#namesGone.size > 0 && (this.#namesGone.get(`${database}.${name}`) ?? timestampMin) > at
  }

  #nameGone({ namespace }: StoredCollection, at: Timestamp): void {
    const { oldest = at, historyFrom = at } = this.snapshots
    const asked = Math.min(oldest, historyFrom)
    // The last time comes last.
    this.#namesGone.delete(namespace)
    for (const [name, gone] of this.#namesGone) {
      if (gone > asked) break
      this.#namesGone.delete(name)
    }
    if (asked < at) this.#namesGone.set(namespace, at)
  }

  modifyCollection(collection: StoredCollection, options: Uint8Array): void {
    collection.options = options
    collection.recordSetChanged = true
  }

  /** Builds the index over the collection's live records; DuplicateKey, with nothing changed, when a unique one cannot be. */
  createIndex(collection: StoredCollection, definition: Uint8Array, at: Timestamp): Index<VersionedMap> {
    const parsed = parseIndexDefinition(definition)
    const index = this.#newIndex(parsed, parsed.unique ? 'unique' : 'shared', at)
    try {
      loadIndex(collection, index, at)
    } catch (error) {
      this.droppedTrees.add(index.map)
      throw error
    }
    collection.definedAt = at
    collection.setIndexes([...collection.indexes, index])
    return index
  }

  /** An index to be filled by an `IndexBuild`; its pages are the collection's from now on. */
  beginBuild(collection: StoredCollection, definition: Uint8Array, at: Timestamp): Index<VersionedMap> {
    const index = this.#newIndex(parseIndexDefinition(definition), 'shared', at)
    collection.addBuild(index)
    return index
  }

  finishBuild(collection: StoredCollection, index: Index<VersionedMap>, at: Timestamp): void {
    collection.removeBuild(index)
    index.usableFrom = at
    collection.definedAt = at
    collection.setIndexes([...collection.indexes, index])
  }

  dropBuild(collection: StoredCollection, index: Index<VersionedMap>): void {
    collection.removeBuild(index)
    index.dropped = true
    this.droppedTrees.add(index.map)
  }

  dropIndex(collection: StoredCollection, index: Index<VersionedMap>): void {
    collection.setIndexes(collection.indexes.filter((other) => other !== index))
    index.dropped = true
    this.droppedTrees.add(index.map)
  }

  /** Gives an index other options; its key pattern stays. */
  modifyIndex(collection: StoredCollection, index: Index<VersionedMap>, definition: Uint8Array): void {
    index.definition = parseIndexDefinition(definition)
    collection.recordSetChanged = true
  }

  #newIndex(definition: IndexDefinition, layout: IndexLayout, at: Timestamp): Index<VersionedMap> {
    const map = new VersionedMap(this.store.createTree(), this.snapshots, 0, timestampMin, this.locks)
    return this.#openIndex(definition, map, { layout, multikeyPaths: [], usableFrom: at })
  }

  #openIndex(definition: IndexDefinition, map: VersionedMap, state: IndexState): Index<VersionedMap> {
    return new Index(definition, map, state, this.acceptsOf(definition))
  }

  /** What a partial index takes in; undefined: all. */
  acceptsOf({ partialFilter, collation }: IndexDefinition): DocumentPredicate | undefined {
    if (partialFilter === undefined) return undefined
    assert(this.#compileFilter !== undefined, 'an engine with partial indexes was told how to compile their filters')
    return this.#compileFilter(partialFilter, collation)
  }

  /** Brings the catalog tree up to date with memory. */
  writeCatalog(): void {
    for (const id of this.#droppedIds) {
      this.catalogTree.delete(catalogKey(id), 4)
    }
    this.#droppedIds.clear()
    this.droppedTrees.store()
    for (const collection of this.catalog.all()) {
      if (!collection.recordSetChanged) continue
      const bytes = encodeCollectionRecord(recordOf(collection, this.#collationKeyVersion))
      this.catalogTree.put(catalogKey(collection.id), 4, bytes, 0, bytes.length)
      collection.recordSetChanged = false
    }
  }

  /** The roots of every tree in the data file. */
  treeRoots(): PageId[] {
    const roots: PageId[] = [this.catalogTree.root, ...this.droppedTrees.roots()]
    for (const collection of this.catalog.all()) {
      roots.push(collection.records.tree.root)
      for (const index of [...collection.indexes, ...collection.builds]) roots.push(index.map.tree.root)
    }
    const sessions = this.sessions.root
    if (sessions !== undefined) roots.push(sessions)
    return roots
  }

  /** Every versioned map of the database: what vacuum walks. */
  maps(): { readonly collection: StoredCollection; readonly map: VersionedMap }[] {
    const maps: { collection: StoredCollection; map: VersionedMap }[] = []
    for (const collection of this.catalog.all()) {
      maps.push({ collection, map: collection.records })
      for (const index of collection.indexes) maps.push({ collection, map: index.map })
    }
    return maps
  }

  /** Applies the operation, not a note, that the reader is at. */
  applyOperation(reader: OperationReader, at: Timestamp): void {
    const { kind, bytes, start, end } = reader
    switch (kind) {
      case operationKind.insert:
        this.#collection(reader.collection).insertReplayed(reader.record, bytes, start, end, at)
        return
      case operationKind.replace:
        this.#collection(reader.collection).replace(reader.record, bytes.slice(start, end), at, false)
        return
      case operationKind.patch: {
        const collection = this.#collection(reader.collection)
        collection.patchReplayed(reader.record, at, reader, (old) => this.#patched(old, reader))
        return
      }
      case operationKind.remove:
        this.#collection(reader.collection).remove(reader.record, at, false)
        return
      case operationKind.session:
        this.sessions.apply(bytes, start, end, at)
        return
      default:
        this.#replayCatalogOperation(kind, bytes.slice(start, end), at)
    }
  }

  #replayCatalogOperation(kind: number, document: Uint8Array, at: Timestamp): void {
    if (kind === operationKind.createCollection) {
      this.createCollection(document, at)
      return
    }
    const fields = new FieldReader(document)
    const collection = this.#collection(fields.number('id') as CollectionId)
    switch (kind) {
      case operationKind.dropCollection:
        this.dropCollection(collection, at)
        return
      case operationKind.renameCollection:
        this.renameCollection(collection, fields.string('database'), fields.string('name'), at)
        return
      case operationKind.modifyCollection:
        this.modifyCollection(collection, fields.document('options'))
        return
      case operationKind.createIndex:
        this.createIndex(collection, fields.document('definition'), at)
        return
      case operationKind.startIndexBuild:
        collection.addUnfinished(fields.document('definition'))
        return
      case operationKind.stopIndexBuild:
        collection.removeUnfinished(fields.string('name'))
        return
      case operationKind.dropIndex: {
        const index = collection.index(fields.string('name'))
        assert(index !== undefined, 'a dropped index is in its collection')
        this.dropIndex(collection, index)
        return
      }
      case operationKind.modifyIndex: {
        const index = collection.index(fields.string('name'))
        assert(index !== undefined, 'a modified index is in its collection')
        this.modifyIndex(collection, index, fields.document('definition'))
        return
      }
      default:
        assert(false, 'a log operation has a known kind')
    }
  }

  #collection(id: CollectionId): StoredCollection {
    const collection = this.catalog.byId(id)
    assert(collection !== undefined, 'a log operation names a collection that is there')
    return collection
  }

  /** Lent until the next call. */
  #patched(old: RecordRef, reader: OperationReader): Uint8Array {
    const middle = reader.end - reader.start
    const length = reader.head + middle + reader.tail
    if (this.#patchDocument.length !== length)
      this.#patchDocument = length > patchScratch.length ? new Uint8Array(length) : patchScratch.subarray(0, length)
    const document = this.#patchDocument
    copyBytes(old.bytes, old.start, old.start + reader.head, document, 0)
    copyBytes(reader.bytes, reader.start, reader.end, document, reader.head)
    copyBytes(old.bytes, old.end - reader.tail, old.end, document, reader.head + middle)
    writeInt32(document, 0, length)
    return document
  }

  #newMapRecord(): MapRecord {
    return { root: this.store.createTree().root, supersededCount: 0, newest: timestampMin }
  }

  #openMap(record: MapRecord): VersionedMap {
    const { root, supersededCount, newest } = record
    return new VersionedMap(this.store.openTree(root), this.snapshots, supersededCount, newest, this.locks)
  }

  #openCollection(record: CollectionRecord): StoredCollection {
    const indexes = record.indexes.map((index) =>
      this.#openIndex(parseIndexDefinition(index.definition), this.#openMap(index.map), index),
    )
    const collection = new Collection(record, this.#openMap(record.records), indexes, this)
    collection.unfinished = record.unfinished
    return collection
  }
}

function recordOf(collection: StoredCollection, collationKeyVersion: number): CollectionRecord {
  return {
    id: collection.id,
    database: collection.database,
    name: collection.name,
    uuid: collection.uuid,
    options: collection.options,
    records: mapRecordOf(collection.records),
    nextRecordId: collection.nextRecordId,
    documentCount: collection.documentCount,
    dataSizeBytes: collection.dataSizeBytes,
    indexes: collection.indexes.map((index) => ({
      definition: index.definition.bytes,
      map: mapRecordOf(index.map),
      layout: index.layout,
      multikeyPaths: index.multikeyPaths,
      usableFrom: index.usableFrom,
      collationKeyVersion,
    })),
    building: collection.builds.map((index) => index.map.tree.root),
    unfinished: collection.unfinished,
  }
}

function mapRecordOf(map: VersionedMap): MapRecord {
  return { root: map.tree.root, supersededCount: map.supersededCount, newest: map.newest }
}

function catalogKey(id: CollectionId): Uint8Array {
  return new Uint8Array([id >>> 24, id >>> 16, id >>> 8, id])
}
