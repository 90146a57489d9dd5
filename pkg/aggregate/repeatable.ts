/** Documents that can come again: for stages whose expressions may have to be computed elsewhere. */
import type { Value } from '../bson/value.ts'
import type { ExpressionCompiler } from '../expression/compile.ts'
import type { EvaluationContext } from '../expression/context.ts'
import { type KeptDocument, ownedMetadata } from '../expression/metadata.ts'
import { compileSort, type SortKeyOf } from '../query/sort/key.ts'
import { compileLongSort } from '../query/sort/long-key.ts'
import type { Sort } from '../query/sort/parse.ts'
import { type PipelineRun, type Stage, type Step, step } from './stage.ts'

/** A stage whose next step can give the current document once more: each asks first whether it does, when it `keeps` one. */
export abstract class RepeatableStage implements Stage {
  /** The current document is to come again or has done so. */
  protected keeps = false
  #kept: KeptDocument | undefined
  #isDue = false
  abstract bytes: Uint8Array
  start = 0
  end = 0

  /** The next step gives the current document again, whatever happens to its bytes until then. */
  repeat(): void {
    this.#kept ??= {
      bytes: this.bytes.slice(this.start, this.end),
      metadata: ownedMetadata((name) => this.currentMetadata(name)),
    }
    this.#isDue = true
    this.keeps = true
  }

  /** Whether the document that is kept has come again. */
  protected repeated(): boolean {
    if (!this.#isDue) {
      this.#kept = undefined
      this.keeps = false
      return false
    }
    this.#isDue = false
    this.bytes = this.#kept!.bytes
    this.start = 0
    this.end = this.bytes.length
    return true
  }

  abstract step(): Step

  metadata(name: string): Value | undefined {
    return this.#kept === undefined ? this.currentMetadata(name) : this.#kept.metadata.get(name)
  }

  protected abstract currentMetadata(name: string): Value | undefined

  abstract close(): void
}

/** The stage, able to repeat its documents where the run may need it. */
export function repeatable(stage: Stage, run: PipelineRun): Stage {
  return stage instanceof RepeatableStage || !run.goesOn ? stage : new Repeated(stage)
}

/**
 * A context for a stage that evaluates what `compiler` has compiled for each document of `input`, a `repeatable` one, and changes nothing before
 * all of it has been evaluated. A step of it may throw a `Detour`, and begins again with the same document after it; for the stages that
 * follow that is what an input that pauses is.
 */
export function repeatingContext(compiler: ExpressionCompiler, input: Stage, run: PipelineRun): EvaluationContext {
  return run.allowDetours(run.context(compiler, input), () => repeat(input, run))
}

/** Keys of the documents of `input`, a `repeatable` one, for a stage that changes nothing before it has the key. */
export function repeatingSortKey(sort: Sort, input: Stage, run: PipelineRun): SortKeyOf {
  return run.goesOn ? compileLongSort(sort, () => repeat(input, run)) : compileSort(sort)
}

export function repeat(input: Stage, run: PipelineRun): void {
  if (input instanceof RepeatableStage && run.goesOn) input.repeat()
}

class Repeated extends RepeatableStage {
  readonly #input: Stage
  bytes: Uint8Array

  constructor(input: Stage) {
    super()
    this.#input = input
    this.bytes = input.bytes
  }

  step(): Step {
    if (this.keeps && this.repeated()) return step.row
    const input = this.#input
    const answer = input.step()
    if (answer !== step.row) return answer
    this.bytes = input.bytes
    this.start = input.start
    this.end = input.end
    return answer
  }

  protected currentMetadata(name: string): Value | undefined {
    return this.#input.metadata?.(name)
  }

  close(): void {
    this.#input.close()
  }
}
