/** Runs a pipeline over rows, and gives rows again: the same protocol as a query's. */
import type { Pipeline } from './parse.ts'
import { type PipelineOptions, PipelineRun, type Stage, type Step, step } from './stage.ts'

/**
 * A pull iterator over documents. `next()` false with `paused` true: not the end, call `save()`, let others run and call
 * `next()` again.
 */
export interface Rows {
  readonly bytes: Uint8Array
  readonly start: number
  /** Exclusive. */
  readonly end: number
  readonly paused?: boolean
  next(): boolean
  /** Before a yield or a write: lets go of what must not be held meanwhile. */
  save(): void
  close(): void
}

/** The rows of `pipeline` over `input`, which is closed with them. The source should obey the same `pause` itself. */
export function runPipeline(pipeline: Pipeline, input: Rows, options: PipelineOptions): Rows {
  const run = new PipelineRun(options)
  let stage: Stage = new Source(input)
  for (const plan of pipeline) stage = plan.open(stage, run)
  return new PipelineRows(stage, input)
}

class Source implements Stage {
  readonly #rows: Rows
  bytes: Uint8Array
  start = 0
  end = 0

  constructor(rows: Rows) {
    this.#rows = rows
    this.bytes = rows.bytes
  }

  step(): Step {
    const rows = this.#rows
    if (!rows.next()) return rows.paused === true ? step.pause : step.end
    this.bytes = rows.bytes
    this.start = rows.start
    this.end = rows.end
    return step.row
  }

  close(): void {
    this.#rows.close()
  }
}

class PipelineRows implements Rows {
  readonly #stage: Stage
  readonly #input: Rows
  paused = false
  bytes: Uint8Array
  start = 0
  end = 0

  constructor(stage: Stage, input: Rows) {
    this.#stage = stage
    this.#input = input
    this.bytes = stage.bytes
  }

  next(): boolean {
    const stage = this.#stage
    const answer = stage.step()
    this.paused = answer === step.pause
    if (answer !== step.row) return false
    this.bytes = stage.bytes
    this.start = stage.start
    this.end = stage.end
    return true
  }

  save(): void {
    this.#input.save()
  }

  close(): void {
    this.#stage.close()
  }
}
