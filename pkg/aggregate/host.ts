/**
 * What pipelines ask of whoever runs them: other collections, places to write to, facts about the server, room on disk.
 * Implemented by the command path; a pipeline that asks for nothing runs without one.
 */
import type { Timestamp } from '../base/timestamp.ts'
import type { Collation } from '../collation/collation.ts'
import type { File } from '../io/disk.ts'
import type { PointLookup } from '../query/point-lookup.ts'
import type { Pipeline } from './parse.ts'
import type { Rows } from './rows.ts'
import type { PipelineRun } from './stage.ts'

export interface Namespace {
  readonly database: string
  readonly collection: string
}

export interface PipelineHost {
  /**
   * The rows that `pipeline` makes of a collection or view; of one that is not there, those it makes of nothing.
   * `run`: what the pipeline's stages share, variables included. Errors: those of a view's definition.
   */
  open(namespace: Namespace, pipeline: Pipeline, run: PipelineRun): Rows
  /** The collection itself, for look-ups by equality under a collation; undefined: it is a view. */
  foreign(namespace: Namespace, collation: Collation | undefined): ForeignCollection | undefined
  /** The documents of a stage that tells of the server or of a collection: `$collStats` and kin. */
  documents(request: SystemRequest): readonly Uint8Array[]
  /** Where `$out` writes. Errors: those of the namespace. */
  replaceCollection(namespace: Namespace, timeseries: Uint8Array | undefined): CollectionReplacement
  /** Where `$merge` writes. Errors: those of the namespace. */
  mergeTarget(namespace: Namespace): MergeTarget
  /** Uniform in [0, 1). */
  random(): number
  /** A new empty file that nobody else sees; `close` removes it. */
  temporaryFile(): File
}

/** A collection as a join sees it, at the moment the pipeline reads. */
export interface ForeignCollection {
  /** Whether equality with a value of `path` is found without reading every document. */
  isIndexed(path: string): boolean
  readonly documentCount: number
  /** The documents that match a filter document. */
  find(filter: Uint8Array): Rows
  /** Finds documents by values of `path`, where an index tells alone which have one. */
  points(path: string): PointLookup | undefined
}

/** What `$changeStream` asks for; tokens as they were given. */
export interface ChangeStreamRequest {
  readonly resumeAfter: Uint8Array | undefined
  readonly startAfter: Uint8Array | undefined
  readonly startAtOperationTime: Timestamp | undefined
  readonly fullDocument: 'default' | 'updateLookup' | 'whenAvailable' | 'required'
  readonly fullDocumentBeforeChange: 'off' | 'whenAvailable' | 'required'
  readonly allChangesForCluster: boolean
  readonly showExpandedEvents: boolean
  readonly showSystemEvents: boolean
}

export type SystemRequest =
  | {
      readonly kind: 'collStats'
      readonly namespace: Namespace
      readonly count: boolean
      /** Divisor of sizes; undefined: not asked for. */
      readonly storageScale: number | undefined
      readonly latency: boolean
      readonly histograms: boolean
      readonly queryExec: boolean
    }
  | { readonly kind: 'indexStats'; readonly namespace: Namespace }
  | { readonly kind: 'querySettings'; readonly showShape: boolean }
  | {
      readonly kind: 'queryStats'
      /** Names are shown by their HMAC under this key; undefined: as they are. */
      readonly hmacKey: Uint8Array | undefined
    }
  | { readonly kind: 'planCacheStats'; readonly namespace: Namespace }
  | {
      readonly kind: 'currentOp'
      /** Who is listed besides those at work. */
      readonly idle: { readonly cursors: boolean; readonly connections: boolean; readonly sessions: boolean }
    }
  | { readonly kind: 'localSessions'; readonly users: readonly { user: string; db: string }[] | undefined }
  | { readonly kind: 'clusterCatalog'; readonly database: string | undefined; readonly shards: boolean }

/** Takes documents, then takes the place of the collection at once. */
export interface CollectionReplacement {
  /** Throws WriteConflict before anything has changed. Errors: those of an insert. */
  insert(documents: readonly Uint8Array[]): void
  /** Throws WriteConflict before anything has changed. */
  finish(): void
  /** Drops what was inserted, unless finished. Throws nothing. */
  close(): void
}

export interface MergeTarget {
  /** Whether the fields are `_id`, or those of a unique index, and whether that leaves documents without them out. */
  uniqueKey(fields: readonly string[]): { readonly sparse: boolean } | undefined
  /** The document that a filter on the fields of a unique key finds, as it is now. */
  find(filter: Uint8Array): FoundDocument | undefined
  /** The document as it will be inserted: what it lacks it is given once, since it may come again. Errors: those of an insert. */
  completed(document: Uint8Array): Uint8Array
  /** Throws a `Detour`, or WriteConflict, before anything has changed. Errors: those of an insert. */
  insert(document: Uint8Array): void
  /** Throws a `Detour`, or WriteConflict, before anything has changed. Errors: those of an update. */
  replace(found: FoundDocument, document: Uint8Array): void
}

export interface FoundDocument {
  readonly recordId: number
  readonly document: Uint8Array
}
