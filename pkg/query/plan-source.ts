/**
 * What planning and execution ask of a collection: the engine's collections have it, and so will whatever else can be
 * queried like one.
 */
import type { RecordId } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import type { Collation } from '../collation/collation.ts'
import type { IndexDefinition, KeyPath } from '../index/definition.ts'
import type { KeySweep } from '../storage/leaf-sweep.ts'

export interface BytesRef {
  bytes: Uint8Array
  start: number
  end: number
}

export interface QuerySource {
  readonly namespace: string
  readonly documentCount: number
  /** Set while a query is under way when the collection is dropped: it must not be read any more. */
  readonly dropped: boolean
  /** Grows with every insert, change and removal. */
  readonly changeCount: number
  readonly indexes: readonly QueryIndex[]
  scan(at: Timestamp, direction?: 1 | -1, after?: RecordId): RecordScan
  read(recordId: RecordId, at: Timestamp, into: BytesRef): boolean
  /** Tells that the first `count` records of the list will likely be read next, in this order. */
  foresee?(recordIds: Float64Array, count: number, at: Timestamp): void
  /** Whether `findById` may be asked: an `_id` names one record. */
  readonly hasIdIndex: boolean
  /** Of `_id`: `findById` finds by it. */
  readonly collation: Collation | undefined
  findById(type: number, bytes: Uint8Array, start: number, at: Timestamp): RecordId | undefined
}

export interface QueryIndex {
  readonly name: string
  readonly definition: IndexDefinition
  readonly keyPaths: readonly KeyPath[]
  readonly multikey: boolean
  /** Of each part of the key, bit d: component d of its path led to an array in some document. */
  readonly multikeyPaths: readonly number[]
  readonly unique: boolean
  /**
   * How it orders strings; undefined: by their bytes. Under a collation keys do not give strings back, and comparisons and sorts of
   * another one (see `seenBy` in plan-collation.ts) cannot use them.
   */
  readonly collation: Collation | undefined
  /** It holds nothing of earlier versions: reads before this cannot use it. */
  readonly usableFrom: Timestamp
  /** Whether a wildcard index holds what is found at `path`. */
  coversPath(path: string): boolean
  /** lower <= key bytes < upper by memcmp; undefined: no bound. */
  scan(at: Timestamp, lower?: Uint8Array, upper?: Uint8Array, direction?: 1 | -1): KeyScan
  /** About how many entries `scan` would give. */
  entryCount(lower?: Uint8Array, upper?: Uint8Array): number
  /** A copy of the key about `share` of the way through, 0 <= share < 1; undefined: there is none, or it is longer than `lengthMax`. */
  keyAt(share: number, lengthMax: number): Uint8Array | undefined
  /** The records of single key values, one value after another. */
  points(at: Timestamp): KeyPoints
}

export interface KeyPoints {
  readonly recordId: RecordId
  /** Goes before the entries of a key, whose bytes stay as they are until the next seek. `above`: it is greater than the last one. */
  seek(key: Uint8Array, keyLength: number, above?: boolean): void
  next(): boolean
  /** Finds several keys at once where it can: see `IndexPoints`. */
  sweep?(keys: KeySweep, next: number, end: number): number
  sweptRecordId?(keys: KeySweep, i: number, number: number): RecordId
  save(): void
  close(): void
}

export interface RecordScan extends Readonly<BytesRef> {
  readonly recordId: RecordId
  next(): boolean
  save(): void
  close(): void
}

export interface KeyScan {
  readonly recordId: RecordId
  /** The current entry's key is `key[0..keyEnd)`; valid until the next move. */
  readonly key: Uint8Array
  readonly keyEnd: number
  next(): boolean
  /** The next move goes to the first entry not below `key`, or, against the index, to the last below it. */
  skipTo(key: Uint8Array, keyLength: number): void
  /**
   * Puts the records of the entries that likely come next into `recordIds`, `countMax` at most; returns how many. `bound`: where the entries that
   * matter end, excluded ahead and included behind.
   */
  foresee?(recordIds: Float64Array, countMax: number, bound: Uint8Array | undefined): number
  /** What the key has lost of the value of part `part`: see pkg/index/type-code.ts. */
  codeOf(part: number): number
  save(): void
  close(): void
}
