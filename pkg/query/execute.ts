/** Carrying out a plan: rows to pull one at a time, in slices, so that long work can let others in between. */
import { DatabaseError } from '../base/errors.ts'
import type { RecordId } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import type { Value } from '../bson/value.ts'
import type { Collation } from '../collation/collation.ts'
import type { File } from '../io/disk.ts'
import { openDecision, trialOf } from './execute-choice.ts'
import { CoveredRows, DistinctRows } from './execute-covered.ts'
import { IndexRows, OrRows } from './execute-fetch.ts'
import { GroupRows } from './execute-groups.ts'
import { MergedRows } from './execute-merge.ts'
import { CollectionRows, IdRows } from './execute-scan.ts'
import { SortedRows } from './execute-sort.ts'
import { atRow, ended, noWork, type Progress, paused, type RowSource, type Work } from './execute-source.ts'
import type { ParsedFilter } from './filter/long-test.ts'
import { type Filter, isMatchAll } from './filter/tree.ts'
import type { Entry } from './index-key.ts'
import type { QueryOrigin } from './plan-cache.ts'
import { cacheKeyOf, decidePlan, type PlanDecision } from './plan-choose.ts'
import { planDistinct } from './plan-distinct.ts'
import { type GroupEnds, planGroups } from './plan-groups.ts'
import type { PlanNode, PlanRequest } from './plan-node.ts'
import type { KeyRangeRequest } from './plan-range.ts'
import type { QueryIndex, QuerySource } from './plan-source.ts'
import type { Trial } from './plan-trial.ts'
import type { Projection } from './projection/tree.ts'
import type { Sort } from './sort/parse.ts'
import { sortMemoryDefaultBytes } from './sort/sorter.ts'

export { atRow, ended, type Progress, paused } from './execute-source.ts'

export interface FindRequest {
  readonly filter: Filter
  /** The filter as it was given; undefined: nobody begins again after a `Detour`, and documents that take long are tested and sorted all the same. */
  readonly asked?: ParsedFilter | undefined
  readonly sort?: Sort | undefined
  /** Rows left out at the beginning. */
  readonly skip?: number | undefined
  /** Rows at most; 0 or undefined: all. */
  readonly limit?: number | undefined
  /** An index's name, its key pattern, or `{$natural: ±1}`. */
  readonly hint?: Value | undefined
  /** The rows are counted and not looked at. */
  readonly keysOnly?: boolean | undefined
  /** What is shown of the rows: they may come as it shows them (`Rows.isProjected`), without a look at the documents. */
  readonly projection?: Projection | undefined
  /** find's min and max. */
  readonly keyRange?: KeyRangeRequest | undefined
  readonly sortMemoryBytes?: number | undefined
  /** Makes the files that a sort beyond its memory goes to; undefined: it is refused. */
  readonly temporaryFile?: (() => File) | undefined
  /** The indexes that may be used, when not all may. */
  readonly allows?: ((index: QueryIndex) => boolean) | undefined
  /** The query as it was given, for the plan cache. */
  readonly origin?: QueryOrigin | undefined
}

/** The plan that `find` would take first without the plan cache. Throws BadValue (2) for a hint that names no index. */
export function planFind(source: QuerySource, at: Timestamp, request: FindRequest): PlanNode {
  return firstOf(decide(source, at, request, false))
}

/** The way to the distinct values of a path in the rows of a request by seeks from one to the next, if there is one. */
export function planValues(
  source: QuerySource,
  at: Timestamp,
  request: FindRequest,
  path: string,
): PlanNode | undefined {
  return planDistinct(source, planRequest(at, request), path)
}

/** The way to the ends of groups of a request's rows by seeks, if there is one. */
export function planEnds(
  source: QuerySource,
  at: Timestamp,
  request: FindRequest,
  ends: GroupEnds,
  collation: Collation | undefined,
): PlanNode | undefined {
  return planGroups(source, planRequest(at, request), ends, collation)
}

function firstOf(decision: PlanDecision): PlanNode {
  return decision.kind === 'several' ? decision.near[0]! : decision.node
}

function decide(source: QuerySource, at: Timestamp, request: FindRequest, cached: boolean): PlanDecision {
  return decidePlan(source, planRequest(at, request), request.origin?.projection, cached)
}

/** All ways that are thought of for a request, for explain. */
export interface PlanTrial {
  /** Decides between several; undefined: there is only one. */
  readonly trial: Trial | undefined
  /** The plans of the trial, or the only one. */
  readonly near: readonly PlanNode[]
  /** Those that cost too much to be tried. */
  readonly far: readonly PlanNode[]
  /** What the plan cache calls the query. */
  readonly shape: string
  readonly key: string
}

export function planTrial(source: QuerySource, at: Timestamp, request: FindRequest): PlanTrial {
  const decision = decide(source, at, request, false)
  const { shape, key } = cacheKeyOf(source, planRequest(at, request), request.origin?.projection)
  if (decision.kind !== 'several') return { trial: undefined, near: [decision.node], far: [], shape, key }
  const { near, far } = decision
  const trial = trialOf(near, (node, work) => open(source, at, node, request, work), rowLimitOf(request))
  return { trial, near, far, shape, key }
}

function planRequest(at: Timestamp, request: FindRequest): PlanRequest {
  const { filter, sort, hint, keysOnly, projection, keyRange, allows } = request
  return { filter, sort, rowLimit: rowLimitOf(request), hint, keysOnly, projection, keyRange, at, allows }
}

function rowLimitOf({ skip, limit }: FindRequest): number | undefined {
  return limit === undefined || limit === 0 ? undefined : limit + (skip ?? 0)
}

/**
 * Rows of `source` as of `at`, which the caller holds a snapshot of. Nothing is read before the first row is asked for. `node`: the
 * plan, when it has been chosen.
 */
export function find(source: QuerySource, at: Timestamp, request: FindRequest, node?: PlanNode): Rows {
  const work = noWork()
  if (node !== undefined) return new Rows(source, open(source, at, node, request, work), node, request, work)
  const decision = decide(source, at, request, true)
  if (decision.kind === 'sole') return find(source, at, request, decision.node)
  const choosing = {
    source,
    open: (plan: PlanNode, own: Work) => open(source, at, plan, request, own),
    rowLimit: rowLimitOf(request),
    origin: request.origin,
    decide: () => decide(source, at, request, false),
  }
  return new Rows(source, openDecision(choosing, decision, work), firstOf(decision), request, work)
}

function open(source: QuerySource, at: Timestamp, node: PlanNode, request: FindRequest, work: Work): RowSource {
  switch (node.kind) {
    case 'collectionScan':
      return new CollectionRows(source, at, node, request.asked, work)
    case 'idLookup':
      return new IdRows(source, at, node, request.asked, work)
    case 'fetch':
      return node.projection === undefined
        ? new IndexRows(source, at, node, request.asked, work, rowLimitOf(request))
        : new CoveredRows(source, at, node, node.projection, request.asked, work)
    case 'merge':
      return new MergedRows(source, at, node, request.asked, work)
    case 'distinctScan':
      return new DistinctRows(source, at, node, work)
    case 'groupScan':
      return new GroupRows(source, at, node, work)
    case 'or':
      return new OrRows(source, at, node, request.asked, work)
    case 'sort': {
      const input = open(source, at, node.input, request, work)
      const options = {
        limit: node.limit,
        memoryLimitBytes: request.sortMemoryBytes ?? sortMemoryDefaultBytes,
        temporaryFile: request.temporaryFile,
      }
      return new SortedRows(source, at, input, node.sort, options, work, request.asked !== undefined)
    }
  }
}

const noBytes = new Uint8Array(0)

/** A small whole number, since counting down from Infinity makes an object a row. */
const unlimited = -1

export class Rows {
  /** The plan, or the likeliest of several. */
  readonly plan: PlanNode
  readonly work: Readonly<Work>
  readonly #source: QuerySource
  readonly #input: RowSource
  #skip: number
  /** Rows still to be given; `unlimited`: all there are. */
  #left: number
  /** The current row's document: valid until the next call on the engine or a yield. */
  bytes: Uint8Array = noBytes
  start = 0
  end = 0

  constructor(source: QuerySource, input: RowSource, node: PlanNode, request: FindRequest, work: Work) {
    this.#source = source
    this.plan = node
    this.work = work
    this.#input = input
    this.#skip = request.skip ?? 0
    this.#left = request.limit === undefined || request.limit === 0 ? unlimited : request.limit
  }

  get recordId(): RecordId {
    return this.#input.recordId
  }

  /** The current row is what the request's projection shows, not a document. */
  get isProjected(): boolean {
    return this.#input.isProjected === true
  }

  /** The index key that the current row was found by; undefined when it was by none. */
  get entry(): Entry | undefined {
    return this.#input.entry
  }

  get keysExamined(): number {
    return this.work.keysExamined
  }

  get docsExamined(): number {
    return this.work.docsExamined
  }

  /** To the next row, however long that takes; false at the end. */
  next(): boolean {
    for (;;) {
      const progress = this.advance(Infinity)
      if (progress !== paused) return progress === atRow
    }
  }

  /**
   * To the next row (`atRow`), to the end (`ended`), or as far as `budget` goes (`paused`: call again, after a `save` if
   * others ran meanwhile). `budget` counts keys and documents looked at: some microseconds each at most. Throws
   * QueryPlanKilled (175) when the collection was dropped meanwhile.
   */
  advance(budget: number): Progress {
    if (this.#left === 0) {
      this.close()
      return ended
    }
    if (this.#source.dropped) {
      throw new DatabaseError('QueryPlanKilled', `collection dropped: ${this.#source.namespace}`)
    }
    const input = this.#input
    for (let left = budget; left > 0; left--) {
      const before = this.work.docsExamined + this.work.keysExamined
      const progress = input.advance(left)
      if (progress === paused) return paused
      if (progress === ended) {
        this.#left = 0
        this.close()
        return ended
      }
      if (this.#skip > 0) {
        this.#skip--
        left -= this.work.docsExamined + this.work.keysExamined - before
        continue
      }
      if (this.#left > 0) this.#left--
      this.bytes = input.bytes
      this.start = input.start
      this.end = input.end
      return atRow
    }
    return paused
  }

  /** Before a yield or a write; the current row's bytes are void afterwards, the next move goes on after it. */
  save(): void {
    this.#input.save()
  }

  close(): void {
    this.#input.close()
  }
}

export interface CountRequest {
  readonly filter: Filter
  /** The documents are counted one by one, even where the collection says how many it has. */
  readonly looks?: boolean | undefined
  readonly skip?: number | undefined
  readonly limit?: number | undefined
  readonly hint?: Value | undefined
}

/** Counts in slices, without looking at more of a document than the filter needs, or at none when all are counted. */
export class Count {
  readonly #rows: Rows | undefined
  /** So far; final once `advance` returned true. */
  count = 0

  constructor(source: QuerySource, at: Timestamp, request: CountRequest) {
    const { filter, skip = 0, limit = 0 } = request
    if (isMatchAll(filter) && request.hint === undefined && request.looks !== true) {
      const counted = Math.max(0, source.documentCount - skip)
      this.count = limit === 0 ? counted : Math.min(counted, limit)
    } else this.#rows = find(source, at, { ...request, keysOnly: true })
  }

  get rows(): Rows | undefined {
    return this.#rows
  }

  /** Whether the count is complete; looks at no more than about `budget` keys and documents. */
  advance(budget: number): boolean {
    const rows = this.#rows
    if (rows === undefined) return true
    const stop = rows.docsExamined + rows.keysExamined + budget
    for (;;) {
      const left = stop - rows.docsExamined - rows.keysExamined
      if (left <= 0) return false
      const progress = rows.advance(left)
      if (progress === ended) return true
      if (progress === paused) return false
      this.count++
    }
  }
}
