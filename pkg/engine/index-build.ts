/**
 * Builds an index while writes go on. The caller calls `slice` until it says that the index is complete, yielding in between, and
 * then finishes it in a write unit: one log entry makes it an index of the collection. Nothing of the build itself is logged: after
 * a crash it is gone, and the next open frees its pages (the catalog remembers them); whoever wants it built again notes that it was begun
 * (`WriteUnit.startIndexBuild`). Replay of that one entry builds
 * the index from the records as they are at that entry, so it depends on nothing that happened during the build.
 *
 *   scan     the records of a snapshot, their keys sorted in memory
 *   load     the sorted keys into the tree; with too many keys for memory, scan and load take turns
 *   catchUp  what was written meanwhile: each record written since the snapshot is in `index.pending`, and is brought from its keys in
 *            the snapshot to those of now. From here on writers keep the index themselves, except for records still pending.
 *   verify   a unique index: neighbours with one key become suspects, as do keys that writers double
 *   ready    `finish` looks at the suspects once more: those still doubled fail the build
 */
import { assert } from '../base/assert.ts'
import { longDocumentBytes, mayDetour } from '../base/detour.ts'
import { DatabaseError } from '../base/errors.ts'
import type { RecordId } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { timestampMax } from '../base/timestamp.ts'
import type { Index } from '../index/index.ts'
import type { IndexCursor } from '../index/index-cursor.ts'
import { keysDetour } from '../index/keys-detour.ts'
import type { Snapshot } from '../mvcc/snapshots.ts'
import type { VersionedMap } from '../mvcc/versioned-map.ts'
import { CatchUp } from './build-catch-up.ts'
import type { RecordRef, StoredCollection } from './collection.ts'
import { IndexEntries } from './index-entries.ts'
import { duplicateOf, EntryWriter } from './index-load.ts'
import type { RecordCursor } from './record-cursor.ts'

export type BuildPhase = 'scan' | 'load' | 'catchUp' | 'verify' | 'ready'

/** Records or entries of one slice: a fraction of a millisecond, unless records are large or must be read from disk. */
const sliceUnits = 64
/** Of a record with many keys, so many at a time. */
const sliceEntries = 1024
const suspectsMax = 1000

const sentRecord: RecordRef = { bytes: new Uint8Array(0), start: 0, end: 0 }

/** What a build needs of the engine around it. */
export interface BuildHost {
  /** The timestamp of the last write. */
  now(): Timestamp
  /** Makes sure that so many bytes of new pages fit on disk, or throws OutOfDiskSpace. */
  reserve(bytes: number): void
  /** A commit is being applied in slices: what is newest is not to be seen yet. */
  isApplying(): boolean
  /** Frees the index's tree. */
  drop(collection: StoredCollection, index: Index<VersionedMap>): void
}

export class IndexBuild {
  readonly collection: StoredCollection
  readonly index: Index<VersionedMap>
  readonly #host: BuildHost
  readonly #snapshot: Snapshot
  readonly #cursor: RecordCursor
  #entries = new IndexEntries()
  #writer: EntryWriter
  #scanned = false
  /** The record that the scan is at, whose keys were sent for, or are among the entries up to this one. */
  #recordId: RecordId | undefined
  #isSent = false
  #from = 0
  readonly #late: CatchUp
  #walk: IndexCursor | undefined
  #walkKey = new Uint8Array(0)
  readonly #suspects = new Set<RecordId>()
  /** There were more suspects than are kept. */
  #overflow = false
  phase: BuildPhase = 'scan'
  /** Records looked at, of `total` that were there at the beginning. */
  done = 0
  readonly total: number

  /** `index` has an empty tree and layout `shared`, and is among the collection's builds. */
  constructor(collection: StoredCollection, index: Index<VersionedMap>, snapshot: Snapshot, host: BuildHost) {
    this.collection = collection
    this.index = index
    this.#host = host
    this.#snapshot = snapshot
    this.#cursor = collection.scan(snapshot.timestamp)
    this.#writer = new EntryWriter(index, snapshot.timestamp)
    this.total = collection.documentCount
    this.#late = new CatchUp(collection, index, snapshot.timestamp)
    index.pending = new Set()
    if (index.definition.unique || index.definition.prepareUnique) {
      index.onConflict = (recordId) => this.#suspect(recordId)
    }
  }

  /**
   * Does a little; true when the index is complete and can be finished. Throws a `Detour` when the keys of a document take long, and what makes it impossible (DuplicateKey,
   * CannotIndexParallelArrays, ...; NamespaceNotFound, IndexBuildAborted when collection or build were dropped): then `abandon`.
   */
  slice(): boolean {
    this.#refuseDropped()
    if (this.#host.isApplying()) return false
    switch (this.phase) {
      case 'scan':
        this.#scan()
        break
      case 'load':
        this.#load()
        break
      case 'catchUp':
        this.#catchUp()
        break
      case 'verify':
        this.#verify()
        break
      case 'ready':
        break
    }
    return this.phase === 'ready'
  }

  /** Within the write unit that finishes it: throws DuplicateKey while nothing has changed. */
  checkReady(): void {
    this.#refuseDropped()
    assert(this.phase === 'ready' && this.index.pending?.size === 0, 'a finished index is complete')
    const { collection, index } = this
    const ref = { bytes: new Uint8Array(0), start: 0, end: 0 }
    for (const recordId of this.#suspects) {
      if (!collection.read(recordId, timestampMax, ref)) continue
      const document = ref.bytes.slice(ref.start, ref.end)
      index.extract(document, 0, index.keys)
      if (index.firstConflict(index.keys, undefined, timestampMax, recordId) >= 0)
        throw duplicateOf(collection, index, recordId)
    }
    if (this.#overflow) throw new DatabaseError('DuplicateKey', `too many duplicate keys for index ${index.name}`)
  }

  /** After it became an index of the collection. */
  finished(): void {
    this.index.pending = undefined
    this.index.onConflict = undefined
    this.#release()
  }

  /** Gives up: nothing of it stays. Safe after a drop of the collection. */
  abandon(): void {
    this.#release()
    if (!this.index.dropped) this.#host.drop(this.collection, this.index)
  }

  #release(): void {
    this.#cursor.close()
    this.#walk?.close()
    this.#snapshot.release()
  }

  #refuseDropped(): void {
    if (this.collection.dropped)
      throw new DatabaseError(
        'NamespaceNotFound',
        `collection dropped during an index build: ${this.collection.namespace}`,
      )
    if (this.index.dropped)
      throw new DatabaseError('IndexBuildAborted', `the build of index ${this.index.name} was aborted`)
    if (this.index.buildFailure !== undefined) throw this.index.buildFailure
  }

  #scan(): void {
    const { index } = this
    let left = sliceEntries
    for (let i = 0; i < sliceUnits && left > 0 && !this.#entries.isFull; i++) {
      if (this.#from === 0 && !this.#takeNext()) {
        this.#scanned = true
        break
      }
      const { count } = index.keys
      const to = Math.min(count, this.#from + left)
      if (to > this.#from) this.#entries.add(index, this.#recordId!, this.#from, to)
      left -= to - this.#from
      this.#from = to < count ? to : 0
    }
    if (!this.#scanned) this.#cursor.save()
    if (!this.#scanned && !this.#entries.isFull) return
    this.#entries.finish()
    this.#writer = new EntryWriter(index, this.#snapshot.timestamp)
    this.phase = 'load'
  }

  /** Takes the keys of the next record; false: there is none. */
  #takeNext(): boolean {
    const cursor = this.#cursor
    if (this.#isSent) {
      assert(
        this.collection.read(this.#recordId!, this.#snapshot.timestamp, sentRecord),
        'a snapshot keeps its records',
      )
      this.#takeKeys(sentRecord)
    } else {
      if (!cursor.next()) return false
      this.done++
      this.#recordId = cursor.recordId
      this.#takeKeys(cursor)
    }
    return true
  }

  #takeKeys({ bytes, start, end }: RecordRef): void {
    const { index } = this
    this.#isSent = end - start > longDocumentBytes && mayDetour() && index.takesLong(bytes, start)
    if (this.#isSent) {
      const document = bytes.slice(start, end)
      this.#cursor.save()
      throw keysDetour([document], [{ index, document: 0 }])
    }
    index.extract(bytes, start, index.keys)
    if (index.keys.multikey) index.noteArrays(index.keys)
  }

  #load(): void {
    const entries = this.#entries
    this.#host.reserve(sliceUnits * 64)
    for (let i = 0; i < sliceUnits; i++) {
      if (!entries.next()) {
        this.#entries = new IndexEntries()
        if (!this.#scanned) this.phase = 'scan'
        else this.#beginCatchUp()
        return
      }
      this.#writer.put(entries)
    }
  }

  #beginCatchUp(): void {
    const { map } = this.index
    if (this.#snapshot.timestamp > map.newest) map.newest = this.#snapshot.timestamp
    this.collection.maintain(this.index)
    this.phase = 'catchUp'
  }

  #catchUp(): void {
    this.#host.reserve(sliceUnits * 256)
    if (!this.#late.slice(this.#host.now())) return
    this.phase = this.index.onConflict === undefined ? 'ready' : 'verify'
  }

  #verify(): void {
    this.#walk ??= this.index.scan(timestampMax)
    const walk = this.#walk
    for (let i = 0; i < sliceUnits; i++) {
      if (!walk.next()) {
        this.phase = 'ready'
        return
      }
      const length = walk.keyEnd
      const previous = this.#walkKey
      let same = previous.length === length
      for (let j = 0; same && j < length; j++) same = previous[j] === walk.key[j]
      if (same) this.#suspect(walk.recordId)
      else this.#walkKey = walk.key.slice(0, length)
    }
    walk.save()
  }

  #suspect(recordId: RecordId): void {
    if (this.#suspects.size < suspectsMax) this.#suspects.add(recordId)
    else this.#overflow = true
  }
}
