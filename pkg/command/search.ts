/** From a command's filter, sort and hint to rows of a collection. */

import type { Rows as RowSource } from '../aggregate/rows.ts'
import { Detour } from '../base/detour.ts'
import type { RecordId } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { buildDocument } from '../bson/build.ts'
import { bsonType } from '../bson/type.ts'
import { getField, isNumber, numberOf, type Value } from '../bson/value.ts'
import type { Collation } from '../collation/collation.ts'
import type { Collection } from '../engine/collection.ts'
import type { File } from '../io/disk.ts'
import {
  atRow,
  type FindRequest,
  find,
  type PlanTrial,
  type Progress,
  paused,
  planEnds,
  planTrial,
  planValues,
  type Rows,
} from '../query/execute.ts'
import { compileFilter, type Predicate } from '../query/filter/compile.ts'
import { type ParsedFilter, withLongTests } from '../query/filter/long-test.ts'
import { checkNear, refuseNearAnywhere } from '../query/filter/near.ts'
import type { ExpressionOptions } from '../query/filter/operator.ts'
import { parseFilter } from '../query/filter/parse.ts'
import type { Filter } from '../query/filter/tree.ts'
import type { QueryOrigin } from '../query/plan-cache.ts'
import type { GroupEnds } from '../query/plan-groups.ts'
import type { PlanNode } from '../query/plan-node.ts'
import type { KeyRangeRequest } from '../query/plan-range.ts'
import type { QueryIndex } from '../query/plan-source.ts'
import type { Projection } from '../query/projection/tree.ts'
import { rowMetadata } from '../query/row-metadata.ts'
import { parseSort, type Sort } from '../query/sort/parse.ts'
import { traitsOf } from './collection-traits.ts'
import { allowedBy } from './index-filters.ts'
import type { Instance } from './instance.ts'
import type { Pace } from './pace.ts'

/** So many bytes of a row (2 to the power of it) take about as long to be looked at as a row does to be found. */
const longRowShift = 12

export interface SearchWindow {
  readonly skip?: number | undefined
  readonly limit?: number | undefined
  /** Makes the files that a sort beyond its memory goes to; undefined: it is refused. */
  readonly temporaryFile?: (() => File) | undefined
  /** What is shown of the rows: they may come as it shows them. */
  readonly projection?: Projection | undefined
  /** find's min and max. */
  readonly keyRange?: KeyRangeRequest | undefined
  /** The rows are counted and not looked at. */
  readonly keysOnly?: boolean | undefined
  /** These rows are enough. */
  readonly groups?: SoughtGroups | undefined
}

export interface SoughtGroups {
  readonly ends: GroupEnds
  /** By which values are one. */
  readonly collation: Collation | undefined
}

/** What to look for, parsed. */
export class Search {
  readonly filter: Filter
  readonly sort: Sort | undefined
  readonly hint: Value | undefined
  /** The filter and, if that makes a difference to what the query is called, the projection as they were given. */
  readonly document: Uint8Array
  readonly projection: Uint8Array | undefined
  readonly #asked: ParsedFilter
  #predicate: Predicate | undefined

  /** Throws what is wrong with filter or sort. */
  constructor(
    filter: Uint8Array,
    sort: Uint8Array | undefined,
    hint: Value | undefined,
    options?: ExpressionOptions,
    projection?: Uint8Array,
  ) {
    this.document = filter
    this.projection = projection
    this.filter = parseFilter(filter, 0, options)
    checkNear(this.filter)
    this.#asked = { document: filter, options, filter: this.filter }
    this.sort = sort === undefined || sort.length === 5 ? undefined : parseSort(sort, 0, options?.scope?.collation)
    this.hint = hint
  }

  /** Whether the document at `start` matches the filter. */
  matches(bytes: Uint8Array, start: number): boolean {
    this.#predicate ??= withLongTests(compileFilter(this.filter), this.#asked)
    return this.#predicate(bytes, start)
  }

  request(window: SearchWindow): FindRequest {
    return { ...window, filter: this.filter, asked: this.#asked, sort: this.sort, hint: this.hint }
  }

  /** The request as `collection` understands it: the natural order of a clustered one is that of `_id`, of a time series that of time. */
  requestFor(collection: Collection, window: SearchWindow): FindRequest {
    const request = this.request(window)
    const { sort } = this
    const { clustered, timeseries } = traitsOf(collection)
    if (timeseries !== undefined) refuseNearAnywhere(this.filter)
    if ((!clustered && timeseries === undefined) || (sort !== undefined && sort.natural === undefined)) return request
    const direction = this.hint === undefined ? (sort?.natural ?? 1) : naturalDirection(this.hint)
    if (direction === undefined) return request
    const natural =
      timeseries !== undefined
        ? parseSort(buildDocument({ [timeseries.timeField]: direction }))
        : direction === -1
          ? idDescending
          : idAscending
    return { ...request, sort: natural, hint: undefined }
  }

  /** The request with what the instance knows of queries like this. */
  requestOn(instance: Instance, collection: Collection, window: SearchWindow): FindRequest {
    const request = this.requestFor(collection, window)
    return { ...request, origin: this.#origin(instance), allows: this.allows(instance, collection) }
  }

  /** What settings or an index filter leave of the indexes; undefined: there are none for queries of this shape. */
  allows(instance: Instance, collection: Collection): ((index: QueryIndex) => boolean) | undefined {
    const { indexFilters, querySettings } = instance
    if (indexFilters.isEmpty && querySettings.isEmpty) return undefined
    const shape = {
      query: this.document,
      sort: this.sort?.document ?? emptyDocument,
      projection: this.projection ?? emptyDocument,
      collation: undefined,
    }
    // Settings of the query come before filters of the plan cache.
    const { namespace } = collection
    const filter = querySettings.hint(namespace, shape) ?? indexFilters.find(namespace, shape)
    return filter && allowedBy(filter)
  }

  #origin(instance: Instance): QueryOrigin {
    return {
      query: this.document,
      sort: this.sort?.document,
      projection: this.projection,
      nowMs: () => instance.world.clock.nowMs(),
    }
  }

  /** The way to the distinct values of `path` by seeks from one to the next, if there is one. */
  planValues(instance: Instance, collection: Collection, at: Timestamp, path: string): PlanNode | undefined {
    return planValues(collection, at, this.requestOn(instance, collection, {}), path)
  }

  /** The way to the window's groups by seeks from one to the next, if there is one. */
  planGroups(instance: Instance, collection: Collection, at: Timestamp, window: SearchWindow): PlanNode | undefined {
    const { groups } = window
    if (groups === undefined) return undefined
    return planEnds(collection, at, this.requestOn(instance, collection, window), groups.ends, groups.collation)
  }

  /** All plans that are thought of, and the trial between them. */
  trial(instance: Instance, collection: Collection, at: Timestamp, window: SearchWindow): PlanTrial {
    return planTrial(collection, at, this.requestOn(instance, collection, window))
  }

  /** Throws BadValue for a hint that names no index. `node`: the plan, when it has been chosen. */
  open(pace: Pace, collection: Collection, at: Timestamp, window: SearchWindow, node?: PlanNode): QueryRows {
    const { instance } = pace.operation
    const plan = node ?? this.planGroups(instance, collection, at, window)
    const rows = find(collection, at, this.requestOn(instance, collection, window), plan)
    instance.statistics.note(collection)
    return new QueryRows(rows, pace, this.sort)
  }
}

const emptyDocument = new Uint8Array([5, 0, 0, 0, 0])
const idAscending = parseSort(buildDocument({ _id: 1 }))
const idDescending = parseSort(buildDocument({ _id: -1 }))

/** The direction of a hint that is `{$natural: ±1}`. */
function naturalDirection(hint: Value): 1 | -1 | undefined {
  if (hint.type !== bsonType.document) return undefined
  const natural = getField(hint.bytes, '$natural', hint.start)
  if (natural === undefined || !isNumber(natural.type)) return undefined
  return numberOf(natural) < 0 ? -1 : 1
}

/** A query's rows that pause when the operation is due to let others run. */
export class QueryRows implements RowSource {
  readonly rows: Rows
  readonly #pace: Pace
  readonly #sort: Sort | undefined
  #metadata: ((name: string) => Value | undefined) | undefined
  paused = false
  #isClosed = false

  /** `sort`: what the rows are sorted by. */
  constructor(rows: Rows, pace: Pace, sort: Sort | undefined) {
    this.rows = rows
    this.#pace = pace
    this.#sort = sort
  }

  /** What `$meta` tells of the current row; undefined: nothing of that name. */
  metadata(name: string): Value | undefined {
    this.#metadata ??= rowMetadata(this.rows, this.#sort)
    return this.#metadata(name)
  }

  get bytes(): Uint8Array {
    return this.rows.bytes
  }

  get start(): number {
    return this.rows.start
  }

  get end(): number {
    return this.rows.end
  }

  get recordId(): RecordId {
    return this.rows.recordId
  }

  next(): boolean {
    // Whoever takes the rows reads or copies them whole: long ones count for several.
    const { operation } = this.#pace
    if (operation.passed(1 + ((this.rows.end - this.rows.start) >>> longRowShift))) {
      this.paused = true
      return false
    }
    for (;;) {
      const budget = operation.stride
      const progress = this.#advance(budget)
      if (progress === paused && !operation.passed(budget)) continue
      this.paused = progress === paused
      return progress === atRow
    }
  }

  /** A row that needs something computed elsewhere to be found is looked at again after the pause. */
  #advance(budget: number): Progress {
    try {
      return this.rows.advance(budget)
    } catch (error) {
      if (!(error instanceof Detour)) throw error
      this.#pace.waitFor(error)
      return paused
    }
  }

  save(): void {
    this.rows.save()
  }

  close(): void {
    this.rows.close()
    if (this.#isClosed) return
    this.#isClosed = true
    this.#pace.operation.figures?.examined(this.rows.work)
  }
}
