/**
 * The documents of a capped collection in the order of insertion, and those that come later: what a tailable cursor reads.
 * Every batch sees what is committed when it begins.
 */

import type { Rows } from '../aggregate/rows.ts'
import { Detour } from '../base/detour.ts'
import type { RecordId } from '../base/ids.ts'
import { timestampMax } from '../base/timestamp.ts'
import type { Collection, RecordRef } from '../engine/collection.ts'
import type { Engine } from '../engine/engine.ts'
import type { RecordCursor } from '../engine/record-cursor.ts'
import type { Predicate } from '../query/filter/compile.ts'
import { type CappedWaiters, positionLost } from './capped.ts'
import type { Tailed } from './cursor.ts'
import type { Pace } from './pace.ts'

const record: RecordRef = { bytes: new Uint8Array(0), start: 0, end: 0 }

export class TailableRows implements Rows, Tailed {
  readonly collection: Collection
  readonly #engine: Engine
  readonly #waiters: CappedWaiters
  readonly #matches: Predicate
  readonly #pace: Pace
  #skip: number
  #cursor: RecordCursor | undefined
  /** The last record looked at: where the next batch goes on. */
  #position: RecordId | undefined
  paused = false
  bytes: Uint8Array = new Uint8Array(0)
  start = 0
  end = 0

  readonly waiting = false
  readonly finished = false
  readonly outlivesCollection = false

  constructor(collection: Collection, matches: Predicate, skip: number, pace: Pace) {
    const { engine, cappedWaiters } = pace.operation.instance
    this.collection = collection
    this.#engine = engine
    this.#waiters = cappedWaiters
    this.#matches = matches
    this.#skip = skip
    this.#pace = pace
  }

  /** Whether it has met a document at all: without one there is no position to go on from. */
  get hasPosition(): boolean {
    return this.#position !== undefined
  }

  /** Whether documents have come since. */
  get hasMore(): boolean {
    return this.collection.dropped || this.collection.nextRecordId - 1 > (this.#position ?? 0)
  }

  wait(wake: () => void): () => void {
    return this.#waiters.wait(this.collection, wake)
  }

  resumeToken(): undefined {
    // Its place is the cursor's own.
  }

  settled(): undefined {
    // Documents are told as they are found.
  }

  /** Errors: CappedPositionLost when the document it rested on has gone; QueryPlanKilled when the collection has. */
  next(): boolean {
    this.paused = false
    const cursor = this.#cursor ?? this.#open()
    while (cursor.next()) {
      const matches = this.#test(cursor)
      if (matches === undefined) {
        // It is met again from the position before it.
        this.save()
        this.paused = true
        return false
      }
      this.#position = cursor.recordId
      if (matches) {
        if (this.#skip === 0) {
          this.bytes = cursor.bytes
          this.start = cursor.start
          this.end = cursor.end
          return true
        }
        this.#skip--
      }
      if (this.#pace.due()) {
        this.paused = true
        return false
      }
    }
    this.#cursor = undefined
    return false
  }

  /** undefined: something has to be computed elsewhere before that is known. */
  #test(cursor: RecordCursor): boolean | undefined {
    try {
      return this.#matches(cursor.bytes, cursor.start)
    } catch (error) {
      if (!(error instanceof Detour)) throw error
      this.#pace.waitFor(error)
      return undefined
    }
  }

  #open(): RecordCursor {
    const { collection } = this
    if (this.#position !== undefined && !collection.dropped && !collection.read(this.#position, timestampMax, record))
      throw positionLost(collection.namespace)
    this.#cursor = collection.scan(this.#engine.lastTimestamp, 1, this.#position)
    return this.#cursor
  }

  save(): void {
    this.#cursor?.close()
    this.#cursor = undefined
  }

  close(): void {
    this.save()
  }
}
