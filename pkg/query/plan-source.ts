/**
 * What planning and execution ask of a collection: the engine's collections have it, and so will whatever else can be
 * queried like one.
 */
import type { RecordId } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'

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
  readonly indexes: readonly QueryIndex[]
  scan(at: Timestamp, direction?: 1 | -1, after?: RecordId): RecordScan
  read(recordId: RecordId, at: Timestamp, into: BytesRef): boolean
  findById(type: number, bytes: Uint8Array, start: number, at: Timestamp): RecordId | undefined
}

export interface QueryIndex {
  readonly name: string
  readonly keyPaths: readonly { readonly path: string; readonly descending: boolean }[]
  readonly multikey: boolean
  readonly unique: boolean
  /** It holds nothing of earlier versions: reads before this cannot use it. */
  readonly usableFrom: Timestamp
  /** lower <= key bytes < upper by memcmp; undefined: no bound. */
  scan(at: Timestamp, lower?: Uint8Array, upper?: Uint8Array, direction?: 1 | -1): KeyScan
}

export interface RecordScan extends Readonly<BytesRef> {
  readonly recordId: RecordId
  next(): boolean
  save(): void
  close(): void
}

export interface KeyScan {
  readonly recordId: RecordId
  next(): boolean
  save(): void
  close(): void
}
