/**
 * What a write unit notes down for change streams while change history is kept: the namespace, and what the log's operations do not
 * say by themselves of an update or a removal. docs/change-streams.md says what is made of it.
 */

import { valueEnd } from '../bson/walk.ts'
import { BsonWriter } from '../bson/writer.ts'
import type { Collection } from './collection.ts'
import { type OperationWriter, operationKind } from './operation.ts'

/** Says what an update does to a document. */
export interface ChangeDescriber {
  /**
   * Writes four documents end to end: updated fields by path, removed paths (an array), truncated arrays (an array of
   * `{field, newSize}`), paths that cannot be told from their text (each an array of its parts). False, with nothing written: the
   * document counts as replaced.
   */
  describe(before: Uint8Array, start: number, after: Uint8Array, out: BsonWriter): boolean
}

/** Told of a record's bytes right before they change. */
export interface ChangeObserver {
  /** Throws OutOfDiskSpace; then nothing changes. `after` undefined: the record is removed. */
  changing(before: Uint8Array, start: number, end: number, after: Uint8Array | undefined): void
}

/** Makes sure that so many bytes more fit into the entry; throws OutOfDiskSpace. */
export interface Room {
  reserve(bytes: number): void
}

export class ChangeNotes implements ChangeObserver {
  readonly #operations: OperationWriter
  #room: Room | undefined
  readonly #description = new BsonWriter(512)
  #noted: Collection | undefined
  #collection: Collection | undefined
  #describer: ChangeDescriber | undefined
  /** Whether the change observed last is described by a note, so that its operation may be a patch. */
  described = false

  constructor(operations: OperationWriter) {
    this.#operations = operations
  }

  /** Begins an entry. */
  begin(wallMs: number, room: Room): void {
    this.#noted = undefined
    this.#room = room
    this.#operations.moment(wallMs)
  }

  /** Before an operation on the collection. Nothing is told of collections whose documents have no key: time series. */
  namespace(collection: Collection): void {
    if (this.#noted === collection || !collection.hasIdIndex) return
    this.#operations.namespace(collection.namespaceNote)
    this.#noted = collection
  }

  /** After a rename: the next operation notes the new name. */
  renamed(): void {
    this.#noted = undefined
  }

  /** What is about to change is a record of `collection`; without a describer it is replaced or removed. */
  observe(collection: Collection, describer: ChangeDescriber | undefined): this {
    this.#collection = collection
    this.#describer = describer
    return this
  }

  changing(before: Uint8Array, start: number, end: number, after: Uint8Array | undefined): void {
    const collection = this.#collection!
    this.described = false
    if (!collection.hasIdIndex) return
    const writer = this.#description.reset()
    writer.beginDocument()
    const idEnd = idElementEnd(before, start)
    writer.raw(before, start + 4, idEnd)
    writer.end()
    const keyLength = writer.length
    this.described = after !== undefined && (this.#describer?.describe(before, start, after, writer) ?? false)
    const imageLength = collection.keepsPreImages ? end - start : 0
    this.#room!.reserve(writer.length + imageLength + (after?.length ?? 0))
    this.namespace(collection)
    const operations = this.#operations
    if (imageLength > 0) operations.note(operationKind.preImage, before, start, end)
    if (this.described) operations.described(writer.bytes, writer.length)
    else if (after === undefined && imageLength === 0) operations.note(operationKind.key, writer.bytes, 0, keyLength)
  }
}

/** Where the first element, the `_id`, of the stored document ends. */
function idElementEnd(bytes: Uint8Array, start: number): number {
  const type = bytes[start + 4]!
  let at = start + 5
  while (bytes[at] !== 0) at++
  return valueEnd(bytes, type, at + 1)
}
