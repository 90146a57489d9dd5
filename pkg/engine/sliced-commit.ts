/**
 * A commit that is too large for one turn: its operations are applied to the maps a slice at a time, while others read.
 *
 *   begun ──slice──> ... ──slice──> all applied ──publish──> visible, in the turn in which its entry is appended to the log
 *
 * Its versions have the commit's timestamp, which is newer than what anybody may see until then (`Snapshots.visible`): readers find the
 * versions before them, which are kept, as for any snapshot. What is not versioned waits for `publish`: counts of documents, the names of collections that
 * the transaction has made, and the record of its session.
 *
 * INVARIANTS
 *  (1) Between two slices everything that is read is as it was before the first.
 *  (2) Nobody else writes from the first slice until `publish`, and no checkpoint begins: what is on disk has none of it without its entry.
 */
import type { CollectionId } from '../base/ids.ts'
import { type Timestamp, timestampMax } from '../base/timestamp.ts'
import { FieldReader } from '../catalog/collection-record.ts'
import type { Snapshot } from '../mvcc/snapshots.ts'
import type { StoredCollection } from './collection.ts'
import { isNote, OperationReader, operationKind } from './operation.ts'
import type { Piece } from './payload-pieces.ts'
import type { State } from './state.ts'

/** What one turn may take. */
export interface SliceLimits {
  readonly operations: number
  readonly bytes: number
  /** By the monotonic clock. */
  readonly endMs: number
  nowMs(): number
}

/** So many operations are applied between two looks at the clock. */
const operationsPerLook = 16

/** What the collection is to have more than it shows. */
interface Counts {
  documents: number
  bytes: number
}

export class SlicedCommit {
  readonly timestamp: Timestamp
  readonly #state: State
  readonly #pieces: Iterator<Piece>
  #reader: OperationReader | undefined
  /** Bytes of the operation that it is at. */
  #size = 0
  /** Keeps what others read. */
  readonly #before: Snapshot
  readonly #unseen = new Map<StoredCollection, Counts>()
  readonly #created: StoredCollection[] = []
  readonly #sessionWrites: Uint8Array[] = []
  /** Where the current slice found the counts of the collections that it changes. */
  readonly #found = new Map<StoredCollection, Counts>()
  #last: StoredCollection | undefined
  /** Has index entries of the last operation that are still to be written. */
  #unfinished: StoredCollection | undefined

  /** `timestamp`: newer than `before`, the moment of the last write. */
  constructor(state: State, pieces: Iterator<Piece>, timestamp: Timestamp, before: Snapshot) {
    this.#state = state
    this.#pieces = pieces
    this.timestamp = timestamp
    this.#before = before
  }

  /** Applies some operations; true when there are no more. */
  slice(limits: SliceLimits): boolean {
    const { snapshots } = this.#state
    snapshots.visible = timestampMax
    const { postponing } = this.#state
    this.#state.postponing = () => true
    const done = this.#applySome(limits)
    this.#state.postponing = postponing
    this.finishTurn()
    return done
  }

  /** Lets everybody see it, after the last slice. */
  publish(): void {
    const { catalog, sessions, snapshots } = this.#state
    snapshots.visible = timestampMax
    for (const [collection, { documents, bytes }] of this.#unseen) {
      collection.documentCount += documents
      collection.dataSizeBytes += bytes
    }
    for (const collection of this.#created) catalog.show(collection)
    for (const body of this.#sessionWrites) sessions.apply(body, 0, body.length, this.timestamp)
    this.#before.release()
  }

  #applySome(limits: SliceLimits): boolean {
    let bytes = 0
    let count = 0
    for (let looked = 0; count < limits.operations && bytes < limits.bytes; count++) {
      if (count - looked >= operationsPerLook) {
        if (limits.nowMs() >= limits.endMs) return false
        looked = count
      }
      if (this.#unfinished !== undefined) {
        count += this.#unfinished.writePostponed(operationsPerLook)
        if (!this.#unfinished.hasPostponed) this.#unfinished = undefined
        continue
      }
      const reader = this.#next()
      if (reader === undefined) return true
      bytes += this.#size
      if (!isNote(reader.kind)) this.#apply(reader)
    }
    return false
  }

  /** The reader at the next operation. */
  #next(): OperationReader | undefined {
    for (;;) {
      const reader = this.#reader
      if (reader !== undefined) {
        const { position } = reader
        if (reader.next()) {
          this.#size = reader.position - position
          return reader
        }
      }
      const piece = this.#pieces.next()
      if (piece.done === true) return undefined
      this.#reader = new OperationReader(piece.value.bytes, 0, piece.value.end)
    }
  }

  #apply(reader: OperationReader): void {
    const { kind, bytes, start, end } = reader
    const { catalog } = this.#state
    if (kind === operationKind.session) {
      this.#sessionWrites.push(bytes.slice(start, end))
      return
    }
    if (kind >= operationKind.createCollection) {
      this.#state.applyOperation(reader, this.timestamp)
      if (kind !== operationKind.createCollection) return
      const id = new FieldReader(bytes.slice(start, end)).number('id') as CollectionId
      const collection = catalog.byId(id)!
      catalog.hide(collection)
      this.#created.push(collection)
      return
    }
    if (this.#last?.id !== reader.collection) this.#note(catalog.byId(reader.collection)!)
    this.#state.applyOperation(reader, this.timestamp)
    if (this.#last!.hasPostponed) this.#unfinished = this.#last
  }

  /** For a change of the collection that is about to be made at the commit's timestamp by others; `finishTurn` follows in the same turn. */
  foresee(collection: StoredCollection): void {
    this.#note(collection)
    this.#unfinished = collection
  }

  finishTurn(): void {
    this.#hide()
    this.#state.snapshots.visible = this.#before.timestamp
  }

  #note(collection: StoredCollection): void {
    this.#last = collection
    if (this.#found.has(collection)) return
    this.#found.set(collection, { documents: collection.documentCount, bytes: collection.dataSizeBytes })
  }

  /** Has the collections show what they did before the slice. */
  #hide(): void {
    for (const [collection, found] of this.#found) {
      const unseen = this.#unseen.get(collection) ?? { documents: 0, bytes: 0 }
      unseen.documents += collection.documentCount - found.documents
      unseen.bytes += collection.dataSizeBytes - found.bytes
      this.#unseen.set(collection, unseen)
      collection.documentCount = found.documents
      collection.dataSizeBytes = found.bytes
    }
    this.#found.clear()
    this.#last = undefined
  }
}
