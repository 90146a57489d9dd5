/** Records that a reader will ask for soon, found together before it does: see `pkg/storage/prefetch.ts`. */
import type { RecordId } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { recordIdLength, writeRecordId } from '../index/record-id.ts'
import type { VersionPrefetch } from '../mvcc/version-prefetch.ts'
import { prefetchMax } from '../storage/prefetch.ts'
import type { ValueRef } from '../storage/tree.ts'

export class ForeseenRecords {
  readonly #prefetch: VersionPrefetch
  readonly #recordIds = new Float64Array(prefetchMax)
  #count = 0
  /** The one that will be asked for next; those before it have been. */
  #next = 0
  #at: Timestamp | undefined

  constructor(prefetch: VersionPrefetch) {
    this.#prefetch = prefetch
  }

  /** Forgets those found before. */
  find(recordIds: Float64Array, count: number, at: Timestamp): void {
    const prefetch = this.#prefetch
    for (let i = 0; i < count; i++) {
      const recordId = recordIds[i]! as RecordId
      this.#recordIds[i] = recordId
      writeRecordId(prefetch.key(i, recordIdLength), 0, recordId)
    }
    prefetch.find(count, recordIdLength, at)
    this.#count = count
    this.#next = 0
    this.#at = at
  }

  /** The record as of `at`; false: it was not foreseen, or is not there any more. */
  take(recordId: RecordId, at: Timestamp, into: ValueRef): boolean {
    if (at !== this.#at) return false
    for (let i = this.#next; i < this.#count; i++) {
      if (this.#recordIds[i] !== recordId) continue
      this.#next = i + 1
      return this.#prefetch.take(i, into)
    }
    return false
  }
}
