/** What the nodes of a plan become when it is carried out. */
import type { RecordId } from '../base/ids.ts'
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
}

export interface RowSource {
  /** The current row's document; valid until the next call on the engine or a yield. */
  bytes: Uint8Array
  start: number
  end: number
  readonly recordId: RecordId
  /** To the next row, looking at no more than about `budget` keys and documents. */
  advance(budget: number): Progress
  /** From now on it may pass over rows that `outsiders` includes. */
  leaveOut?(outsiders: Outsiders): void
  /** Before a yield or a write; `advance` goes on after it. */
  save(): void
  close(): void
}
