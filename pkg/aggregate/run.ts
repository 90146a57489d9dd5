/** Runs a pipeline over rows, and gives rows again: the same protocol as a query's. */

import { Detour } from '../base/detour.ts'
import { DatabaseError } from '../base/errors.ts'
import { documentSizeMaxInternal } from '../base/limits.ts'
import type { Value } from '../bson/value.ts'
import { withNeededFields } from './needed-fields.ts'
import type { Pipeline } from './parse.ts'
import { RepeatableStage } from './repeatable.ts'
import type { Rows } from './rows.ts'
import { type PipelineOptions, PipelineRun, type Stage, type Step, step } from './stage.ts'

export type { Rows } from './rows.ts'

/** The rows of `pipeline` over `input`, which is closed with them. The source should obey the same `pause` itself. */
export function runPipeline(pipeline: Pipeline, input: Rows, options: PipelineOptions): Rows {
  return runWithin(pipeline, input, new PipelineRun(options))
}

/** As `runPipeline`, in a run that is already there: of a pipeline inside a stage. */
export function runWithin(pipeline: Pipeline, input: Rows, run: PipelineRun): Rows {
  return new PipelineRows(openStages(pipeline, new RowStage(input, run), run), run)
}

/** The last of the pipeline's stages over `input`. */
export function openStages(pipeline: Pipeline, input: Stage, run: PipelineRun): Stage {
  return openPrepared(prepared(pipeline), input, run)
}

/** The pipeline whose stages know what the others do: what need not be found out again when it is run again. */
export function prepared(pipeline: Pipeline): Pipeline {
  return withNeededFields(withFollowers(withLimits(pipeline)))
}

/** As `runWithin`, of a prepared pipeline. */
export function runPrepared(pipeline: Pipeline, input: Rows, run: PipelineRun): Rows {
  return new PipelineRows(openPrepared(pipeline, new RowStage(input, run), run), run)
}

function openPrepared(pipeline: Pipeline, input: Stage, run: PipelineRun): Stage {
  const watch = run.takeWatch()
  let stage = watch === undefined ? input : watch.over(input)
  for (const plan of pipeline) {
    const opened = plan.open(stage, run)
    stage = watch === undefined ? opened : watch.over(opened)
  }
  return stage
}

/** The pipeline in which each stage to which it matters knows that it is not the last. */
function withFollowers(pipeline: Pipeline): Pipeline {
  const last = pipeline.length - 1
  return pipeline.map((plan, i) => (i < last && plan.followed !== undefined ? plan.followed() : plan))
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

/** Rows as a stage. */
export class RowStage extends RepeatableStage {
  readonly #rows: Rows
  readonly #run: PipelineRun
  bytes: Uint8Array

  constructor(rows: Rows, run: PipelineRun) {
    super()
    this.#rows = rows
    this.#run = run
    this.bytes = rows.bytes
    run.track(rows)
  }

  step(): Step {
    if (this.keeps && this.repeated()) return step.row
    const rows = this.#rows
    if (!rows.next()) return rows.paused === true ? step.pause : step.end
    this.bytes = rows.bytes
    this.start = rows.start
    this.end = rows.end
    return step.row
  }

  protected currentMetadata(name: string): Value | undefined {
    return this.#rows.metadata?.(name)
  }

  close(): void {
    this.#run.untrack(this.#rows)
    this.#rows.close()
  }
}

class PipelineRows implements Rows {
  readonly #stage: Stage
  readonly #run: PipelineRun
  paused = false
  bytes: Uint8Array
  start = 0
  end = 0

  constructor(stage: Stage, run: PipelineRun) {
    this.#stage = stage
    this.#run = run
    this.bytes = stage.bytes
  }

  next(): boolean {
    const stage = this.#stage
    const answer = this.#step()
    this.paused = answer === step.pause
    if (answer !== step.row) return false
    this.bytes = stage.bytes
    this.start = stage.start
    this.end = stage.end
    if (this.end - this.start > documentSizeMaxInternal) {
      throw new DatabaseError(
        'BSONObjectTooLarge',
        `BSONObj size: ${this.end - this.start} is invalid. Size must be between 0 and ${documentSizeMaxInternal}`,
      )
    }
    return true
  }

  /** A stage that needs something computed elsewhere pauses. */
  #step(): Step {
    try {
      return this.#stage.step()
    } catch (error) {
      if (!(error instanceof Detour)) throw error
      this.#run.waitFor(error)
      return step.pause
    }
  }

  metadata(name: string): Value | undefined {
    return this.#stage.metadata?.(name)
  }

  save(): void {
    this.#run.save()
  }

  close(): void {
    this.#stage.close()
  }
}
