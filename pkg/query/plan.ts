/**
 * How a query's documents are found: trees of nodes (`plan-node.ts`), made here from filter, sort and hint.
 *
 * Here the candidates are made: a look-up by `_id`, which is alone; else every way by an index that bounds something or gives the sort's
 * order, in the order of how much by rule (`rank`) each promises; else the whole collection. Which of several candidates a
 * query goes by is decided by what they cost: see `plan-choose.ts`.
 */
import { DatabaseError } from '../base/errors.ts'
import { equalValues } from '../bson/order.ts'
import { bsonType } from '../bson/type.ts'
import { documentFields, isNumber, numberOf, readString, type Value } from '../bson/value.ts'
import type { Collation } from '../collation/collation.ts'
import { refuseNear } from './filter/near.ts'
import { conjunction, conjuncts, type Filter, isMatchAll } from './filter/tree.ts'
import { partThatHolds } from './key-document.ts'
import { splitByKeys } from './key-filter.ts'
import { parsePath } from './path.ts'
import { type Interval, isPoint } from './plan-bounds.ts'
import { seenBy, unbounded } from './plan-collation.ts'
import { type BoundedPart, boundsOfParts, type IndexBounds, indexBounds, isWhole, wholeIndex } from './plan-index.ts'
import type {
  FetchNode,
  IdLookupNode,
  IndexedNode,
  IndexScanNode,
  MergeNode,
  PlanNode,
  PlanRequest,
  UnsortedNode,
} from './plan-node.ts'
import { impliesPartial } from './plan-partial.ts'
import { boundsBetween } from './plan-range.ts'
import type { QueryIndex, QuerySource } from './plan-source.ts'
import { keptPaths } from './projection/kept-paths.ts'
import type { Projection } from './projection/tree.ts'
import type { Sort } from './sort/parse.ts'

/** Scans that one is cut up into at most. */
const scansMax = 200

function isSorted({ sort }: PlanRequest): boolean {
  return sort !== undefined && sort.parts.length > 0
}

/**
 * The plans that a request can be carried out by, the likelier ones first: at least one. `indexes`: those to be thought of.
 * Throws BadValue (2) for a hint that names no index, NoQueryExecutionPlans (291) for one that cannot be used, and
 * for a filter that asks for what is nearest.
 */
export function candidatePlans(
  source: QuerySource,
  request: PlanRequest,
  indexes: readonly QueryIndex[] = source.indexes,
): readonly PlanNode[] {
  const { filter, sort, allows } = request
  refuseNear(filter)
  const hint = allows === undefined && request.hint ? parseHint(source, request.hint) : undefined
  if (request.keyRange !== undefined) {
    if (typeof hint === 'number')
      throw new DatabaseError('NoQueryExecutionPlans', 'min and max are incompatible with $natural')
    const bounds = boundsBetween(typeof hint === 'object' ? hint : undefined, request.keyRange, filter)
    return [withSort(fetchOf(bounds, request), request)]
  }
  if (hint !== undefined && typeof hint !== 'number') return [withSort(hinted(hint, request), request)]
  const natural = hint ?? sort?.natural
  if (natural !== undefined) return [withSort({ kind: 'collectionScan', direction: natural, filter }, request)]
  const lookup = source.hasIdIndex ? idLookup(filter, source.collation) : undefined
  if (lookup !== undefined && (lookup.whole || allows === undefined || source.indexes.some(isIdIndex(allows))))
    return [withSort(lookup, request)]
  const candidates = likeliestFirst(candidatesFor(indexes, request), sort)
  if (candidates.length === 0) return [withSort({ kind: 'collectionScan', direction: 1, filter }, request)]
  return candidates.map((node) => withSort(node, request))
}

/** Those that are better than reading the whole collection. */
function likeliestFirst(nodes: readonly IndexedNode[], sort: Sort | undefined): readonly IndexedNode[] {
  if (nodes.length === 1) return rank(nodes[0]!, sort) > 0 ? nodes : []
  return nodes
    .map((node) => ({ node, rank: rank(node, sort) }))
    .filter((candidate) => candidate.rank > 0)
    .sort((a, b) => b.rank - a.rank)
    .map(({ node }) => node)
}

function isIdIndex(allows: (index: QueryIndex) => boolean): (index: QueryIndex) => boolean {
  return (index) => index.name === '_id_' && allows(index)
}

/**
 * Each branch of an `$or` is planned with all that stands beside it, which may be as many `$or`s as there is room for in a filter: together so
 * many predicates are looked at again, for one index. Those that come later are tested, not searched by.
 */
const othersMax = 20_000

/** Every way by one index, and by several for the branches of an `or`. */
function candidatesFor(indexes: readonly QueryIndex[], request: PlanRequest): readonly IndexedNode[] {
  const { filter, sort } = request
  const candidates: IndexedNode[] = []
  const heads = firstNames(filter, new Set())
  for (const index of indexes) {
    if (!mayHelp(index, heads, request)) continue
    if (isUsable(index, request)) candidates.push(...fetchesBy(index, filter, request))
  }
  if (isSorted(request)) {
    for (const candidate of [...candidates]) {
      const merge = candidate.kind === 'fetch' ? exploded(candidate, request) : undefined
      if (merge !== undefined) candidates.push(merge)
    }
  }
  const parts = conjuncts(filter)
  let total = 0
  let left = othersMax / Math.max(1, indexes.length)
  for (const part of parts) {
    if (part.kind !== 'or') continue
    total ||= testCount(filter)
    left -= part.filters.length * (total - testCount(part))
    if (left < 0) break
    const others = parts.filter((other) => other !== part)
    const branches = part.filters.map((branch) => conjunction([branch, ...others]))
    const inputs = branchInputs(branches, (branch) => bestBranch(indexes, branch, request, undefined))
    if (inputs !== undefined) candidates.push({ kind: 'or', inputs })
    if (sort === undefined || sort.parts.length === 0) continue
    const sorted = branchInputs(branches, (branch) => bestBranch(indexes, branch, request, sort))
    if (sorted !== undefined) candidates.push({ kind: 'merge', inputs: sorted, sort, exploded: false })
  }
  return candidates
}

/** How many predicates there are. */
function testCount(filter: Filter): number {
  if (filter.kind !== 'and' && filter.kind !== 'or' && filter.kind !== 'nor') return 1
  let count = 0
  for (const part of filter.filters) count += testCount(part)
  return count
}

/** The first names of the paths that a filter is about. */
function firstNames(filter: Filter, into: Set<string>): Set<string> {
  switch (filter.kind) {
    case 'and':
    case 'or':
    case 'nor':
      for (const part of filter.filters) firstNames(part, into)
      return into
    case 'not':
      return firstNames(filter.filter, into)
    case 'constant':
    case 'expr':
    case 'jsonSchema':
      return into
    default:
      return filter.path.parts.length === 0 ? into : into.add(filter.path.parts[0]!.name)
  }
}

/**
 * Whether the index may be of use: one whose first field the filter does not name bounds nothing, so that it can but give the sort's
 * order. That it has all that is shown is not enough: who names no order gets the natural one, as in MongoDB. `heads`: the first
 * names of the filter's paths.
 */
function mayHelp(index: QueryIndex, heads: ReadonlySet<string>, { sort }: PlanRequest): boolean {
  const { keyPaths, wildcardAt } = index.definition
  const { path } = keyPaths[0]!
  if (wildcardAt === 0 || heads.has(parsePath(path).parts[0]!.name)) return true
  return sort?.parts.some((part) => part.path.text === path) === true
}

/** A way for every branch, or none. */
function branchInputs(
  branches: readonly Filter[],
  inputFor: (branch: Filter) => FetchNode | undefined,
): readonly FetchNode[] | undefined {
  const inputs: FetchNode[] = []
  for (const branch of branches) {
    const input = inputFor(branch)
    if (input === undefined) return undefined
    inputs.push(input)
  }
  return inputs
}

/** The way with the tightest bounds, of those in the order of `sort` if one is given. */
function bestBranch(
  indexes: readonly QueryIndex[],
  filter: Filter,
  request: PlanRequest,
  sort: Sort | undefined,
): FetchNode | undefined {
  let best: FetchNode | undefined
  for (const index of indexes) {
    if (!isUsable(index, { ...request, filter })) continue
    for (const fetch of fetchesBy(index, filter, { filter, sort })) {
      if (sort !== undefined && (index.definition.wildcardAt >= 0 || !givesOrder(fetch.input, sort))) continue
      if (boundsRank(fetch.input) > 0 && (best === undefined || boundsRank(fetch.input) > boundsRank(best.input)))
        best = fetch
    }
  }
  return best
}

/**
 * A scan whose key begins with parts that can have a few values each, cut up into one scan for each combination of them, so that
 * what follows them gives the sort's order; undefined when it does not, or does already.
 */
function exploded(node: FetchNode, request: PlanRequest): MergeNode | undefined {
  const { index, bounds } = node.input
  const sort = request.sort!
  if (index.definition.wildcardAt >= 0 || givesOrder(node.input, sort)) return undefined
  let combinations: readonly (readonly BoundedPart[])[] = [[]]
  for (let count = 0; count < bounds.parts.length; count++) {
    const part = bounds.parts[count]!
    if (!part.intervals.every(isPoint) || combinations.length * part.intervals.length > scansMax) return undefined
    combinations = combinations.flatMap((before) =>
      part.intervals.map((interval) => [...before, { ...part, intervals: [interval] }]),
    )
    if (combinations.length < 2) continue
    const rest = bounds.parts.slice(count + 1)
    const narrowed = combinations.map((first) => boundsOfParts(index, [...first, ...rest], bounds.residual))
    if (sortDirection(narrowed[0]!, sort) === undefined) continue
    return { kind: 'merge', inputs: narrowed.map((each) => fetchOf(each, request)), sort, exploded: true }
  }
  return undefined
}

/** Whether the index holds all that the filter may match, as of the time that is read. */
export function isUsable(index: QueryIndex, { at, filter, allows }: PlanRequest): boolean {
  const { hidden } = index.definition
  if (allows !== undefined && !allows(index)) return false
  if (hidden || (at !== undefined && index.usableFrom > at)) return false
  return impliesPartial(index, filter)
}

function fetchesBy(index: QueryIndex, filter: Filter, request: PlanRequest): readonly FetchNode[] {
  return indexBounds(index, filter).map((bounds) => fetchOf(bounds, request))
}

/** As one index of several could do it. */
function orBy(index: QueryIndex, request: PlanRequest): IndexedNode | undefined {
  const choice = candidatesFor([index], request).map((node) => ({ node, rank: rank(node, request.sort) }))
  return choice.sort((a, b) => b.rank - a.rank)[0]?.node
}

function fetchOf(bounds: IndexBounds, { sort, keysOnly, projection }: PlanRequest): FetchNode {
  const { index, residual } = bounds
  const { onKeys, onDocuments } = splitByKeys(index, residual)
  const direction = sortDirection(bounds, sort)
  const input: IndexScanNode = {
    kind: 'indexScan',
    index,
    bounds,
    direction: direction ?? 1,
    order: direction === undefined ? undefined : sort,
    filter: onKeys,
  }
  const needsNoDocument = isMatchAll(onDocuments)
  return {
    kind: 'fetch',
    input,
    filter: onDocuments,
    keysOnly: keysOnly === true && needsNoDocument,
    projection: needsNoDocument && projection !== undefined && isHeldBy(index, projection) ? projection : undefined,
  }
}

/** Whether keys of the index have all that the projection shows. */
export function isHeldBy(index: QueryIndex, projection: Projection): boolean {
  return keptPaths(projection)?.every((path) => partThatHolds(index, path) >= 0) === true
}

/** What the hint asks for, also when the index lacks documents: then these are not found. */
function hinted(index: QueryIndex, request: PlanRequest): IndexedNode {
  const fetches = fetchesBy(index, request.filter, request)
  const merges = isSorted(request) ? fetches.map((fetch) => exploded(fetch, request)) : []
  const candidates = [...fetches, ...merges].filter((node) => node !== undefined)
  const [best] = candidates.sort((a, b) => rank(b, request.sort) - rank(a, request.sort))
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
function rank(node: IndexedNode, sort: Sort | undefined): number {
  if (node.kind !== 'fetch') {
    // An `$or` may have too many inputs for arguments of a call.
    let weakest = Number.POSITIVE_INFINITY
    for (const { input } of node.inputs) weakest = Math.min(weakest, boundsRank(input))
    weakest--
    return node.kind === 'merge' ? weakest + 3 : weakest
  }
  const sorted = sort !== undefined && sort.parts.length > 0 && givesOrder(node.input, sort) ? 3 : 0
  // Of two with the same bounds the one that has all that is shown.
  return boundsRank(node.input) + sorted + (node.projection === undefined ? 0 : 0.5)
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
export function sortDirection({ index, parts, ranges }: IndexBounds, sort: Sort | undefined): 1 | -1 | undefined {
  if (sort === undefined || sort.parts.length === 0 || sort.collation !== index.collation) return undefined
  let direction: 1 | -1 | undefined
  let at = 0
  for (const part of sort.parts) {
    if (parts.some((other) => other.path === part.path.text && other.multikeyPaths === 0 && isFixed(other))) continue
    while (at < parts.length && isFixed(parts[at]!)) at++
    const key = parts[at]
    if (key === undefined || key.path !== part.path.text || key.multikeyPaths !== 0) return undefined
    const needed = key.descending === part.descending ? 1 : -1
    if (direction !== undefined && direction !== needed) return undefined
    direction = needed
    at++
  }
  return ranges.length === 0 ? 1 : (direction ?? 1)
}

/** Whether all keys within the bounds have one value there. */
export function isFixed({ intervals }: BoundedPart): boolean {
  return intervals.length === 1 && isPoint(intervals[0]!)
}

function givesOrder(scan: IndexScanNode, sort: Sort): boolean {
  return scan.order === sort
}

function withSort(node: UnsortedNode, request: PlanRequest): PlanNode {
  const { sort, rowLimit } = request
  if (sort === undefined || sort.parts.length === 0) return node
  if (node.kind === 'merge' || (node.kind === 'fetch' && givesOrder(node.input, sort))) return node
  if (node.kind === 'idLookup' && node.ids.length <= 1) return node
  // The documents are read again in the order of the sort.
  const input = node.kind === 'fetch' ? { ...node, projection: undefined, keysOnly: false } : node
  return { kind: 'sort', input, sort, limit: rowLimit }
}

/** `_id` holds no arrays, regular expressions or missing values, so equality with it is a look-up and nothing else. */
function idLookup(filter: Filter, collation: Collation | undefined): IdLookupNode | undefined {
  const parts = conjuncts(filter).filter((part) => seenBy(collation, part) !== unbounded)
  for (const part of parts) {
    if (part.kind === 'comparison' && part.path.text === '_id' && part.operator === 'eq') {
      return { kind: 'idLookup', ids: [part.value], whole: conjuncts(filter).length === 1, filter }
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
  const [found, second] = source.indexes.filter((index) => !index.definition.hidden && hasKeyPattern(index, hint))
  if (second !== undefined) {
    throw new DatabaseError('IndexNotFound', 'Hint matched multiple indexes, must hint by index name.')
  }
  return found ?? refuseHint()
}

/** Key patterns in a hint are compared as documents: {a: 1} is {a: 1.0}, but not {a: 2}. */
function hasKeyPattern(index: QueryIndex, hint: Value): boolean {
  return equalValues(bsonType.document, hint.bytes, hint.start, bsonType.document, index.definition.keyPattern, 0)
}

function refuseHint(): never {
  throw new DatabaseError('BadValue', 'hint provided does not correspond to an existing index')
}
