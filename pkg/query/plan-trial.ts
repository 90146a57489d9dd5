/**
 * Candidates tried side by side on the query itself: each takes a few works in turn, keeping the rows it finds, until one has
 * enough rows, comes to its end, or all have had their works. What the best one found is not lost: see `execute-trial.ts`.
 *
 * The score is MongoDB's: 1, rows for each work, 1 more for a plan that came to its end, and next to nothing for a plan without fetch or
 * sort.
 */
import { DatabaseError } from '../base/errors.ts'
import type { RecordId } from '../base/ids.ts'
import { atRow, ended, type Progress, paused, type RowSource, type Work } from './execute-source.ts'
import type { Entry } from './index-key.ts'
import type { PlanNode } from './plan-node.ts'

export interface TrialResult {
  readonly node: PlanNode
  readonly works: number
  /** Rows that were found. */
  readonly advanced: number
  readonly isEnd: boolean
  readonly score: number
  readonly work: Readonly<Work>
}

export interface TrialRow {
  readonly bytes: Uint8Array
  readonly recordId: RecordId
  readonly isProjected: boolean
  readonly entry: Entry | undefined
}

export interface TrialLimits {
  /** Rows that are enough. */
  readonly rows: number
  /** Works for each candidate. */
  readonly works: number
}

/** Works for one candidate before the next has its turn. */
const turnWorks = 8
/** Rows of one candidate that are kept. */
const keptBytesMax = 1024 * 1024

/** Whether a plan failed because it may not use as much memory as it needs: another may do without. */
export function lacksMemory(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && error.codeName === 'QueryExceededMemoryLimitNoDiskUseAllowed'
}

export class Candidate {
  readonly node: PlanNode
  readonly source: RowSource
  readonly work: Work
  readonly rows: TrialRow[] = []
  works = 0
  progress: Progress = paused
  keptBytes = 0
  /** It has needed more memory than it may have. */
  failure: DatabaseError | undefined
  /** Keys and documents that `works` has counted. */
  #examined = 0

  constructor(node: PlanNode, source: RowSource, work: Work) {
    this.node = node
    this.source = source
    this.work = work
  }

  /** Takes about `budget` works; false when it needs no more. Without memory it fails, and takes its turns in vain. */
  run(budget: number, rowsMax: number): boolean {
    if (this.failure === undefined) {
      try {
        return this.#run(budget, rowsMax)
      } catch (error) {
        if (!lacksMemory(error)) throw error
        this.failure = error
        this.source.close()
      }
    }
    this.works += budget
    return true
  }

  #run(budget: number, rowsMax: number): boolean {
    const { source, work } = this
    for (let left = budget; left > 0; ) {
      const progress = source.advance(left)
      // Since it was last counted: a step that throws a `Detour` has examined something, too.
      const examined = work.keysExamined + work.docsExamined
      const took = Math.max(1, examined - this.#examined)
      this.#examined = examined
      this.progress = progress
      this.works += took
      left -= took
      if (progress === ended) return false
      if (progress !== atRow) continue
      this.rows.push(rowOf(source))
      this.keptBytes += source.end - source.start
      if (this.rows.length >= rowsMax || this.keptBytes > keptBytesMax) return false
    }
    return true
  }

  result(): TrialResult {
    return resultOf(this.node, this.works, this.rows.length, this.progress === ended, this.work)
  }
}

/** A copy of the row that the source rests on. */
function rowOf({ bytes, start, end, recordId, isProjected, entry }: RowSource): TrialRow {
  return {
    bytes: bytes.slice(start, end),
    recordId,
    isProjected: isProjected === true,
    entry: entry && { index: entry.index, key: entry.key?.slice() },
  }
}

export function resultOf(
  node: PlanNode,
  works: number,
  advanced: number,
  isEnd: boolean,
  work: Readonly<Work>,
): TrialResult {
  const tie = Math.min(1 / (10 * Math.max(1, works)), 1e-4)
  const ties = tie * ((sorts(node) ? 0 : 1) + (fetches(node) ? 0 : 1))
  const score = 1 + advanced / Math.max(1, works) + (isEnd ? 1 : 0) + ties
  return { node, works, advanced, isEnd, score, work: { ...work } }
}

function sorts(node: PlanNode): boolean {
  return node.kind === 'sort'
}

function fetches(node: PlanNode): boolean {
  if (node.kind === 'sort') return fetches(node.input)
  if (node.kind === 'merge') return node.inputs.some(fetches)
  return node.kind !== 'fetch' || !(node.keysOnly || node.projection !== undefined)
}

export class Trial {
  readonly #candidates: readonly Candidate[]
  readonly #limits: TrialLimits
  /** Whose turn it is, and whether one of them needs no more. */
  #turn = 0
  #isOver = false
  #works = 0

  /** `candidates`: the likeliest first. */
  constructor(candidates: readonly Candidate[], limits: TrialLimits) {
    this.#candidates = candidates
    this.#limits = limits
  }

  /** Whether it is decided; takes about `budget` works of all candidates together. */
  advance(budget: number): boolean {
    const candidates = this.#candidates
    for (let left = budget; left > 0; ) {
      const candidate = candidates[this.#turn]!
      const before = candidate.works
      if (!candidate.run(Math.min(turnWorks, left), this.#limits.rows)) this.#isOver = true
      left -= candidate.works - before
      if (++this.#turn < candidates.length) continue
      this.#turn = 0
      this.#works += turnWorks
      const isHopeless = candidates.every(({ failure }) => failure !== undefined)
      if (this.#isOver || isHopeless || this.#works >= this.#limits.works) return true
    }
    return false
  }

  /** Best first; of equals the likelier. Throws QueryExceededMemoryLimitNoDiskUseAllowed when all have failed. */
  ranking(): readonly { readonly candidate: Candidate; readonly result: TrialResult }[] {
    const done = this.#candidates.filter(({ failure }) => failure === undefined)
    if (done.length === 0) throw this.#candidates[0]!.failure!
    return done
      .map((candidate) => ({ candidate, result: candidate.result() }))
      .sort((a, b) => b.result.score - a.result.score)
  }

  save(): void {
    for (const { source, failure } of this.#candidates) if (failure === undefined) source.save()
  }

  close(): void {
    for (const { source } of this.#candidates) source.close()
  }
}
