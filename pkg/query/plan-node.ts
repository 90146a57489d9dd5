/** Plans: readonly trees of nodes, made by `plan.ts` and its neighbours, carried out by `execute.ts`, shown by `plan-describe.ts`. */
import type { Timestamp } from '../base/timestamp.ts'
import type { Value } from '../bson/value.ts'
import type { Filter } from './filter/tree.ts'
import type { IndexBounds } from './plan-index.ts'
import type { KeyRangeRequest } from './plan-range.ts'
import type { QueryIndex } from './plan-source.ts'
import type { Projection } from './projection/tree.ts'
import type { Sort } from './sort/parse.ts'

export type PlanNode = UnsortedNode | SortNode

/** What gives rows in an order of its own. */
export type UnsortedNode =
  | CollectionScanNode
  | IdLookupNode
  | FetchNode
  | OrNode
  | MergeNode
  | DistinctScanNode
  | GroupScanNode

/** Reads every document in order of insertion, or against it, and keeps what the filter matches. */
export interface CollectionScanNode {
  readonly kind: 'collectionScan'
  readonly direction: 1 | -1
  readonly filter: Filter
}

/** Reads the documents of these `_id`s, ascending, and keeps what the filter matches. */
export interface IdLookupNode {
  readonly kind: 'idLookup'
  readonly ids: readonly Value[]
  /** The filter is nothing but equality with one `_id`. */
  readonly whole: boolean
  readonly filter: Filter
}

/** Reads the documents that an index names and keeps what the filter matches. */
export interface FetchNode {
  readonly kind: 'fetch'
  readonly input: IndexScanNode
  /** What neither the bounds nor the keys say already. */
  readonly filter: Filter
  /** Rows are counted only: with nothing left to test, no document is read. */
  readonly keysOnly: boolean
  /** Rows are what this shows of a document, made of its key; undefined: the document. */
  readonly projection: Projection | undefined
}

export interface IndexScanNode {
  readonly kind: 'indexScan'
  readonly index: QueryIndex
  readonly bounds: IndexBounds
  /** Along the index, or against it. */
  readonly direction: 1 | -1
  /** The sort whose order the entries come in, if it is known. */
  readonly order: Sort | undefined
  /** Tested on the keys; a document is read for it only if its key has lost what is asked. */
  readonly filter: Filter
}

/** Each branch by an index of its own; a document that several branches find is a row once. */
export interface OrNode {
  readonly kind: 'or'
  readonly inputs: readonly FetchNode[]
}

/** Each input gives its rows in the order of the sort; they are merged, and a document that several find is a row once. */
export interface MergeNode {
  readonly kind: 'merge'
  readonly inputs: readonly FetchNode[]
  readonly sort: Sort
  /** The inputs are one scan, cut up by the values of the first parts of its key. */
  readonly exploded: boolean
}

/** A row for each value of a part of the key, by seeks from one to the next. */
export interface DistinctScanNode {
  readonly kind: 'distinctScan'
  readonly input: IndexScanNode
  /** Which part of the key. */
  readonly part: number
}

/** The first document of each value of a part of the key, by one pass over the index after another. */
export interface GroupScanNode {
  readonly kind: 'groupScan'
  /** At least one; they differ in direction or in `untilValue`. */
  readonly passes: readonly GroupPass[]
  /** Which part of the key: those before it have one value each. */
  readonly part: number
  /** Rows are what this shows of a document, made of its key; undefined: the document. */
  readonly projection: Projection | undefined
}

export interface GroupPass {
  readonly input: IndexScanNode
  /** While the part behind the group's has null or nothing, a document of the next value there comes as well. */
  readonly untilValue: boolean
}

/** Reads its input to the end before it gives the first row. */
export interface SortNode {
  readonly kind: 'sort'
  readonly input: UnsortedNode
  readonly sort: Sort
  /** Only so many rows are needed. */
  readonly limit: number | undefined
}

export interface PlanRequest {
  readonly filter: Filter
  readonly sort?: Sort | undefined
  /** Rows needed at most, skipped ones included. */
  readonly rowLimit?: number | undefined
  /** An index's name (string), its key pattern, or `{$natural: ±1}`. */
  readonly hint?: Value | undefined
  /** Only the number of rows is asked for. */
  readonly keysOnly?: boolean | undefined
  /** What is shown of the rows: a plan that needs no documents for it gives it at once. */
  readonly projection?: Projection | undefined
  /** The part of the hinted index to look at: find's min and max. */
  readonly keyRange?: KeyRangeRequest | undefined
  /** Indexes that came later cannot be used. */
  readonly at?: Timestamp | undefined
  /** The indexes that may be used, when not all may; a hint does not count then. */
  readonly allows?: ((index: QueryIndex) => boolean) | undefined
}

/** Ways by index. */
export type IndexedNode = FetchNode | OrNode | MergeNode
