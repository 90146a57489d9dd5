/**
 * Which of a query's candidates it goes by.
 *
 *   one candidate            it is taken
 *   a plan in the cache      it is taken, and watched: see `execute-trial.ts`
 *   several                  what each costs is estimated; those that come near the cheapest are tried on the query itself
 */
import { candidatePlans } from './plan.ts'
import type { CacheEntry, CacheKey } from './plan-cache.ts'
import { seenBy } from './plan-collation.ts'
import { costOf, type Estimate, estimatePlan } from './plan-cost.ts'
import { type PlanMemory, planMemoryOf } from './plan-memory.ts'
import type { PlanNode, PlanRequest } from './plan-node.ts'
import { impliesPartial } from './plan-partial.ts'
import { solutionOf } from './plan-solution.ts'
import type { QuerySource } from './plan-source.ts'
import { filterShape, queryShape } from './query-shape.ts'

/** A candidate that is estimated to cost more than so many times the cheapest is not tried. */
const nearFactor = 10
const triedMax = 8

export type PlanDecision =
  | { readonly kind: 'sole'; readonly node: PlanNode }
  | { readonly kind: 'cached'; readonly node: PlanNode; readonly entry: CacheEntry; readonly memory: PlanMemory }
  | {
      readonly kind: 'several'
      /** To be tried, the cheapest first. */
      readonly near: readonly PlanNode[]
      readonly far: readonly PlanNode[]
      readonly key: CacheKey
      readonly memory: PlanMemory
    }

/** `cached`: whether a plan of the cache will do. Throws as `candidatePlans` does. */
export function decidePlan(
  source: QuerySource,
  request: PlanRequest,
  projection: Uint8Array | undefined,
  cached: boolean,
): PlanDecision {
  const memory = planMemoryOf(source)
  let key: CacheKey | undefined
  if (cached && !memory.cache.isEmpty && request.hint === undefined && request.keyRange === undefined) {
    key = cacheKeyOf(source, request, projection)
    const entry = memory.cache.active(source, key)
    const node = entry && planOf(source, request, entry)
    if (node !== undefined) return { kind: 'cached', node, entry: entry!, memory }
  }
  const candidates = candidatePlans(source, request)
  if (candidates.length === 1) return { kind: 'sole', node: candidates[0]! }
  const { near, far } = ranked(source, candidates, request, memory)
  return { kind: 'several', near, far, key: key ?? cacheKeyOf(source, request, projection), memory }
}

/** The way of a cache entry for this request's values; undefined when it cannot go that way. */
function planOf(source: QuerySource, request: PlanRequest, entry: CacheEntry): PlanNode | undefined {
  const indexes = source.indexes.filter(({ name }) => entry.indexes.has(name))
  return candidatePlans(source, request, indexes).find((node) => solutionOf(node) === entry.solution)
}

interface Costed {
  readonly node: PlanNode
  readonly estimate: Estimate
  cost: number
}

function ranked(
  source: QuerySource,
  candidates: readonly PlanNode[],
  request: PlanRequest,
  memory: PlanMemory,
): { readonly near: readonly PlanNode[]; readonly far: readonly PlanNode[] } {
  const statistics = memory.useStatistics(source)
  const costed: Costed[] = candidates.map((node) => ({
    node,
    estimate: estimatePlan(source, node, statistics),
    cost: 0,
  }))
  const rows = rowsOf(source, costed)
  for (const one of costed) one.cost = costOf(one.node, one.estimate, rows, request.rowLimit)
  costed.sort((a, b) => a.cost - b.cost)
  const costMax = costed[0]!.cost * nearFactor
  const near = costed.filter(({ cost }, i) => i < triedMax && cost <= costMax)
  return { near: near.map(({ node }) => node), far: costed.slice(near.length).map(({ node }) => node) }
}

/**
 * How many rows the query has, as far as that can be told: conditions on different leading paths are taken to have nothing to do with each
 * other.
 */
function rowsOf(source: QuerySource, costed: readonly Costed[]): number {
  const count = Math.max(1, source.documentCount)
  const shares = new Map<string, number>()
  for (const { node, estimate } of costed) {
    const inner = node.kind === 'sort' ? node.input : node
    const path = inner.kind === 'fetch' ? (inner.input.bounds.parts[0]?.name ?? '') : ''
    const share = Math.min(1, estimate.rows / count)
    shares.set(path, Math.min(share, shares.get(path) ?? 1))
  }
  let rows = count
  for (const share of shares.values()) rows *= share
  return rows
}

/**
 * The key is the shape, for each partial index whether the filter lets it be used, and what collations leave each index of the filter and
 * of the sort.
 */
export function cacheKeyOf(
  source: QuerySource,
  { filter, sort, allows, hint }: PlanRequest,
  projection: Uint8Array | undefined,
): CacheKey {
  const shape = queryShape(filter, sort, projection)
  let usable = hint === undefined ? '' : 'hint'
  for (const index of source.indexes) {
    const { partialFilter } = index.definition
    if (partialFilter !== undefined) usable += impliesPartial(index, filter) ? '1' : '0'
    if (allows !== undefined) usable += allows(index) ? '+' : '-'
    const seen = seenBy(index.collation, filter)
    if (seen !== filter) usable += `|${filterShape(seen)}`
  }
  if (sort?.collation !== undefined) usable += `|${Buffer.from(sort.collation.document).toString('latin1')}`
  return { shape, key: `${shape}|${usable}` }
}
