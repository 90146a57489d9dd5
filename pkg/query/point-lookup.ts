/**
 * Documents by one value of a path, one value after another: what a join asks thousands of times, without a query each time.
 */
import { DatabaseError } from '../base/errors.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { encodeKey, KeyWriter } from '../bson/key.ts'
import { bsonType } from '../bson/type.ts'
import type { BytesRef, KeyPoints, QueryIndex, QuerySource } from './plan-source.ts'

export class PointLookup implements BytesRef {
  readonly #source: QuerySource
  readonly #at: Timestamp
  readonly #descending: boolean
  readonly #key = new KeyWriter()
  readonly #points: KeyPoints
  bytes: Uint8Array = new Uint8Array(0)
  start = 0
  end = 0

  /** As of `at`; undefined when no index of the path tells alone which documents have a value. */
  static open(source: QuerySource, path: string, at: Timestamp): PointLookup | undefined {
    const index = source.indexes.find((candidate) => {
      const { definition, usableFrom, multikey } = candidate
      const [first, second] = definition.keyPaths
      return (
        first?.path === path &&
        first.kind === 'ordered' &&
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
    this.#descending = index.keyPaths[0]!.descending
  }

  /**
   * Goes before the first document whose field equals the value at `start`. False when a key does not tell which those are: of null,
   * which a missing field equals too, of arrays and regular expressions.
   * Errors: QueryPlanKilled when the collection was dropped meanwhile.
   */
  seek(type: number, bytes: Uint8Array, start: number): boolean {
    if (
      type === 0 ||
      type === bsonType.null ||
      type === bsonType.undefined ||
      type === bsonType.array ||
      type === bsonType.regex
    ) {
      return false
    }
    if (this.#source.dropped) {
      throw new DatabaseError('QueryPlanKilled', `collection dropped: ${this.#source.namespace}`)
    }
    const key = this.#key.reset()
    encodeKey(key, type, bytes, start, this.#descending)
    this.#points.seek(key.bytes, key.length)
    return true
  }

  /** To the next document of the value. `read`: its bytes are asked for. */
  next(read: boolean): boolean {
    const points = this.#points
    while (points.next()) if (!read || this.#source.read(points.recordId, this.#at, this)) return true
    return false
  }

  save(): void {
    this.#points.save()
  }

  close(): void {
    this.#points.close()
  }
}
