/**
 * How a query's documents are found: readonly trees of nodes, made here from filter, sort and hint, carried out by
 * `execute.ts`, shown by `plan-describe.ts`.
 *
 * Here the candidates are made: a look-up by `_id`, which is alone; else every way by an index that bounds something or gives the sort's
 * order, in the order of how much by rule (`rank`) each promises; else the whole collection. Which of several candidates a
 * query goes by is decided by what they cost: see `plan-choose.ts`.
 */
import { DatabaseError } from '../base/errors.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { equalValues } from '../bson/order.ts'
import { bsonType } from '../bson/type.ts'
import { documentFields, isNumber, numberOf, readString, type Value } from '../bson/value.ts'
import { parseFilter } from './filter/parse.ts'
import { conjunction, conjuncts, type Filter, isMatchAll } from './filter/tree.ts'
import { type Interval, isPoint } from './plan-bounds.ts'
import { type BoundedPart, type IndexBounds, implies, indexBounds, isWhole, wholeIndex } from './plan-index.ts'
import type { QueryIndex, QuerySource } from './plan-source.ts'
import type { Sort } from './sort/parse.ts'

export type PlanNode = UnsortedNode | SortNode

/** What gives rows in an order of its own. */
export type UnsortedNode = CollectionScanNode | IdLookupNode | FetchNode | OrNode

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
  /** What the bounds do not say already. */
  readonly filter: Filter
  /** Rows are counted only: with nothing left to test, no document is read. */
  readonly keysOnly: boolean
}

export interface IndexScanNode {
  readonly kind: 'indexScan'
  readonly index: QueryIndex
  readonly bounds: IndexBounds
  /** Along the index, or against it. */
  readonly direction: 1 | -1
}

/** Each branch by an index of its own; a document that several branches find is a row once. */
export interface OrNode {
  readonly kind: 'or'
  readonly inputs: readonly FetchNode[]
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
  /** Indexes that came later cannot be used. */
  readonly at?: Timestamp | undefined
  /** The indexes that may be used, when not all may; a hint does not count then. */
  readonly allows?: ((index: QueryIndex) => boolean) | undefined
}

/**
 * The plans that a request can be carried out by, the likelier ones first: at least one. `indexes`: those to be thought of.
 * Throws BadValue (2) for a hint that names no index, NoQueryExecutionPlans (291) for one that cannot be used.
 */
export function candidatePlans(
  source: QuerySource,
  request: PlanRequest,
  indexes: readonly QueryIndex[] = source.indexes,
): readonly PlanNode[] {
  const { filter, sort, allows } = request
  const hint = allows === undefined && request.hint ? parseHint(source, request.hint) : undefined
  if (hint !== undefined && typeof hint !== 'number') return [withSort(hinted(hint, request), request)]
  const natural = hint ?? sort?.natural
  if (natural !== undefined) return [withSort({ kind: 'collectionScan', direction: natural, filter }, request)]
  const lookup = idLookup(filter)
  if (lookup !== undefined && (lookup.whole || allows === undefined || source.indexes.some(isIdIndex(allows))))
    return [withSort(lookup, request)]
  const candidates = candidatesFor(indexes, request)
    .map((node) => ({ node, rank: rank(node, sort) }))
    .filter((candidate) => candidate.rank > 0)
    .sort((a, b) => b.rank - a.rank)
  if (candidates.length === 0) return [withSort({ kind: 'collectionScan', direction: 1, filter }, request)]
  return candidates.map(({ node }) => withSort(node, request))
}

function isIdIndex(allows: (index: QueryIndex) => boolean): (index: QueryIndex) => boolean {
  return (index) => index.name === '_id_' && allows(index)
}

/** Every way by one index, and by several for the branches of an `or`. */
function candidatesFor(indexes: readonly QueryIndex[], request: PlanRequest): readonly (FetchNode | OrNode)[] {
  const { filter } = request
  const candidates: (FetchNode | OrNode)[] = []
  for (const index of indexes) if (isUsable(index, request)) candidates.push(...fetchesBy(index, filter, request))
  const parts = conjuncts(filter)
  for (const part of parts) {
    if (part.kind !== 'or') continue
    const others = parts.filter((other) => other !== part)
    const inputs: FetchNode[] = []
    for (const branch of part.filters) {
      const input = bestBranch(indexes, conjunction([branch, ...others]), request)
      if (input === undefined) break
      inputs.push(input)
    }
    if (inputs.length === part.filters.length) candidates.push({ kind: 'or', inputs })
  }
  return candidates
}

function bestBranch(indexes: readonly QueryIndex[], filter: Filter, request: PlanRequest): FetchNode | undefined {
  let best: FetchNode | undefined
  for (const index of indexes) {
    if (!isUsable(index, { ...request, filter })) continue
    for (const fetch of fetchesBy(index, filter, { filter })) {
      if (boundsRank(fetch.input) > 0 && (best === undefined || boundsRank(fetch.input) > boundsRank(best.input)))
        best = fetch
    }
  }
  return best
}

function isUsable(index: QueryIndex, { at, filter, allows }: PlanRequest): boolean {
  const { hidden, partialFilter } = index.definition
  if (allows !== undefined && !allows(index)) return false
  if (hidden || (at !== undefined && index.usableFrom > at)) return false
  return partialFilter === undefined || implies(filter, parsedPartial(partialFilter))
}

const partials = new WeakMap<Uint8Array, Filter>()

export function parsedPartial(bytes: Uint8Array): Filter {
  let filter = partials.get(bytes)
  if (filter === undefined) {
    filter = parseFilter(bytes)
    partials.set(bytes, filter)
  }
  return filter
}

function fetchesBy(index: QueryIndex, filter: Filter, request: PlanRequest): readonly FetchNode[] {
  return indexBounds(index, filter).map((bounds) => fetchOf(bounds, request))
}

/** As one index of several could do it. */
function orBy(index: QueryIndex, request: PlanRequest): FetchNode | OrNode | undefined {
  const choice = candidatesFor([index], request).map((node) => ({ node, rank: rank(node, request.sort) }))
  return choice.sort((a, b) => b.rank - a.rank)[0]?.node
}

function fetchOf(bounds: IndexBounds, { sort, keysOnly }: PlanRequest): FetchNode {
  const input: IndexScanNode = {
    kind: 'indexScan',
    index: bounds.index,
    bounds,
    direction: sortDirection(bounds, sort) ?? 1,
  }
  return { kind: 'fetch', input, filter: bounds.residual, keysOnly: keysOnly === true && isMatchAll(bounds.residual) }
}

/** What the hint asks for, also when the index lacks documents: then these are not found. */
function hinted(index: QueryIndex, request: PlanRequest): FetchNode | OrNode {
  const candidates = fetchesBy(index, request.filter, request)
  const [best] = [...candidates].sort((a, b) => rank(b, request.sort) - rank(a, request.sort))
  if (best !== undefined) return best
  if (index.definition.wildcardAt >= 0) {
    const node = orBy(index, request)
    if (node !== undefined) return node
    throw new DatabaseError(
      'NoQueryExecutionPlans',
      'error processing query: planner returned error :: caused by :: No query solutions: the hinted wildcard index cannot answer the query',
    )
  }
  return fetchOf(wholeIndex(index, request.filter), request)
}

/** The higher the better; 0: no better than reading the whole collection. */
function rank(node: FetchNode | OrNode, sort: Sort | undefined): number {
  if (node.kind === 'or') return Math.min(...node.inputs.map(({ input }) => boundsRank(input))) - 1
  const sorted = sort !== undefined && sort.parts.length > 0 && givesOrder(node.input, sort) ? 3 : 0
  return boundsRank(node.input) + sorted
}

/** By the first parts of the key: 8 for each point, 6 for a few, 4 for a range, 2 for one open on a side. */
function boundsRank({ bounds, index }: IndexScanNode): number {
  let score = 0
  let points = 0
  for (const { name, intervals } of bounds.parts) {
    if (isWhole(intervals)) break
    if (!intervals.every(isPoint)) {
      score += intervals.some(isOpen) ? 2 : 4
      break
    }
    if (name !== '$_path') score += intervals.length <= 1 ? 8 : 6
    points++
  }
  return points === bounds.parts.length && index.unique ? score + 100 : score
}

/** A range with a bound on one side only. */
function isOpen({ low, high }: Interval): boolean {
  return isInfinite(low) || isInfinite(high)
}

function isInfinite(value: Value): boolean {
  if (value.type === bsonType.minKey || value.type === bsonType.maxKey) return true
  return value.type === bsonType.double && Math.abs(numberOf(value)) === Infinity
}

/**
 * In which direction the index gives the sort's order; undefined when it does not. A part of the key that can have one value only
 * is passed over, as is such a part of the sort.
 */
function sortDirection({ parts, ranges }: IndexBounds, sort: Sort | undefined): 1 | -1 | undefined {
  if (sort === undefined || sort.parts.length === 0) return undefined
  const fixed = (part: BoundedPart): boolean =>
    part.multikeyPaths === 0 && part.intervals.length === 1 && isPoint(part.intervals[0]!)
  let direction: 1 | -1 | undefined
  let at = 0
  for (const part of sort.parts) {
    if (parts.some((other) => other.path === part.path.text && fixed(other))) continue
    while (at < parts.length && fixed(parts[at]!)) at++
    const key = parts[at]
    if (key === undefined || key.path !== part.path.text || key.multikeyPaths !== 0) return undefined
    const needed = key.descending === part.descending ? 1 : -1
    if (direction !== undefined && direction !== needed) return undefined
    direction = needed
    at++
  }
  return ranges.length === 0 ? 1 : (direction ?? 1)
}

function givesOrder(scan: IndexScanNode, sort: Sort): boolean {
  return sortDirection(scan.bounds, sort) === scan.direction
}

function withSort(node: UnsortedNode, request: PlanRequest): PlanNode {
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
    return source.indexes.find((index) => index.name === name && !index.definition.hidden) ?? refuseHint()
  }
  if (hint.type !== bsonType.document) throw new DatabaseError('FailedToParse', 'Hint must be a string or an object')
  const fields = [...documentFields(hint.bytes, hint.start)]
  if (fields.length === 0) return undefined
  if (fields.some(({ name }) => name === '$natural')) {
    const direction = fields.length === 1 && isNumber(fields[0]!.type) ? numberOf(fields[0]!) : 0
    if (direction !== 1 && direction !== -1)
      throw new DatabaseError('BadValue', '$natural hint must be 1 or -1 and alone')
    return direction
  }
  return source.indexes.find((index) => !index.definition.hidden && hasKeyPattern(index, hint)) ?? refuseHint()
}

/** Key patterns in a hint are compared as documents: {a: 1} is {a: 1.0}, but not {a: 2}. */
function hasKeyPattern(index: QueryIndex, hint: Value): boolean {
  return equalValues(bsonType.document, hint.bytes, hint.start, bsonType.document, index.definition.keyPattern, 0)
}

function refuseHint(): never {
  throw new DatabaseError('BadValue', 'hint provided does not correspond to an existing index')
}
