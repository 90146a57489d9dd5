/**
 * What a plan would take: keys and documents looked at, rows sorted, from counts that the indexes' trees give and from statistics.
 * A cost is about the time in tenths of a microsecond with everything in memory; only ratios matter.
 */
import type { KeyRange } from './key-ranges.ts'
import type { FetchNode, IndexScanNode, PlanNode } from './plan-node.ts'
import type { QueryIndex, QuerySource } from './plan-source.ts'
import type { CollectionStatistics } from './statistics.ts'

const keyCost = 2
const documentCost = 10
const scannedDocumentCost = 3
const sortedRowCost = 6
/** Ranges whose entries are counted; of more, as many evenly among them. */
const countedRangesMax = 8
/** What one bounded part behind a range lets through when nothing is known. */
const unknownShare = 0.2

export interface Estimate {
  readonly keys: number
  readonly documents: number
  /** Rows before what is tested on the documents. */
  readonly rows: number
  /** Rows that are sorted before the first is given. */
  readonly sorted: number
}

const nothing: Estimate = { keys: 0, documents: 0, rows: 0, sorted: 0 }

export function estimatePlan(
  source: QuerySource,
  node: PlanNode,
  statistics: CollectionStatistics | undefined,
): Estimate {
  switch (node.kind) {
    case 'collectionScan':
      return { ...nothing, documents: source.documentCount, rows: source.documentCount }
    case 'idLookup':
      return { ...nothing, keys: node.ids.length, documents: node.ids.length, rows: node.ids.length }
    case 'fetch': {
      const { keys, rows } = estimateScan(source, node.input, statistics)
      return { ...nothing, keys, documents: needsDocuments(node) ? rows : 0, rows }
    }
    case 'distinctScan':
      return { ...nothing, ...estimateScan(source, node.input, statistics) }
    case 'groupScan':
      return { ...nothing, ...estimateScan(source, node.passes[0]!.input, statistics) }
    case 'merge':
    case 'or': {
      let sum = nothing
      for (const input of node.inputs) {
        const { keys, documents, rows } = estimatePlan(source, input, statistics)
        sum = { keys: sum.keys + keys, documents: sum.documents + documents, rows: sum.rows + rows, sorted: 0 }
      }
      return sum
    }
    case 'sort': {
      const input = estimatePlan(source, node.input, statistics)
      return { ...input, sorted: input.rows }
    }
  }
}

function needsDocuments({ keysOnly, projection }: FetchNode): boolean {
  return !keysOnly && projection === undefined
}

function estimateScan(
  source: QuerySource,
  { index, bounds }: IndexScanNode,
  statistics: CollectionStatistics | undefined,
): { readonly keys: number; readonly rows: number } {
  const { ranges, checked, checkedFrom } = bounds
  const step = Math.max(1, Math.ceil(ranges.length / countedRangesMax))
  let entries = 0
  let counted = 0
  for (let i = 0; i < ranges.length; i += step, counted++) entries += entriesIn(index, ranges.at(i)!)
  if (counted > 0) entries *= ranges.length / counted
  const known = statistics?.of(index)
  let keys = entries
  if (checked.length > 0) {
    let share = 1
    checked.forEach((part, i) => {
      share *= known?.shareOf(checkedFrom + i, part) ?? unknownShare
    })
    const passing = entries * share
    // What is outside is skipped by one seek for each value of the parts before.
    const prefixes = known?.distinct[checkedFrom - 1]
    const seeks = prefixes === undefined ? entries : (prefixes * entries) / Math.max(1, known!.entryCount)
    keys = Math.min(entries, passing + 2 * seeks)
    entries = passing
  }
  const entriesEach = bounds.repeats ? Math.max(1, index.entryCount() / Math.max(1, source.documentCount)) : 1
  return { keys, rows: entries / entriesEach }
}

function entriesIn(index: QueryIndex, { lower, upper }: KeyRange): number {
  return index.entryCount(lower, upper)
}

/**
 * `rowLimit`: so many rows are asked for, of the `rows` that the query has: a plan that gives rows as it goes stops when it has them.
 */
export function costOf(node: PlanNode, estimate: Estimate, rows: number, rowLimit: number | undefined): number {
  const { keys, documents, sorted } = estimate
  const perDocument = node.kind === 'collectionScan' ? scannedDocumentCost : documentCost
  const cost = 1 + keys * keyCost + documents * perDocument
  if (sorted > 0) return cost + sorted * sortedRowCost
  return rowLimit === undefined || rows <= rowLimit ? cost : 1 + (cost * rowLimit) / rows
}
