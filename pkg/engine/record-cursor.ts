/** Walks the records of a collection that are live at one timestamp. */
import { DatabaseError } from '../base/errors.ts'
import type { RecordId } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { readRecordId, recordIdLength, writeRecordId } from '../index/record-id.ts'
import type { KeyCursor } from '../mvcc/key-map.ts'
import type { Collection } from './collection.ts'

export class RecordCursor {
  readonly #collection: Collection
  readonly #walk: KeyCursor
  readonly #forward: boolean
  #after: RecordId | undefined
  #started = false
  #done = false
  /** The current record's bytes: valid until the next move, any write, or a yield. */
  bytes: Uint8Array = new Uint8Array(0)
  start = 0
  end = 0

  constructor(collection: Collection, at: Timestamp, direction: 1 | -1, after: RecordId | undefined) {
    this.#collection = collection
    this.#walk = collection.records.cursor(at)
    this.#forward = direction === 1
    this.#after = after
  }

  /** Throws QueryPlanKilled when the collection was dropped meanwhile. */
  next(): boolean {
    if (this.#done) return false
    if (this.#collection.dropped) {
      this.#done = true
      throw new DatabaseError('QueryPlanKilled', `collection dropped: ${this.#collection.namespace}`)
    }
    const walk = this.#walk
    const found = this.#started ? (this.#forward ? walk.next() : walk.previous()) : this.#begin()
    if (!found) {
      this.close()
      return false
    }
    const value = walk.value
    this.bytes = value.bytes
    this.start = value.start
    this.end = value.end
    return true
  }

  get recordId(): RecordId {
    this.#walk.readKey()
    return readRecordId(this.#walk.keyBytes, 0)
  }

  /** Before a yield or a write: the next move goes on after the current record. */
  save(): void {
    if (this.#started && !this.#done && !this.#collection.dropped) this.#walk.save()
  }

  close(): void {
    this.#done = true
    this.#walk.close()
  }

  #begin(): boolean {
    this.#started = true
    const walk = this.#walk
    if (this.#after === undefined) return this.#forward ? walk.first() : walk.last()
    const key = new Uint8Array(recordIdLength)
    if (this.#forward) {
      writeRecordId(key, 0, (this.#after + 1) as RecordId)
      return walk.seek(key, recordIdLength)
    }
    writeRecordId(key, 0, this.#after)
    return walk.seekBefore(key, recordIdLength)
  }
}
