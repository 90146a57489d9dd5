/**
 * Finding the distinct values of a path by an index: from each value of its key to the next by a seek, whatever lies between.
 *
 * That needs keys that say everything: bounds that are the whole filter, and, where the path leads to arrays, no bounds at all, since
 * all elements of a document that matches count, not only those within.
 */
import { isMatchAll } from './filter/tree.ts'
import { parsePath } from './path.ts'
import { candidatePlans, isUsable } from './plan.ts'
import { type IndexBounds, indexBounds, isWhole } from './plan-index.ts'
import type { DistinctScanNode, PlanRequest } from './plan-node.ts'
import type { QueryIndex, QuerySource } from './plan-source.ts'

/** The best of such ways to the values of `path` in the documents that match; undefined: there is none. */
export function planDistinct(source: QuerySource, request: PlanRequest, path: string): DistinctScanNode | undefined {
  let best: DistinctScanNode | undefined
  for (const index of indexesFor(source, request, path)) {
    const node = distinctScan(index, request, path)
    if (node !== undefined && (best === undefined || isBetter(node, best))) best = node
  }
  return best
}

/** The indexes with the path in their keys that the request may go by: of those the hinted one, and none for equality with an `_id`. */
export function indexesFor(source: QuerySource, request: PlanRequest, path: string): readonly QueryIndex[] {
  const indexes = source.indexes.filter(({ keyPaths }) => keyPaths.some((key) => key.path === path))
  if (indexes.length === 0) return indexes
  const [likeliest] = candidatePlans(source, request)
  const plan = likeliest?.kind === 'sort' ? likeliest.input : likeliest
  // Equality with an `_id` finds what there is at once.
  if (plan?.kind === 'idLookup') return []
  if (request.hint === undefined || request.allows !== undefined) return indexes
  return indexes.filter((index) => plan?.kind === 'fetch' && plan.input.index === index)
}

function distinctScan(index: QueryIndex, request: PlanRequest, path: string): DistinctScanNode | undefined {
  // Sort keys do not give strings back.
  if (index.collation !== undefined) return undefined
  const { keyPaths } = index
  const part = keyPaths.findIndex((key) => key.path === path)
  if (part < 0 || keyPaths[part]!.kind !== 'ordered' || index.definition.wildcardAt >= 0) return undefined
  if (!isUsable(index, request)) return undefined
  const [bounds] = indexBounds(index, request.filter)
  if (bounds === undefined || !isMatchAll(bounds.residual)) return undefined
  if (index.multikeyPaths[part] !== 0 && !isOpenToArrays(bounds, path)) return undefined
  const input = { kind: 'indexScan', index, bounds, direction: 1, order: undefined, filter: bounds.residual } as const
  return { kind: 'distinctScan', input, part }
}

function isOpenToArrays({ parts }: IndexBounds, path: string): boolean {
  if (parsePath(path).parts.some(({ position }) => position >= 0)) return false
  return parts.every(({ intervals }) => isWhole(intervals))
}

/** The fewer parts before the value's own, the fewer seeks; but bounds on the parts before make them few, too. */
function isBetter(a: DistinctScanNode, b: DistinctScanNode): boolean {
  const bounded = ({ input }: DistinctScanNode): number =>
    input.bounds.parts.findIndex(({ intervals }) => isWhole(intervals))
  if (bounded(a) !== bounded(b)) return bounded(a) > bounded(b) || bounded(a) < 0
  return a.part < b.part
}
