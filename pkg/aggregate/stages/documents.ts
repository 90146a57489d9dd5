import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import type { Value } from '../../bson/value.ts'
import { ElementWalker } from '../../bson/walk.ts'
import { ExpressionCompiler } from '../../expression/compile.ts'
import type { EvaluationContext } from '../../expression/context.ts'
import type { Evaluate, Expression } from '../../expression/expression.ts'
import { shownType } from '../../expression/operators/shown-type.ts'
import { parseExpression } from '../../expression/parse.ts'
import { copyOf } from '../accumulators/accumulator.ts'
import { type PipelineRun, type Stage, type StageDefinition, type Step, step } from '../stage.ts'
import { PassingStage } from './passing.ts'

/** `{$documents: expression}`: the documents of an array, instead of a collection's. */
export const documents: StageDefinition = {
  name: '$documents',
  first: true,
  collectionless: true,
  refusedIn: { view: 73, rankFusion: 9191103 },
  parse(operand, { scope }) {
    const expression = parseExpression(operand, scope)
    return { name: '$documents', isSource: true, open: (input, run) => new Documents(input, run, expression) }
  },
}

class Documents extends PassingStage {
  readonly #run: PipelineRun
  readonly #evaluate: Evaluate
  readonly #context: EvaluationContext
  #elements: ElementWalker | undefined

  constructor(input: Stage, run: PipelineRun, expression: Expression) {
    super(input)
    this.#run = run
    const compiler = new ExpressionCompiler()
    this.#evaluate = compiler.compile(expression)
    // It is evaluated again, without a document to keep.
    this.#context = run.allowDetours(run.context(compiler), () => undefined)
  }

  step(): Step {
    const elements = (this.#elements ??= this.#begin())
    if (this.#run.turnIsOver()) return step.pause
    if (!elements.next()) return step.end
    if (elements.type !== bsonType.document) {
      throw new DatabaseError(
        40228,
        `'newRoot' expression must evaluate to an object, but resulting value was of type: ${shownType(elements.value())}`,
      )
    }
    this.show(elements.bytes, elements.valueStart, elements.valueEnd)
    return step.row
  }

  #begin(): ElementWalker {
    const context = this.#context
    context.reset(context.bytes, context.start, context.end)
    const array: Value = copyOf(this.#evaluate(context))
    if (array.type !== bsonType.array) {
      throw new DatabaseError(5858203, `an array is expected in $documents, but found ${shownType(array)}`)
    }
    return new ElementWalker().reset(array.bytes, 0)
  }
}
