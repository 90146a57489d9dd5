/**
 * How a query's documents are found: readonly trees of nodes, made here from filter, sort and hint, carried out by
 * `execute.ts`, shown by `plan-describe.ts`.
 *
 * The choice goes by rules for now: a look-up by `_id`; else the index whose bounds are tightest, better still if it gives the
 * sort order too; else an index in the sort order; else the whole collection. Candidates are ranked in one place (`rank`):
 * estimated cost goes there.
 */
import { DatabaseError } from '../base/errors.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { bsonType } from '../bson/type.ts'
import { documentFields, numberOf, readString, type Value } from '../bson/value.ts'
import { conjuncts, type Filter } from './filter/tree.ts'
import { parsePath } from './path.ts'
import { boundsOf, type Interval, intersect, isPoint, type KeyRange, keyRanges, wholeInterval } from './plan-bounds.ts'
import type { QueryIndex, QuerySource } from './plan-source.ts'
import type { Sort } from './sort/parse.ts'

export type PlanNode = CollectionScanNode | IdLookupNode | FetchNode | SortNode

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
  readonly filter: Filter
}

export interface IndexScanNode {
  readonly kind: 'indexScan'
  readonly index: QueryIndex
  /** Ascending by value. */
  readonly intervals: readonly Interval[]
  /** The same as key bytes, in the order of the index. */
  readonly ranges: readonly KeyRange[]
  /** Along the index, or against it. */
  readonly direction: 1 | -1
}

/** Reads its input to the end before it gives the first row. */
export interface SortNode {
  readonly kind: 'sort'
  readonly input: CollectionScanNode | IdLookupNode | FetchNode
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
  /** Indexes that came later cannot be used. */
  readonly at?: Timestamp | undefined
}

/** Throws BadValue (2) for a hint that names no index. */
export function plan(source: QuerySource, request: PlanRequest): PlanNode {
  const { filter, sort } = request
  const hint = request.hint && parseHint(source, request.hint)
  if (hint !== undefined && typeof hint !== 'number') {
    return withSort(fetchBy(hint, filter, sort), request)
  }
  const natural = hint ?? sort?.natural
  if (natural !== undefined) return withSort({ kind: 'collectionScan', direction: natural, filter }, request)
  const lookup = idLookup(filter)
  if (lookup !== undefined) return withSort(lookup, request)
  let best: Candidate | undefined
  for (const index of source.indexes) {
    if (request.at !== undefined && index.usableFrom > request.at) continue
    if (!isPlain(index)) continue
    const candidate = fetchBy(index, filter, sort)
    if (best === undefined || rank(candidate, sort) > rank(best, sort)) best = candidate
  }
  if (best !== undefined && rank(best, sort) > 0) return withSort(best, request)
  return withSort({ kind: 'collectionScan', direction: 1, filter }, request)
}

/** A way to the documents, and whether it gives them in the order asked for. */
type Candidate = FetchNode

function isPlain({ definition }: QueryIndex): boolean {
  const { hidden, sparse, partialFilter, hashed, wildcardAt } = definition
  return !hidden && !sparse && partialFilter === undefined && !hashed && wildcardAt < 0
}

/** The higher the better; 0: no better than reading the whole collection. */
function rank(candidate: Candidate, sort: Sort | undefined): number {
  const sorted = sort !== undefined && givesOrder(candidate.input, sort) ? 1 : 0
  return boundsRank(candidate.input) * 2 + sorted
}

function boundsRank({ intervals, index }: IndexScanNode): number {
  if (intervals.length === 1 && intervals[0] === wholeInterval) return 0
  if (!intervals.every(isPoint)) return intervals.some(isOpen) ? 1 : 2
  // At most one entry, or none, per point of a unique index.
  return (intervals.length <= 1 ? 4 : 3) + (index.unique ? 2 : 0)
}

/** A range with a bound on one side only. */
function isOpen({ low, high }: Interval): boolean {
  return isInfinite(low) || isInfinite(high)
}

function isInfinite(value: Value): boolean {
  return value.type === bsonType.double && Math.abs(numberOf(value)) === Infinity
}

function fetchBy(index: QueryIndex, filter: Filter, sort: Sort | undefined): FetchNode {
  const { path, descending } = index.keyPaths[0]!
  const intervals = indexBounds(index, path, filter)
  const input: IndexScanNode = {
    kind: 'indexScan',
    index,
    intervals,
    ranges: keyRanges(intervals, descending),
    direction: sortDirection(index, sort) ?? 1,
  }
  return { kind: 'fetch', input, filter }
}

/**
 * What the filter leaves possible for the index's first path. In a multikey index different elements of one array may satisfy
 * different predicates: bounds come from one of them only. A numeric part of a path means a position in one place and a
 * field in another there: no bounds.
 */
function indexBounds(index: QueryIndex, path: string, filter: Filter): readonly Interval[] {
  if (index.multikey && parsePath(path).parts.some(({ position }) => position >= 0)) return [wholeInterval]
  let bounds: readonly Interval[] | undefined
  for (const part of conjuncts(filter)) {
    if (!('path' in part) || part.path.text !== path) continue
    const found = boundsOf(part)
    if (found === undefined) continue
    if (bounds === undefined) bounds = found
    else if (!index.multikey) bounds = intersect(bounds, found)
    else if (tighter(found, bounds)) bounds = found
  }
  return bounds ?? [wholeInterval]
}

function tighter(a: readonly Interval[], b: readonly Interval[]): boolean {
  const pointsA = a.every(isPoint)
  const pointsB = b.every(isPoint)
  return pointsA === pointsB ? a.length < b.length : pointsA
}

/** In which direction the index gives the sort's order; undefined when it does not. */
function sortDirection(index: QueryIndex, sort: Sort | undefined): 1 | -1 | undefined {
  if (sort === undefined || sort.parts.length === 0 || index.multikey) return undefined
  let direction: 1 | -1 | undefined
  for (const [i, part] of sort.parts.entries()) {
    const key = index.keyPaths[i]
    if (key === undefined || key.path !== part.path.text) return undefined
    const needed = key.descending === part.descending ? 1 : -1
    if (direction !== undefined && direction !== needed) return undefined
    direction = needed
  }
  return direction
}

function givesOrder(scan: IndexScanNode, sort: Sort): boolean {
  return sortDirection(scan.index, sort) === scan.direction
}

function withSort(node: CollectionScanNode | IdLookupNode | FetchNode, request: PlanRequest): PlanNode {
  const { sort, rowLimit } = request
  if (sort === undefined || sort.parts.length === 0) return node
  if (node.kind === 'fetch' && givesOrder(node.input, sort)) return node
  if (node.kind === 'idLookup' && node.ids.length <= 1) return node
  return { kind: 'sort', input: node, sort, limit: rowLimit }
}

/** `_id` holds no arrays, regular expressions or missing values, so equality with it is a look-up and nothing else. */
function idLookup(filter: Filter): IdLookupNode | undefined {
  const parts = conjuncts(filter)
  for (const part of parts) {
    if (part.kind === 'comparison' && part.path.text === '_id' && part.operator === 'eq') {
      return { kind: 'idLookup', ids: [part.value], whole: parts.length === 1, filter }
    }
  }
  for (const part of parts) {
    if (part.kind === 'in' && part.path.text === '_id')
      return { kind: 'idLookup', ids: part.values, whole: false, filter }
  }
  return undefined
}

function parseHint(source: QuerySource, hint: Value): QueryIndex | 1 | -1 | undefined {
  if (hint.type === bsonType.string) {
    const name = readString(hint.bytes, hint.start)
    return source.indexes.find((index) => index.name === name) ?? refuseHint()
  }
  if (hint.type !== bsonType.document) throw new DatabaseError('FailedToParse', 'Hint must be a string or an object')
  const fields = [...documentFields(hint.bytes, hint.start)]
  if (fields.length === 0) return undefined
  if (fields[0]!.name === '$natural') return numberOf(fields[0]!) < 0 ? -1 : 1
  return source.indexes.find((index) => hasKeyPattern(index, fields)) ?? refuseHint()
}

function hasKeyPattern(index: QueryIndex, fields: readonly ({ readonly name: string } & Value)[]): boolean {
  return (
    fields.length === index.keyPaths.length &&
    fields.every((field, i) => {
      const key = index.keyPaths[i]!
      return key.path === field.name && key.descending === numberOf(field) < 0
    })
  )
}

function refuseHint(): never {
  throw new DatabaseError('BadValue', 'hint provided does not correspond to an existing index')
}
