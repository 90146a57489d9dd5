/** What the stages of a pipeline do while it runs: for explain. */
import type { Value } from '../bson/value.ts'
import { type Stage, type Step, step } from './stage.ts'

export interface StageCounts {
  readonly returned: number
  /** In the stage and those before it. */
  readonly timeMs: number
  /** Written to disk; undefined: the stage never does. */
  readonly spilledBytes: number | undefined
}

export class StageWatch {
  readonly #nowMs: () => number
  readonly #stages: WatchedStage[] = []

  /** `nowMs`: a monotonic clock. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  /** The stage, watched from now on. */
  over(stage: Stage): Stage {
    const watched = new WatchedStage(stage, this.#nowMs)
    this.#stages.push(watched)
    return watched
  }

  /** Of the input of the pipeline, then of its stages. */
  get counts(): readonly StageCounts[] {
    return this.#stages
  }
}

class WatchedStage implements Stage, StageCounts {
  readonly #stage: Stage
  readonly #nowMs: () => number
  returned = 0
  timeMs = 0

  constructor(stage: Stage, nowMs: () => number) {
    this.#stage = stage
    this.#nowMs = nowMs
  }

  get bytes(): Uint8Array {
    return this.#stage.bytes
  }

  get start(): number {
    return this.#stage.start
  }

  get end(): number {
    return this.#stage.end
  }

  get spilledBytes(): number | undefined {
    return this.#stage.spilledBytes
  }

  step(): Step {
    const began = this.#nowMs()
    const answer = this.#stage.step()
    this.timeMs += this.#nowMs() - began
    if (answer === step.row) this.returned++
    return answer
  }

  metadata(name: string): Value | undefined {
    return this.#stage.metadata?.(name)
  }

  close(): void {
    this.#stage.close()
  }
}
