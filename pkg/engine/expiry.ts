/**
 * TTL indexes: deletes the documents whose indexed date is older than `expireAfterSeconds`, by ordinary write units, so that replay and
 * later change streams see deletes like any others. Works in slices and lets other work go on in between.
 *
 * A collection may have the option itself: then it goes by its first index, that on `_id` of a clustered collection, that on the time
 * of a time series.
 */
import type { RecordId } from '../base/ids.ts'
import { timestampMax } from '../base/timestamp.ts'
import { encodeKey, KeyWriter } from '../bson/key.ts'
import { bsonType } from '../bson/type.ts'
import { dateValue, getField, isNumber, numberOf } from '../bson/value.ts'
import type { Index } from '../index/index.ts'
import { WriteConflict } from '../mvcc/write-conflict.ts'
import type { Collection } from './collection.ts'
import type { WriteUnit } from './write-unit.ts'

/** Documents deleted in one write unit. */
const sliceDocuments = 200

/** What a sweep needs of the engine. */
export interface ExpiryHost {
  collections(): Iterable<Collection>
  nowMs(): number
  write<Result>(body: (unit: WriteUnit) => Result): { result: Result }
  /** Lets other work go on; false: the engine is closing. */
  yield(): Promise<boolean>
}

/** One pass over all TTL indexes; returns how many documents went. */
export async function sweepExpired(host: ExpiryHost): Promise<number> {
  let removed = 0
  for (const collection of [...host.collections()]) {
    for (const { index, seconds } of expiring(collection)) {
      for (;;) {
        if (collection.dropped || index.dropped) break
        const count = removeSlice(host, collection, index, host.nowMs() - seconds * 1000)
        removed += count
        if (count === 0) break
        if (!(await host.yield())) return removed
      }
    }
  }
  return removed
}

function expiring(collection: Collection): { readonly index: Index; readonly seconds: number }[] {
  const found: { readonly index: Index; readonly seconds: number }[] = []
  const own = getField(collection.options, 'expireAfterSeconds')
  if (own !== undefined && isNumber(own.type)) found.push({ index: collection.idIndex, seconds: numberOf(own) })
  for (const index of collection.indexes) {
    const { expireAfterSeconds: seconds, hashed } = index.definition
    if (seconds !== undefined && index.keyPaths.length === 1 && !hashed) found.push({ index, seconds })
  }
  return found
}

/** Deletes some documents with a date at or before `untilMs`; 0: there are none that can be deleted now. */
function removeSlice(host: ExpiryHost, collection: Collection, index: Index, untilMs: number): number {
  const expired = new Set<RecordId>()
  const { descending } = index.keyPaths[0]!
  const first = dateKey(-(2n ** 63n), descending)
  const last = dateKey(BigInt(Math.trunc(untilMs)), descending)
  // What follows the last key is that key with one more byte: no key begins with another.
  const [lower, upper] = descending ? [last, after(first)] : [first, after(last)]
  const scan = index.scan(timestampMax, lower, upper)
  while (expired.size < sliceDocuments && scan.next()) expired.add(scan.recordId)
  scan.close()
  if (expired.size === 0) return 0
  let removed = 0
  host.write((unit) => {
    for (const recordId of expired) {
      if (removeUnlessLocked(unit, collection, recordId)) removed++
      if (unit.isFull) return
    }
  })
  return removed
}

/** A document that an open transaction has written is for a later pass, and not in the way of the others. */
function removeUnlessLocked(unit: WriteUnit, collection: Collection, recordId: RecordId): boolean {
  try {
    unit.remove(collection, recordId)
    return true
  } catch (error) {
    if (error instanceof WriteConflict) return false
    throw error
  }
}

function dateKey(ms: bigint, descending: boolean): Uint8Array {
  const writer = new KeyWriter()
  const value = dateValue(ms)
  encodeKey(writer, bsonType.date, value.bytes, value.start, descending)
  return writer.bytes.slice(0, writer.length)
}

function after(key: Uint8Array): Uint8Array {
  const longer = new Uint8Array(key.length + 8).fill(0xff)
  longer.set(key)
  return longer
}
