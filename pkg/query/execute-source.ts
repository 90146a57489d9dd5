/** What the nodes of a plan become when it is carried out. */
import type { RecordId } from '../base/ids.ts'
import type { Entry } from './index-key.ts'
import type { Outsiders } from './sort/outsiders.ts'

/** How far a call to `advance` got. */
export const ended = 0
/** The source rests on a row. */
export const atRow = 1
/** The budget is used up; call again. */
export const paused = 2
export type Progress = typeof ended | typeof atRow | typeof paused

/** What a query has looked at, for explain and the profiler. */
export interface Work {
  keysExamined: number
  docsExamined: number
  /** Rows found before sort, skip and limit. */
  matched: number
  /** Descents into an index. */
  seeks: number
  /** Entries that were looked up among those of documents met before, and those that were. */
  dupsTested: number
  dupsDropped: number
  /** Of each input where a plan has several; the whole has their sums. */
  readonly inputs: Work[]
}

export function noWork(): Work {
  return { keysExamined: 0, docsExamined: 0, matched: 0, seeks: 0, dupsTested: 0, dupsDropped: 0, inputs: [] }
}

/** Makes the counts of the whole those of its inputs together. */
export function sumUp(work: Work): void {
  work.keysExamined = 0
  work.docsExamined = 0
  work.matched = 0
  work.seeks = 0
  for (const input of work.inputs) {
    work.keysExamined += input.keysExamined
    work.docsExamined += input.docsExamined
    work.matched += input.matched
    work.seeks += input.seeks
  }
}

export interface RowSource {
  /** The current row's document; valid until the next call on the engine or a yield. */
  bytes: Uint8Array
  start: number
  end: number
  readonly recordId: RecordId
  /** Where in an index the row was found, if in one; valid as long as the row. */
  readonly entry?: Entry | undefined
  /** The row is what the request's projection shows, not a document. */
  readonly isProjected?: boolean
  /** To the next row, looking at no more than about `budget` keys and documents. */
  advance(budget: number): Progress
  /** From now on it may pass over rows that `outsiders` includes. */
  leaveOut?(outsiders: Outsiders): void
  /** Before a yield or a write; `advance` goes on after it. */
  save(): void
  close(): void
}
