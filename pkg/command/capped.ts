/**
 * Capped collections: a fixed amount of documents in the order of insertion, the oldest of which make room for new ones.
 *
 * INVARIANTS
 *  (1) After every insert the collection holds no more than its size and count allow, or the new document alone; what goes, goes in
 *      the write unit of the insert, so the log has both in one entry.
 *  (2) Lower limits (collMod, convertToCapped) take effect with the next insert, `evictedMax` documents at a time.
 */
import { inPlace } from '../base/detour.ts'
import { DatabaseError } from '../base/errors.ts'
import type { RecordId } from '../base/ids.ts'
import { timestampMax } from '../base/timestamp.ts'
import type { Collection } from '../engine/collection.ts'
import type { WriteUnit } from '../engine/write-unit.ts'
import type { CappedTraits } from './collection-traits.ts'

/** Documents that one insert removes at most: limits that were lowered far must not hold up everybody. */
const evictedMax = 2000

/** Every record of the collection up to this one has gone: where the search for the oldest begins. */
const goneUpTo = new WeakMap<Collection, RecordId>()

export function isOverfull(collection: Collection, { sizeBytes, documentsMax }: CappedTraits): boolean {
  return collection.documentCount > documentsMax || collection.dataSizeBytes > sizeBytes
}

/** Removes the oldest documents until the limits hold, but never `newest`. True: they hold. */
export function evict(
  unit: WriteUnit,
  collection: Collection,
  limits: CappedTraits,
  newest: RecordId | undefined,
): boolean {
  for (let evicted = 0; isOverfull(collection, limits); evicted++) {
    if (evicted === evictedMax) return false
    const oldest = oldestRecord(collection)
    if (oldest === undefined || oldest === newest) return true
    // What stands before it in the unit cannot be done again.
    inPlace(() => unit.remove(collection, oldest))
    goneUpTo.set(collection, oldest)
  }
  return true
}

function oldestRecord(collection: Collection): RecordId | undefined {
  const cursor = collection.scan(timestampMax, 1, goneUpTo.get(collection))
  const found = cursor.next() ? cursor.recordId : undefined
  cursor.close()
  return found
}

/** Those who wait for documents that a capped collection does not have yet. */
export class CappedWaiters {
  readonly #waiting = new Map<Collection, Set<() => void>>()

  /** Calls `wake` once, at the next insert into the collection or its end; the answer takes it back. */
  wait(collection: Collection, wake: () => void): () => void {
    let waiting = this.#waiting.get(collection)
    if (waiting === undefined) {
      waiting = new Set()
      this.#waiting.set(collection, waiting)
    }
    waiting.add(wake)
    return () => {
      const present = this.#waiting.get(collection)
      if (present === undefined) return
      present.delete(wake)
      if (present.size === 0) this.#waiting.delete(collection)
    }
  }

  wake(collection: Collection): void {
    const waiting = this.#waiting.get(collection)
    if (waiting === undefined) return
    this.#waiting.delete(collection)
    for (const wake of waiting) wake()
  }

  wakeAll(): void {
    for (const collection of [...this.#waiting.keys()]) this.wake(collection)
  }
}

export function positionLost(namespace: string): DatabaseError {
  return new DatabaseError(
    'CappedPositionLost',
    `CollectionScan died due to position in capped collection being deleted: ${namespace}`,
  )
}
