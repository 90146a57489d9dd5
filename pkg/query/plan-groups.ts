/**
 * Finding the first or last document of each group by an index: from each value of a part of its key to the next by a seek, whatever lies
 * between.
 *
 * That needs bounds that are the whole filter, one value for each part of the key before the group's, and no arrays at the group's path:
 * then the entries of a group lie together, and all entries are documents that match. A key has null for a missing field, and so has the
 * group. An index under a collation groups as that collation compares.
 */
import { keyEnd } from '../bson/key.ts'
import { nullValue } from '../bson/value.ts'
import type { Collation } from '../collation/collation.ts'
import { isMatchAll } from './filter/tree.ts'
import { afterAll } from './key-ranges.ts'
import { parsePath } from './path.ts'
import { isFixed, isHeldBy, isUsable, sortDirection } from './plan.ts'
import type { Interval } from './plan-bounds.ts'
import { indexesFor } from './plan-distinct.ts'
import { type IndexBounds, indexBounds } from './plan-index.ts'
import type { GroupPass, GroupScanNode, PlanRequest } from './plan-node.ts'
import type { QueryIndex, QuerySource } from './plan-source.ts'

/** What is asked of the documents of each group: one of them, if of nothing else. */
export interface GroupEnds {
  /** Documents with one value there are a group; null and missing are one value. */
  readonly path: string
  /** In the order of the request's sort, or in natural order. */
  readonly first: boolean
  readonly last: boolean
  /** Paths whose least or greatest value is asked for that is neither null nor missing. */
  readonly extremes: readonly Extreme[]
}

export interface Extreme {
  readonly path: string
  readonly greatest: boolean
}

/** The way to those documents, first ones before last ones; undefined: there is none. `collation`: by which values are one. */
export function planGroups(
  source: QuerySource,
  request: PlanRequest,
  ends: GroupEnds,
  collation: Collation | undefined,
): GroupScanNode | undefined {
  let best: GroupScanNode | undefined
  for (const index of indexesFor(source, request, ends.path)) {
    const node = index.collation === collation ? groupScan(index, request, ends) : undefined
    if (node !== undefined && (best === undefined || isBetter(node, best))) best = node
  }
  if (best === undefined || source.documentCount < fewDocuments || request.hint !== undefined) return best
  const shareMax = ends.first || ends.last ? groupShareMax.ordered : groupShareMax.unordered
  return groupShare(best) <= shareMax ? best : undefined
}

/** Of so few it does not matter how they are read. */
const fewDocuments = 1000
/**
 * Groups by entry, up to which seeks are quicker than reading everything. Measured on 100,000 documents: equally quick at 0.7 where documents
 * would have to be sorted, at 0.2 where not.
 */
const groupShareMax = { ordered: 0.6, unordered: 0.15 }
const sampleCount = 8
const sampledKeyLengthMax = 1024

/** About how many groups there are by entry: the mean of 1 / the size of the groups of some entries. */
function groupShare({ passes, part }: GroupScanNode): number {
  const { index } = passes[0]!.input
  let sum = 0
  let taken = 0
  for (let i = 0; i < sampleCount; i++) {
    const key = index.keyAt((i + 0.5) / sampleCount, sampledKeyLengthMax)
    if (key === undefined) continue
    let end = 0
    for (let each = 0; each <= part; each++) end = keyEnd(key, end)
    const prefix = key.subarray(0, end)
    sum += 1 / Math.max(1, index.entryCount(prefix, afterAll(prefix)))
    taken++
  }
  return taken === 0 ? 0 : sum / taken
}

function groupScan(index: QueryIndex, request: PlanRequest, ends: GroupEnds): GroupScanNode | undefined {
  const part = partOf(index, ends.path)
  if (part < 0 || !isUsable(index, request)) return undefined
  // Where each entry is a group, there is nothing to pass over.
  if (index.unique && part === index.keyPaths.length - 1) return undefined
  const [bounds] = indexBounds(index, request.filter)
  if (bounds === undefined || !isMatchAll(bounds.residual)) return undefined
  if (!bounds.parts.slice(0, part).every(isFixed)) return undefined
  const passes = passesOver(bounds, part, request, ends)
  if (passes === undefined) return undefined
  const { projection } = request
  return {
    kind: 'groupScan',
    passes,
    part,
    projection: projection !== undefined && isHeldBy(index, projection) ? projection : undefined,
  }
}

/** The part of the key that has the one value of a path; -1: none has. */
function partOf({ definition, keyPaths, multikeyPaths }: QueryIndex, path: string): number {
  // Expressions look for numbers as names only.
  if (definition.wildcardAt >= 0 || parsePath(path).parts.some(({ position }) => position >= 0)) return -1
  const part = keyPaths.findIndex((key) => key.path === path)
  return part >= 0 && keyPaths[part]!.kind === 'ordered' && multikeyPaths[part] === 0 ? part : -1
}

function passesOver(
  bounds: IndexBounds,
  part: number,
  request: PlanRequest,
  { first, last, extremes }: GroupEnds,
): readonly GroupPass[] | undefined {
  const { index } = bounds
  const order = first || last ? orderWithin(bounds, part, request) : 1
  if (order === undefined) return undefined
  const untilValue = new Set<1 | -1>()
  for (const { path, greatest } of extremes) {
    if (partOf(index, path) !== part + 1) return undefined
    untilValue.add(index.keyPaths[part + 1]!.descending === greatest ? 1 : -1)
  }
  const pass = (direction: 1 | -1, isUntilValue: boolean): GroupPass => ({
    input: { kind: 'indexScan', index, bounds, direction, order: undefined, filter: bounds.residual },
    untilValue: isUntilValue,
  })
  const passes: GroupPass[] = []
  if (first) passes.push(pass(order, untilValue.delete(order)))
  for (const direction of untilValue) passes.push(pass(direction, true))
  // The last document must be the last, without others that a search for a value comes to.
  if (last) passes.push(pass(order === 1 ? -1 : 1, false))
  return passes.length === 0 ? [pass(order, false)] : passes
}

/** In which direction the entries of one group come in the order asked for; undefined: in neither. */
function orderWithin(bounds: IndexBounds, part: number, { sort }: PlanRequest): 1 | -1 | undefined {
  // Entries with equal keys come in natural order.
  if (sort === undefined || sort.parts.length === 0) return part === bounds.parts.length - 1 ? 1 : undefined
  const parts = bounds.parts.map((each, i) => (i === part ? { ...each, intervals: [oneValue] } : each))
  return sortDirection({ ...bounds, parts }, sort)
}

/** Which one it is does not matter. */
const oneValue: Interval = { low: nullValue, lowInclusive: true, high: nullValue, highInclusive: true }

/** Without documents, if that can be; with fewer passes; with shorter keys. */
function isBetter(a: GroupScanNode, b: GroupScanNode): boolean {
  if ((a.projection === undefined) !== (b.projection === undefined)) return a.projection !== undefined
  if (a.passes.length !== b.passes.length) return a.passes.length < b.passes.length
  return keyLength(a) < keyLength(b)
}

function keyLength({ passes }: GroupScanNode): number {
  return passes[0]!.input.index.keyPaths.length
}
