/**
 * Stages: what a pipeline is made of, as pull operators over document bytes.
 *
 * PROTOCOL
 *   A stage is asked for its next document by `step()`, which answers
 *     end    0   there is none, and never will be
 *     row    1   the document lies in `bytes` from `start` to `end` until the next step
 *     pause  2   nothing yet: the turn is used up; whoever drives the pipeline lets others run and steps again
 *   No step works longer than a few milliseconds: a stage that takes many inputs for one output passes on the pause of its
 *   input, and asks `PipelineRun.turnIsOver` where it loops without asking its input.
 *   `close()` may come at any time, once, and closes the input too.
 *
 * A stage is one file: a definition in the table (`stages/table.ts`) that parses its operand to a readonly `StagePlan`, which
 * opens any number of stages.
 */

import type { Value } from '../bson/value.ts'
import type { Scope } from '../expression/scope.ts'

export const step = { end: 0, row: 1, pause: 2 } as const
export type Step = (typeof step)[keyof typeof step]

export interface Stage {
  readonly bytes: Uint8Array
  readonly start: number
  /** Exclusive. */
  readonly end: number
  step(): Step
  close(): void
}

export interface StagePlan {
  /** With the `$`, as written. */
  readonly name: string
  /** What the query planner can take over when the stage stands at the head of a pipeline. */
  readonly pushdown?: Pushdown
  open(input: Stage, run: PipelineRun): Stage
  /** The same stage when only its first `count` documents will be read. */
  limited?(count: number): StagePlan
}

export type Pushdown =
  | { readonly kind: 'filter'; readonly document: Uint8Array }
  | { readonly kind: 'sort'; readonly document: Uint8Array }
  | { readonly kind: 'skip'; readonly count: number }
  | { readonly kind: 'limit'; readonly count: number }

export interface StageDefinition {
  readonly name: string
  /** `operand`: what stands after the stage's name. Throws `DatabaseError` with MongoDB's codes. */
  parse(operand: Value, scope: Scope): StagePlan
}

/** Memory of one blocking stage before it is refused, in bytes. */
export const stageMemoryDefaultBytes = 100 * 1024 * 1024

/** After how many units of work the clock (or whatever ends a turn) is asked. */
const turnCheckInterval = 64

export interface PipelineOptions {
  /** `$$NOW`: milliseconds since the epoch. */
  readonly nowMs: number
  readonly memoryLimitBytes?: number
  /** True when others should run; asked about every 64 documents. */
  readonly pause?: (() => boolean) | undefined
}

/** One execution of a pipeline: what its stages share. */
export class PipelineRun {
  readonly nowMs: number
  readonly memoryLimitBytes: number
  readonly #pause: (() => boolean) | undefined
  #untilCheck = turnCheckInterval

  constructor(options: PipelineOptions) {
    this.nowMs = options.nowMs
    this.memoryLimitBytes = options.memoryLimitBytes ?? stageMemoryDefaultBytes
    this.#pause = options.pause
  }

  /** Counts a unit of work; true when the stage must answer `pause`. */
  turnIsOver(): boolean {
    if (--this.#untilCheck > 0) return false
    this.#untilCheck = turnCheckInterval
    return this.#pause?.() ?? false
  }
}
