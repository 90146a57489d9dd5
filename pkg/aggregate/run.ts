/** Runs a pipeline over rows, and gives rows again: the same protocol as a query's. */
import { DatabaseError } from '../base/errors.ts'
import { documentSizeMax } from '../base/limits.ts'
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
  for (const plan of withLimits(pipeline)) stage = plan.open(stage, run)
  return new PipelineRows(stage, input)
}

/** The pipeline in which each stage that can profit from it knows how many of its documents will be read. */
function withLimits(pipeline: Pipeline): Pipeline {
  return pipeline.map((plan, i) => {
    if (plan.limited === undefined) return plan
    const [next, afterNext] = [pipeline[i + 1]?.pushdown, pipeline[i + 2]?.pushdown]
    if (next?.kind === 'limit') return plan.limited(next.count)
    return next?.kind === 'skip' && afterNext?.kind === 'limit' ? plan.limited(next.count + afterNext.count) : plan
  })
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
    if (this.end - this.start > documentSizeMax) {
      throw new DatabaseError(
        'BSONObjectTooLarge',
        `BSONObj size: ${this.end - this.start} is invalid. Size must be between 0 and ${documentSizeMax}`,
      )
    }
    return true
  }

  save(): void {
    this.#input.save()
  }

  close(): void {
    this.#stage.close()
  }
}
