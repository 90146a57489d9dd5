/**
 * Rows of a plan that is still to be found, or that may turn out to be bad.
 *
 *   SoleRows:    the rows of the one plan that is likely to be good
 *   TrialRows:   a trial between candidates; then the rows that the best one found in it; then its others
 *   CachedRows:  the rows of a plan from the cache; when it takes far more works than it once did, those of a new trial
 *
 * All keep the order: whatever plan goes on, it gives the rows in the order that was asked for, and a row that was given is not given again.
 */
import { assert } from '../base/assert.ts'
import type { RecordId } from '../base/ids.ts'
import { atRow, ended, type Progress, paused, type RowSource, type Work } from './execute-source.ts'
import type { Entry } from './index-key.ts'
import type { PlanNode } from './plan-node.ts'
import {
  type Candidate,
  lacksMemory,
  resultOf,
  Trial,
  type TrialLimits,
  type TrialResult,
  type TrialRow,
} from './plan-trial.ts'

const noBytes = new Uint8Array(0)

/** One source's rows, with what it looks at added to the work of the whole query. */
abstract class WorkingRows {
  readonly work: Work
  bytes: Uint8Array = noBytes
  start = 0
  end = 0
  recordId = 0 as RecordId
  isProjected = false
  /** What the row came from: it knows where it was found. */
  #row: RowSource | TrialRow | undefined
  /** What of the source's work has been added. */
  #keysExamined = 0
  #docsExamined = 0
  #matched = 0

  constructor(work: Work) {
    this.work = work
  }

  protected step(source: RowSource, own: Work, budget: number): Progress {
    const progress = source.advance(budget)
    this.add(own)
    if (progress === atRow) this.restOn(source)
    return progress
  }

  get entry(): Entry | undefined {
    return this.#row?.entry
  }

  protected restOn(source: RowSource): void {
    this.bytes = source.bytes
    this.start = source.start
    this.end = source.end
    this.recordId = source.recordId
    this.isProjected = source.isProjected === true
    this.#row = source
  }

  protected restOnKept(row: TrialRow): void {
    this.bytes = row.bytes
    this.start = 0
    this.end = row.bytes.length
    this.recordId = row.recordId
    this.isProjected = row.isProjected
    this.#row = row
  }

  /** What has come to it since, in a step that threw something, too. */
  protected add({ keysExamined, docsExamined, matched }: Work): void {
    this.work.keysExamined += keysExamined - this.#keysExamined
    this.work.docsExamined += docsExamined - this.#docsExamined
    this.work.matched += matched - this.#matched
    this.#keysExamined = keysExamined
    this.#docsExamined = docsExamined
    this.#matched = matched
  }
}

export class TrialRows extends WorkingRows implements RowSource {
  readonly #trial: Trial
  readonly #onDecided: (results: readonly TrialResult[]) => void
  #winner: Candidate | undefined
  #next = 0

  constructor(
    candidates: readonly Candidate[],
    limits: TrialLimits,
    work: Work,
    onDecided: (results: readonly TrialResult[]) => void,
  ) {
    super(work)
    this.#trial = new Trial(candidates, limits)
    this.#onDecided = onDecided
  }

  advance(budget: number): Progress {
    const winner = this.#winner ?? this.#decide(budget)
    if (winner === undefined) return paused
    const row = winner.rows[this.#next]
    if (row !== undefined) {
      this.#give(winner, row)
      return atRow
    }
    if (winner.progress === ended) return ended
    return this.step(winner.source, winner.work, budget)
  }

  #decide(budget: number): Candidate | undefined {
    if (!this.#trial.advance(budget)) return undefined
    const [best, ...others] = this.#trial.ranking()
    assert(best !== undefined, 'a trial has candidates')
    for (const { candidate } of others) {
      candidate.source.close()
      candidate.rows.length = 0
    }
    this.#winner = best.candidate
    this.add(best.candidate.work)
    this.#onDecided([best.result, ...others.map(({ result }) => result)])
    return best.candidate
  }

  #give(winner: Candidate, row: TrialRow): void {
    this.restOnKept(row)
    if (++this.#next < winner.rows.length) return
    winner.rows.length = 0
    this.#next = 0
  }

  save(): void {
    if (this.#winner === undefined) this.#trial.save()
    else this.#winner.source.save()
  }

  close(): void {
    this.#trial.close()
  }
}

/** Rows of the one candidate that the estimates left; what it took is told when it has found enough. */
export class SoleRows extends WorkingRows implements RowSource {
  readonly #node: PlanNode
  readonly #source: RowSource
  readonly #own: Work
  readonly #rowsMax: number
  #onDecided: ((results: readonly TrialResult[]) => void) | undefined
  #given = 0

  constructor(
    node: PlanNode,
    source: RowSource,
    own: Work,
    rowsMax: number,
    work: Work,
    onDecided: (results: readonly TrialResult[]) => void,
  ) {
    super(work)
    this.#node = node
    this.#source = source
    this.#own = own
    this.#rowsMax = rowsMax
    this.#onDecided = onDecided
  }

  advance(budget: number): Progress {
    const progress = this.step(this.#source, this.#own, budget)
    if (this.#onDecided === undefined) return progress
    if (progress === atRow) this.#given++
    if (progress === ended || this.#given >= this.#rowsMax) {
      const { keysExamined, docsExamined } = this.#own
      const works = Math.max(1, keysExamined + docsExamined)
      this.#onDecided([resultOf(this.#node, works, this.#given, progress === ended, this.#own)])
      this.#onDecided = undefined
    }
    return progress
  }

  save(): void {
    this.#source.save()
  }

  close(): void {
    this.#source.close()
  }
}

export interface Watch {
  /** Works that are too many. */
  readonly works: number
  /** Rows after which the plan has proved itself. */
  readonly rows: number
  /** What to go on with instead. */
  readonly replace: () => RowSource
}

export class CachedRows extends WorkingRows implements RowSource {
  #source: RowSource
  readonly #own: Work
  #watch: Watch | undefined
  /** What was given while the plan was watched. */
  #given: Set<RecordId> | undefined = new Set()

  /** `source` counts in `own`, what replaces it in `work`. */
  constructor(source: RowSource, own: Work, watch: Watch, work: Work) {
    super(work)
    this.#source = source
    this.#own = own
    this.#watch = watch
  }

  advance(budget: number): Progress {
    const watch = this.#watch
    if (watch === undefined) return this.#goOn(budget)
    const own = this.#own
    const works = own.keysExamined + own.docsExamined
    const progress = works >= watch.works ? undefined : this.#stepWatched(Math.min(budget, watch.works - works))
    if (progress === undefined) {
      this.#watch = undefined
      this.#source.close()
      this.#source = watch.replace()
      return this.#goOn(budget)
    }
    if (progress === atRow) {
      const given = this.#given!
      given.add(this.recordId)
      if (given.size >= watch.rows) {
        this.#watch = undefined
        this.#given = undefined
      }
    }
    return progress
  }

  /** undefined: it needs more memory than it may have. */
  #stepWatched(budget: number): Progress | undefined {
    try {
      return this.step(this.#source, this.#own, budget)
    } catch (error) {
      if (!lacksMemory(error)) throw error
      return undefined
    }
  }

  #goOn(budget: number): Progress {
    const given = this.#given
    if (given === undefined) return this.step(this.#source, this.#own, budget)
    for (let left = budget; left > 0; left--) {
      const source = this.#source
      const progress = source.advance(left)
      if (progress !== atRow) return progress
      if (given.has(source.recordId)) continue
      this.restOn(source)
      return atRow
    }
    return paused
  }

  save(): void {
    this.#source.save()
  }

  close(): void {
    this.#source.close()
  }
}
