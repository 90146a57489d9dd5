/** What of a pipeline's head the query planner takes over: filter, sort, skip and limit by index instead of by stage. */
import { BsonWriter, indexName } from '../bson/writer.ts'
import type { Scope } from '../expression/scope.ts'
import type { Pipeline } from './parse.ts'

export interface SplitPipeline {
  /** What variables the filter may name. */
  readonly scope: Scope | undefined
  /** A document of the filter language; undefined: all documents. */
  readonly filter: Uint8Array | undefined
  /** A sort specification; undefined: any order. */
  readonly sort: Uint8Array | undefined
  /** Applied after the sort, before the limit. */
  readonly skip: number | undefined
  readonly limit: number | undefined
  /** The stages that remain to be run over what the query gives. */
  readonly rest: Pipeline
}

/** Takes `$match`* `$sort`? `$skip`? `$limit`? from the head. Together with `rest` it means the same as the pipeline. */
export function splitPipeline(pipeline: Pipeline): SplitPipeline {
  const filters: Uint8Array[] = []
  let scope: Scope | undefined
  let at = 0
  const takeFilters = (): void => {
    for (let next = pipeline[at]?.pushdown; next?.kind === 'filter'; next = pipeline[++at]?.pushdown) {
      filters.push(next.document)
      scope = next.scope
    }
  }
  takeFilters()
  let sort: Uint8Array | undefined
  const sorting = pipeline[at]?.pushdown
  if (sorting?.kind === 'sort') {
    sort = sorting.document
    at++
    // A filter after the sort keeps the order: it may as well come first.
    takeFilters()
  }
  let skip: number | undefined
  const skipping = pipeline[at]?.pushdown
  if (skipping?.kind === 'skip') {
    skip = skipping.count
    at++
  }
  let limit: number | undefined
  for (let next = pipeline[at]?.pushdown; next?.kind === 'limit'; next = pipeline[++at]?.pushdown) {
    limit = limit === undefined ? next.count : Math.min(limit, next.count)
  }
  return { scope, filter: conjunction(filters), sort, skip, limit, rest: pipeline.slice(at) }
}

function conjunction(filters: readonly Uint8Array[]): Uint8Array | undefined {
  if (filters.length < 2) return filters[0]
  const writer = new BsonWriter()
  writer.beginDocument()
  writer.beginArray('$and')
  filters.forEach((filter, i) => {
    writer.document(indexName(i), filter)
  })
  writer.end()
  writer.end()
  return writer.finish()
}
