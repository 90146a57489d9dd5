/**
 * Documents by one value of a path, one value after another: what a join asks thousands of times, without a query each time.
 */
import { DatabaseError } from '../base/errors.ts'
import type { RecordId } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { encodeKey, type KeyWriter } from '../bson/key.ts'
import { bsonType } from '../bson/type.ts'
import type { ValueOrder } from '../bson/value-order.ts'
import type { Collation } from '../collation/collation.ts'
import type { KeySweep } from '../storage/leaf-sweep.ts'
import type { BytesRef, KeyPoints, QueryIndex, QuerySource } from './plan-source.ts'

export class PointLookup implements BytesRef {
  readonly #source: QuerySource
  readonly #at: Timestamp
  readonly #descending: boolean
  readonly #encodeKey: ValueOrder['encodeKey']
  readonly #points: KeyPoints
  bytes: Uint8Array = new Uint8Array(0)
  start = 0
  end = 0

  /** As of `at`; undefined when no index of the path tells alone which documents have a value. */
  static open(source: QuerySource, path: string, at: Timestamp, collation?: Collation): PointLookup | undefined {
    const index = source.indexes.find((candidate) => {
      const { definition, usableFrom, multikey } = candidate
      const [first, second] = definition.keyPaths
      return (
        first?.path === path &&
        first.kind === 'ordered' &&
        candidate.collation === collation &&
        second === undefined &&
        !multikey &&
        !definition.hidden &&
        !definition.sparse &&
        definition.partialFilter === undefined &&
        usableFrom <= at
      )
    })
    return index === undefined ? undefined : new PointLookup(source, index, at)
  }

  private constructor(source: QuerySource, index: QueryIndex, at: Timestamp) {
    this.#source = source
    this.#at = at
    this.#points = index.points(at)
    this.#encodeKey = index.collation?.encodeKey ?? encodeKey
    this.#descending = index.keyPaths[0]!.descending
  }

  /**
   * Appends the key by which documents are found whose field equals the value at `start`. False when a key does not tell which those
   * are: of null, which a missing field equals too, of arrays and regular expressions.
   */
  appendKey(key: KeyWriter, type: number, bytes: Uint8Array, start: number): boolean {
    if (
      type === 0 ||
      type === bsonType.null ||
      type === bsonType.undefined ||
      type === bsonType.array ||
      type === bsonType.regex
    ) {
      return false
    }
    this.#encodeKey(key, type, bytes, start, this.#descending)
    return true
  }

  /**
   * Goes before the first document of a key, whose bytes stay as they are until the next seek. `above`: it is greater than that of the
   * seek before.
   * Errors: QueryPlanKilled when the collection was dropped meanwhile.
   */
  seek(key: Uint8Array, keyLength: number, above: boolean): void {
    this.#refuseDropped()
    this.#points.seek(key, keyLength, above)
  }

  /**
   * Finds the documents of several keys at once, those from `next` to `end` (exclusive), which ascend and are above that of the seek before. Returns
   * the first that must be sought, or `end`. Errors: QueryPlanKilled.
   */
  sweep(keys: KeySweep, next: number, end: number): number {
    this.#refuseDropped()
    return this.#points.sweep?.(keys, next, end) ?? next
  }

  /** Of document `number` of key `i`, which the last sweep found. */
  sweptRecordId(keys: KeySweep, i: number, number: number): RecordId {
    return this.#points.sweptRecordId!(keys, i, number)
  }

  /** To the next document of the key. */
  next(): boolean {
    return this.#points.next()
  }

  /** Of the current document. */
  get recordId(): RecordId {
    return this.#points.recordId
  }

  /** Tells which documents will be read next: the first `count` of the list. */
  foresee(recordIds: Float64Array, count: number): void {
    this.#source.foresee?.(recordIds, count, this.#at)
  }

  /** Puts a document that was found where `bytes`, `start` and `end` say. Errors: QueryPlanKilled. */
  read(recordId: RecordId): boolean {
    this.#refuseDropped()
    return this.#source.read(recordId, this.#at, this)
  }

  #refuseDropped(): void {
    if (!this.#source.dropped) return
    throw new DatabaseError('QueryPlanKilled', `collection dropped: ${this.#source.namespace}`)
  }

  save(): void {
    this.#points.save()
  }

  close(): void {
    this.#points.close()
  }
}
