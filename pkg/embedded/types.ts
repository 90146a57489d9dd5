/** Shapes of the embedded API; names and meaning are the official Node driver's. */

import type { DatabaseError } from '../base/errors.ts'
import type { Port } from './port.ts'

export type Document = Record<string, unknown>
export type Filter = Document
export type Update = Document | readonly Document[]
export type Sort = Document | string | ReadonlyMap<string, unknown> | readonly (readonly [string, unknown])[]

/** With it an operation is one of the session's transaction. */
export interface SessionOption {
  readonly session?: { readonly port: Port } | undefined
}

/** How strings compare: docs/collation.md. */
export interface CollationDocument {
  readonly locale: string
  readonly caseLevel?: boolean
  readonly caseFirst?: 'upper' | 'lower' | 'off'
  readonly strength?: 1 | 2 | 3 | 4 | 5
  readonly numericOrdering?: boolean
  readonly alternate?: 'non-ignorable' | 'shifted'
  readonly maxVariable?: 'punct' | 'space'
  readonly normalization?: boolean
  readonly backwards?: boolean
}

export interface FindOptions extends SessionOption {
  readonly sort?: Sort
  readonly skip?: number
  readonly limit?: number
  readonly projection?: Document
  readonly hint?: string | Document
  readonly batchSize?: number
  readonly collation?: CollationDocument
}

export interface UpdateOptions extends SessionOption {
  readonly upsert?: boolean
  readonly arrayFilters?: readonly Document[]
  readonly hint?: string | Document
  readonly collation?: CollationDocument
}

export interface FindOneAndOptions extends SessionOption {
  readonly sort?: Sort
  readonly projection?: Document
  readonly upsert?: boolean
  readonly returnDocument?: 'before' | 'after'
  readonly arrayFilters?: readonly Document[]
  readonly hint?: string | Document
  readonly collation?: CollationDocument
}

export interface InsertOneResult {
  readonly acknowledged: true
  readonly insertedId: unknown
}

export interface InsertManyResult {
  readonly acknowledged: true
  readonly insertedCount: number
  /** By position in the given array. */
  readonly insertedIds: Readonly<Record<number, unknown>>
}

export interface UpdateResult {
  readonly acknowledged: true
  readonly matchedCount: number
  readonly modifiedCount: number
  readonly upsertedCount: number
  readonly upsertedId: unknown
}

export interface DeleteResult {
  readonly acknowledged: true
  readonly deletedCount: number
}

export interface HintOption {
  readonly hint?: string | Document
  readonly collation?: CollationDocument
}

export type BulkOperation =
  | { readonly insertOne: { readonly document: Document } }
  | { readonly updateOne: { readonly filter: Filter; readonly update: Update } & UpdateOptions }
  | { readonly updateMany: { readonly filter: Filter; readonly update: Update } & UpdateOptions }
  | { readonly replaceOne: { readonly filter: Filter; readonly replacement: Document } & UpdateOptions }
  | { readonly deleteOne: { readonly filter: Filter } & HintOption }
  | { readonly deleteMany: { readonly filter: Filter } & HintOption }

export interface BulkWriteResult {
  readonly acknowledged: true
  readonly insertedCount: number
  readonly matchedCount: number
  readonly modifiedCount: number
  readonly deletedCount: number
  readonly upsertedCount: number
  readonly insertedIds: Readonly<Record<number, unknown>>
  readonly upsertedIds: Readonly<Record<number, unknown>>
}

/** One operation of an `insertMany` or `bulkWrite` that failed. */
export interface WriteFailure {
  /** Position in the given array. */
  readonly index: number
  readonly error: DatabaseError
}
