/** Reading a view by other commands than aggregate: their filter, order and window as stages of a pipeline. */
import { parsePipeline } from '../aggregate/parse.ts'
import type { Rows } from '../aggregate/rows.ts'
import { buildArray, rawDocument } from '../bson/build.ts'
import type { Value } from '../bson/value.ts'
import type { Collection } from '../engine/collection.ts'
import type { Operation } from './operation.ts'
import type { Pace } from './pace.ts'
import { openRows } from './pipeline-rows.ts'
import type { ReadView } from './read-view.ts'
import { isSessionCollection } from './session-collections.ts'
import { bucketedCollection } from './timeseries-buckets.ts'
import { expressionOptions } from './variables.ts'
import { isView } from './view.ts'
import { isViewsCollection } from './view-definitions.ts'

export interface ViewQuery {
  readonly collection: string
  readonly filter: Uint8Array
  readonly hint?: Value | undefined
  readonly sort?: Uint8Array | undefined
  readonly skip?: number
  /** 0: no limit. */
  readonly limit?: number
  readonly projection?: Uint8Array | undefined
}

const emptyLength = 5

/** Whether the name is that of documents which a pipeline makes: a view, views' definitions, sessions, the buckets of a time-series collection. */
export function readsByPipeline(operation: Operation, name: string, collection: Collection | undefined): boolean {
  if (collection !== undefined) return isView(collection)
  const { databaseName, workspace, instance } = operation
  if (isSessionCollection(databaseName, name) || isViewsCollection(instance.engine, databaseName, name)) return true
  return bucketedCollection(workspace, databaseName, name) !== undefined
}

/** The documents of the view that match. */
export function openView(operation: Operation, query: ViewQuery, pace: Pace, view: ReadView): Rows {
  const { collection, filter, sort, skip = 0, limit = 0, projection } = query
  const stages: Record<string, unknown>[] = []
  if (filter.length > emptyLength) stages.push({ $match: rawDocument(filter) })
  if (sort !== undefined && sort.length > emptyLength) stages.push({ $sort: rawDocument(sort) })
  if (skip > 0) stages.push({ $skip: BigInt(skip) })
  if (limit > 0) stages.push({ $limit: BigInt(limit) })
  if (projection !== undefined && projection.length > emptyLength) stages.push({ $project: rawDocument(projection) })
  const pipeline = parsePipeline(buildArray(stages), 0, {
    ...expressionOptions(operation),
    database: operation.databaseName,
    collection,
  })
  return openRows(operation, { collection, hint: query.hint }, pipeline, pace, view)
}

/** Goes through rows in slices; `take` is told of each; `rest`: whether what it began with one is done, asked again after each pause until it is. */
export async function drain(
  operation: Operation,
  rows: Rows,
  view: ReadView,
  take: (rows: Rows) => void,
  rest?: () => boolean,
): Promise<void> {
  const pause = async (): Promise<void> => {
    view.keep()
    rows.save()
    await operation.pause()
  }
  try {
    for (;;) {
      while (rows.next()) {
        take(rows)
        while (rest?.() === false) await pause()
      }
      if (rows.paused !== true) return
      await pause()
    }
  } finally {
    rows.close()
    view.release()
  }
}
