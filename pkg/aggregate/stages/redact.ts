import { Detour, KeptOutcomes } from '../../base/detour.ts'
import type { Value } from '../../bson/value.ts'
import { ExpressionCompiler } from '../../expression/compile.ts'
import { type EvaluationContext, outOfSteps, stepLimit } from '../../expression/context.ts'
import type { Expression } from '../../expression/expression.ts'
import { evaluationOf } from '../../expression/expressions-task.ts'
import { parseExpression } from '../../expression/parse.ts'
import { sourceOf } from '../../expression/source.ts'
import { Redaction, type RedactTask, redactVariables } from '../redaction.ts'
import { repeat, repeatable } from '../repeatable.ts'
import { type PipelineRun, type Stage, type StageDefinition, type Step, step } from '../stage.ts'
import { PassingStage } from './passing.ts'

/** `{$redact: expression}`: the expression says of each document, and of those within it, whether it is shown. */
export const redact: StageDefinition = {
  name: '$redact',
  parse(operand, { scope }) {
    const inner = scope.with(redactVariables)
    const expression = parseExpression(operand, inner.scope)
    return { name: '$redact', open: (input, run) => new Redact(input, run, expression, inner.slots) }
  },
}

type Shown = ReturnType<Redaction['shown']>

class Redact extends PassingStage {
  readonly #run: PipelineRun
  readonly #expression: Expression
  readonly #slots: readonly number[]
  readonly #context: EvaluationContext
  readonly #redaction: Redaction
  /** What came back from elsewhere, and whether the current document was sent there. */
  readonly #elsewhere = new KeptOutcomes<Uint8Array | undefined>()
  #wasSent = false

  constructor(input: Stage, run: PipelineRun, expression: Expression, slots: readonly number[]) {
    super(repeatable(input, run))
    this.#run = run
    this.#expression = expression
    this.#slots = slots
    const compiler = new ExpressionCompiler()
    const evaluate = compiler.compilePart(expression)
    this.#context = run.allowDetours(run.context(compiler, this.input), () => undefined)
    this.#redaction = new Redaction(evaluate, this.#context, slots)
  }

  step(): Step {
    const { input } = this
    for (;;) {
      const answer = input.step()
      if (answer !== step.row) return answer
      const shown = this.#shown(input)
      if (shown !== undefined) {
        this.show(shown.bytes, shown.start, shown.end)
        return step.row
      }
      if (this.#run.turnIsOver()) return step.pause
    }
  }

  metadata(name: string): Value | undefined {
    return this.input.metadata?.(name)
  }

  #shown(input: Stage): Shown {
    this.#context.reset(input.bytes, input.start, input.end)
    if (this.#wasSent) return this.#shownElsewhere(input)
    try {
      return this.#redaction.shown()
    } catch (error) {
      if (error !== outOfSteps) throw error
      return this.#shownElsewhere(input)
    }
  }

  /** Errors: `Detour`, after which the document comes again. */
  #shownElsewhere(input: Stage): Shown {
    const { bytes, start, end } = input
    this.#wasSent = false
    try {
      const shown = this.#elsewhere.resultOf(
        bytes,
        start,
        end,
        () => this.#task(),
        () => this.#shownHere(),
      )
      return shown && { bytes: shown, start: 0, end: shown.length }
    } catch (error) {
      if (error instanceof Detour) {
        this.#wasSent = true
        repeat(input, this.#run)
      }
      throw error
    }
  }

  #task(): RedactTask {
    const context = this.#context
    const source = sourceOf(this.#expression)!
    return { kind: 'redact', ...evaluationOf(context, [source], stepLimit.perDocument), slots: this.#slots }
  }

  #shownHere(): Uint8Array | undefined {
    const context = this.#context
    const { stepsMax } = context
    context.stepsMax = stepLimit.perDocument
    try {
      const shown = this.#redaction.shown()
      return shown?.bytes.slice(shown.start, shown.end)
    } finally {
      context.stepsMax = stepsMax
    }
  }
}
