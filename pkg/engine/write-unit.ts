/**
 * A write unit: changes that become one log entry with one timestamp. It exists only inside `Engine.write`, synchronously.
 *
 * Each call is all or nothing: it first makes sure that log and data file have room and that no unique index objects, then
 * changes the maps and adds its operation to the entry.
 */
import { DatabaseError } from '../base/errors.ts'
import type { CollectionId, RecordId } from '../base/ids.ts'
import { documentSizeMaxInternal } from '../base/limits.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { buildDocument } from '../bson/build.ts'
import { binaryValue, documentValue, getField } from '../bson/value.ts'
import { uuidSubtype } from '../catalog/collection-record.ts'
import type { Index } from '../index/index.ts'
import type { Random } from '../io/random.ts'
import type { ChangeDescriber, ChangeNotes } from './change-notes.ts'
import type { Collection } from './collection.ts'
import type { IndexBuild } from './index-build.ts'
import type { OperationWriter } from './operation.ts'
import { noteOverheadMax, operationKind, operationOverheadMax } from './operation.ts'
import type { Patch } from './patch.ts'

/** What a write unit needs of the engine around it. */
export interface WriteHost {
  /** Milliseconds since the epoch. */
  nowMs(): number
  /** Before each change. Throws WriteConflict, when the one before it takes more than its turn and has to be the last. */
  begin(): void
  /**
   * Makes sure that `logBytes` of payload in this entry and the pages they change fit on disk, or throws OutOfDiskSpace. Returns how many
   * fit: more than that, perhaps, so that not every change has to ask.
   */
  reserve(logBytes: number): number
  /** A change was cut off in its middle, by a damaged page or a defect: what is in memory must not reach the data file. */
  halfDone(error: unknown): void
}

/** The collections that a unit changes: those of the database, or those of a transaction. */
export interface UnitCatalog {
  find(database: string, name: string): Collection | undefined
  takeCollectionId(): CollectionId
  createCollection(definition: Uint8Array, at: Timestamp): Collection
  dropCollection(collection: Collection, at: Timestamp): void
  renameCollection(collection: Collection, database: string, name: string, at: Timestamp): void
  modifyCollection(collection: Collection, options: Uint8Array): void
  createIndex(collection: Collection, definition: Uint8Array, at: Timestamp): Index
  finishBuild(collection: Collection, index: Index, at: Timestamp): void
  dropBuild(collection: Collection, index: Index): void
  dropIndex(collection: Collection, index: Index): void
  modifyIndex(collection: Collection, index: Index, definition: Uint8Array): void
  /** Changes a session's record: `body` is of `encodeSessionWrite`. */
  recordSession(body: Uint8Array, at: Timestamp): void
  /** Throws WriteConflict while a transaction uses the name otherwise. */
  claimName(database: string, name: string): void
  /** Throws WriteConflict while a transaction uses the collection. */
  claimCollection(collection: Collection): void
}

export class WriteUnit {
  #timestamp: Timestamp
  readonly #catalog: UnitCatalog
  readonly #operations: OperationWriter
  readonly #random: Random
  readonly #host: WriteHost
  /** Where the changes are described for change streams; undefined: no change history is kept. */
  readonly #notes: ChangeNotes | undefined
  #reserved = 0
  /** Those whose changes in index entries wait. */
  #gathering: readonly Collection[] = []
  /** Room kept for a session record to come. */
  #announced = 0
  #changed: Collection | undefined
  /** What it changes is written in its turn, however much it is, since something else is to be written in the same. */
  isWhole = false

  constructor(
    catalog: UnitCatalog,
    operations: OperationWriter,
    timestamp: Timestamp,
    random: Random,
    host: WriteHost,
    notes: ChangeNotes | undefined,
  ) {
    this.#notes = notes
    this.#catalog = catalog
    this.#operations = operations
    this.#timestamp = timestamp
    this.#random = random
    this.#host = host
    notes?.begin(host.nowMs(), this)
  }

  /** Makes sure that so many bytes more fit into the entry. Throws OutOfDiskSpace. */
  reserve(bytes: number): void {
    this.#reserve(bytes)
  }

  /** Whether its last change has index entries that are still to be written: what comes next does so best in a unit of its own, after a pause. */
  get isFull(): boolean {
    return this.#changed?.hasPostponed === true
  }

  /** That of its changes, and the moment at which it reads what they change. */
  get timestamp(): Timestamp {
    return this.#timestamp
  }

  /** The transaction that it belongs to reads at a later moment from here on: so must what it changes. */
  moveTo(timestamp: Timestamp): void {
    this.#timestamp = timestamp
  }

  /**
   * `options`: BSON of create's options. `firstIndex`: the definition of the index that a collection without a unique `_id` has in
   * place of that on `_id`. Throws NamespaceExists.
   */
  createCollection(database: string, name: string, options: Uint8Array, firstIndex?: Uint8Array): Collection {
    this.#host.begin()
    this.#catalog.claimName(database, name)
    if (this.#catalog.find(database, name) !== undefined) {
      throw new DatabaseError('NamespaceExists', `Collection ${database}.${name} already exists.`)
    }
    const collation = getField(options, 'collation')
    const definition = buildDocument({
      id: BigInt(this.#catalog.takeCollectionId()),
      database,
      name,
      uuid: binaryValue(randomUuid(this.#random), uuidSubtype),
      options: documentValue(options),
      idIndex:
        firstIndex === undefined
          ? { v: 2, key: { _id: 1 }, name: '_id_', ...(collation && { collation }) }
          : documentValue(firstIndex),
    })
    this.#reserve(definition.length)
    const collection = this.#catalog.createCollection(definition, this.timestamp)
    this.#notes?.namespace(collection)
    this.#operations.catalog(operationKind.createCollection, definition)
    return collection
  }

  /**
   * An event that change streams get and that no operation tells of: of the collection, or of the whole database.
   * `event`: its `operationType` and what else belongs to it.
   */
  noteEvent(database: string, collection: Collection | undefined, event: Readonly<Record<string, unknown>>): void {
    if (this.#notes === undefined) return
    const document = buildDocument({ db: database, ...event })
    this.#reserve(document.length)
    if (collection !== undefined) this.#notes.namespace(collection)
    this.#operations.event(document)
  }

  dropCollection(collection: Collection): void {
    this.#begin(collection)
    this.#catalog.claimCollection(collection)
    const change = this.#dropOf(collection)
    this.#reserve(change.length)
    this.#drop(collection, change)
  }

  #dropOf(collection: Collection): Uint8Array {
    const isView = this.#notes !== undefined && getField(collection.options, 'viewOn') !== undefined
    return buildDocument({ id: BigInt(collection.id), view: isView ? true : undefined })
  }

  #drop(collection: Collection, change: Uint8Array): void {
    this.#catalog.dropCollection(collection, this.timestamp)
    this.#notes?.namespace(collection)
    this.#operations.catalog(operationKind.dropCollection, change)
  }

  /** `replaced`: the collection that has the name, which is dropped; without one, NamespaceExists when there is one. */
  renameCollection(collection: Collection, database: string, name: string, replaced?: Collection): void {
    this.#begin(collection)
    this.#catalog.claimCollection(collection)
    if (replaced !== undefined) {
      this.#begin(replaced)
      this.#catalog.claimCollection(replaced)
    }
    this.#catalog.claimName(database, name)
    if (this.#catalog.find(database, name) !== replaced) {
      throw new DatabaseError('NamespaceExists', 'target namespace exists')
    }
    const change = buildDocument({ id: BigInt(collection.id), database, name })
    const drop = replaced === undefined ? undefined : this.#dropOf(replaced)
    // One without the other would lose what has the name.
    this.#reserve(change.length + (drop === undefined ? 0 : drop.length + operationOverheadMax + noteOverheadMax))
    if (drop !== undefined) this.#drop(replaced!, drop)
    // The note has the old name, the operation the new one.
    this.#notes?.namespace(collection)
    this.#catalog.renameCollection(collection, database, name, this.timestamp)
    this.#notes?.renamed()
    this.#operations.catalog(operationKind.renameCollection, change)
  }

  modifyCollection(collection: Collection, options: Uint8Array): void {
    this.#begin(collection)
    this.#catalog.claimCollection(collection)
    const change = buildDocument({ id: BigInt(collection.id), options: documentValue(options) })
    this.#reserve(change.length)
    this.#catalog.modifyCollection(collection, options)
    this.#notes?.namespace(collection)
    this.#operations.catalog(operationKind.modifyCollection, change)
  }

  /** Builds the index over what is there. `definition`: `{v, key, name, unique?}`. Throws DuplicateKey. */
  createIndex(collection: Collection, definition: Uint8Array): Index {
    this.#begin(collection)
    this.#catalog.claimCollection(collection)
    const change = buildDocument({ id: BigInt(collection.id), definition: documentValue(definition) })
    this.#reserve(change.length + collection.documentCount * 32)
    const index = this.#catalog.createIndex(collection, definition, this.timestamp)
    this.#notes?.namespace(collection)
    this.#operations.catalog(operationKind.createIndex, change)
    return index
  }

  /** Makes indexes whose builds are complete indexes of their collection. All or none: throws DuplicateKey before anything changed. */
  finishIndexBuilds(builds: readonly IndexBuild[]): void {
    for (const build of builds) {
      this.#catalog.claimCollection(build.collection)
      build.checkReady()
    }
    const changes = builds.map(({ collection, index }) =>
      buildDocument({ id: BigInt(collection.id), definition: documentValue(index.definition.bytes) }),
    )
    this.#reserve(changes.reduce((sum, change) => sum + change.length + operationOverheadMax, 0))
    builds.forEach((build, i) => {
      this.#catalog.finishBuild(build.collection, build.index, this.timestamp)
      build.finished()
      this.#notes?.namespace(build.collection)
      this.#operations.catalog(operationKind.createIndex, changes[i]!)
    })
  }

  /** Remembers that an index is being built, so that it is built again if the process ends before it is done. */
  startIndexBuild(collection: Collection, definition: Uint8Array): void {
    this.#begin(collection)
    this.#catalog.claimCollection(collection)
    const change = buildDocument({ id: BigInt(collection.id), definition: documentValue(definition) })
    this.#reserve(change.length + operationOverheadMax)
    collection.addUnfinished(definition)
    this.#operations.catalog(operationKind.startIndexBuild, change)
  }

  /** Forgets that an index is being built. */
  stopIndexBuild(collection: Collection, name: string): void {
    this.#begin(collection)
    const change = buildDocument({ id: BigInt(collection.id), name })
    this.#reserve(change.length + operationOverheadMax)
    if (collection.removeUnfinished(name)) this.#operations.catalog(operationKind.stopIndexBuild, change)
  }

  /** Stops an index build: its next slice throws IndexBuildAborted. */
  abortIndexBuild(collection: Collection, index: Index): void {
    this.#catalog.dropBuild(collection, index)
    this.stopIndexBuild(collection, index.name)
  }

  /** Gives an index another definition with the same key pattern and name. Throws DuplicateKey when it is to become unique and cannot. */
  modifyIndex(collection: Collection, name: string, definition: Uint8Array): void {
    this.#begin(collection)
    this.#catalog.claimCollection(collection)
    const index = collection.index(name)
    if (index === undefined) throw new DatabaseError('IndexNotFound', `index not found with name [${name}]`)
    const change = buildDocument({ id: BigInt(collection.id), name, definition: documentValue(definition) })
    this.#reserve(change.length)
    this.#catalog.modifyIndex(collection, index, definition)
    this.#notes?.namespace(collection)
    this.#operations.catalog(operationKind.modifyIndex, change)
  }

  dropIndex(collection: Collection, name: string): void {
    this.#begin(collection)
    this.#catalog.claimCollection(collection)
    const index = collection.index(name)
    if (index === undefined) throw new DatabaseError('IndexNotFound', `index not found with name [${name}]`)
    const change = buildDocument({
      id: BigInt(collection.id),
      name,
      definition: this.#notes === undefined ? undefined : documentValue(index.definition.bytes),
    })
    this.#reserve(change.length)
    this.#catalog.dropIndex(collection, index)
    this.#notes?.namespace(collection)
    this.#operations.catalog(operationKind.dropIndex, change)
  }

  /** `document`: valid BSON with `_id` first. Throws DuplicateKey. */
  insert(collection: Collection, document: Uint8Array): RecordId {
    this.#begin(collection)
    this.#refuseTooLarge(document)
    this.#reserve(document.length)
    this.#changed = collection
    collection.checkUnique(document, this.timestamp, undefined)
    const recordId = collection.newRecordId()
    try {
      collection.insertChecked(recordId, document, this.timestamp)
    } catch (error) {
      throw this.#cutOff(collection, error)
    }
    this.#notes?.namespace(collection)
    this.#operations.insert(collection.id, recordId, document)
    return recordId
  }

  /**
   * Replaces the live record's document. `describer`: what an update did, for change streams; without it they see a replacement.
   * `kept`: how many bytes at its head and its tail are known to be those that are there. Throws DuplicateKey.
   */
  update(
    collection: Collection,
    recordId: RecordId,
    document: Uint8Array,
    describer?: ChangeDescriber,
    kept?: Patch,
  ): void {
    this.#begin(collection)
    this.#refuseTooLarge(document)
    this.#reserve(document.length)
    this.#changed = collection
    const notes = this.#notes
    let patch: Patch | undefined
    try {
      const observer = notes?.observe(collection, describer)
      patch = collection.replace(recordId, document, this.timestamp, true, observer, kept)
    } catch (error) {
      throw this.#cutOff(collection, error)
    }
    // The event of a replacement has the whole document.
    if (patch === undefined || notes?.described === false) this.#operations.replace(collection.id, recordId, document)
    else this.#operations.patch(collection.id, recordId, patch.head, patch.tail, document)
  }

  /**
   * The unit changes many records of the collection and, until it ends, does nothing else to it and reads no index of it: what changes in index entries is
   * made at its end, in the order of their keys.
   */
  gather(collection: Collection): void {
    if (collection.gather()) this.#gathering = [...this.#gathering, collection]
  }

  /** At the end of the unit, also of one that was cut short: what it has changed so far is complete then. */
  settle(): void {
    for (const collection of this.#gathering) {
      try {
        collection.settle(this.timestamp)
      } catch (error) {
        throw this.#cutOff(collection, error)
      }
    }
    this.#gathering = []
  }

  /** Removes a live record. */
  remove(collection: Collection, recordId: RecordId): void {
    this.#begin(collection)
    this.#reserve(0)
    this.#changed = collection
    try {
      collection.remove(recordId, this.timestamp, true, this.#notes?.observe(collection, undefined))
    } catch (error) {
      throw this.#cutOff(collection, error)
    }
    this.#operations.remove(collection.id, recordId)
  }

  /**
   * Announces a change and the session record (a body of `encodeSessionWrite`) that is to tell of it: there is room for both or, with
   * OutOfDiskSpace, for none. `recordSession` follows when the change is done; nothing, when it was refused.
   */
  announceSession(bodyLength: number): void {
    this.#announced = bodyLength + operationOverheadMax
    this.#reserve(0)
  }

  /** Changes a session's record in the same entry as the change that was announced. */
  recordSession(body: Uint8Array): void {
    this.#announced = 0
    try {
      this.#catalog.recordSession(body, this.timestamp)
    } catch (error) {
      // The change has been made: without its record it could be made again.
      this.#host.halfDone(error)
      throw error
    }
    this.#operations.session(body)
  }

  /** The error of a call that was to be all or nothing; between the two it is final. */
  #cutOff(collection: Collection, error: unknown): unknown {
    if (collection.changing) this.#host.halfDone(error)
    return error
  }

  /** A change of the collection begins. Throws QueryPlanKilled: an entry that names a collection which is not there any more could not be replayed. */
  #begin(collection: Collection): void {
    if (collection.dropped) throw new DatabaseError('QueryPlanKilled', `collection dropped: ${collection.namespace}`)
    this.#host.begin()
  }

  #refuseTooLarge(document: Uint8Array): void {
    if (document.length > documentSizeMaxInternal) {
      throw new DatabaseError(
        'BSONObjectTooLarge',
        `object to insert too large. size in bytes: ${document.length}, max size: ${documentSizeMaxInternal}`,
      )
    }
  }

  #reserve(documentBytes: number): void {
    const overhead = this.#notes === undefined ? operationOverheadMax : operationOverheadMax + noteOverheadMax
    const need = this.#operations.sizeBytes + documentBytes + overhead + this.#announced
    if (need > this.#reserved) this.#reserved = this.#host.reserve(need)
  }
}

/** A version 4 UUID. */
function randomUuid(random: Random): Uint8Array {
  const uuid = random.bytes(16)
  uuid[6] = (uuid[6]! & 0x0f) | 0x40
  uuid[8] = (uuid[8]! & 0x3f) | 0x80
  return uuid
}
