import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import { documentFields, type Value } from '../../bson/value.ts'
import { ExpressionCompiler } from '../../expression/compile.ts'
import type { EvaluationContext } from '../../expression/context.ts'
import type { Evaluate, Expression } from '../../expression/expression.ts'
import { shownType } from '../../expression/operators/shown-type.ts'
import { parseExpression } from '../../expression/parse.ts'
import { repeatable, repeatingContext } from '../repeatable.ts'
import { type PipelineRun, type Stage, type StageDefinition, type StagePlan, type Step, step } from '../stage.ts'

/** `{$replaceRoot: {newRoot: expression}}` */
export const replaceRoot: StageDefinition = {
  name: '$replaceRoot',
  parse(operand, { scope }) {
    if (operand.type !== bsonType.document) {
      throw new DatabaseError(
        40229,
        `expected an object as specification for $replaceRoot stage, got ${shownType(operand)}`,
      )
    }
    let newRoot: Value | undefined
    for (const field of documentFields(operand.bytes, operand.start)) {
      if (field.name !== 'newRoot') {
        throw new DatabaseError('UnknownField', `BSON field '$replaceRoot.${field.name}' is an unknown field.`)
      }
      newRoot = field
    }
    if (newRoot === undefined) {
      throw new DatabaseError('MissingField', "BSON field '$replaceRoot.newRoot' is missing but a required field")
    }
    return planOf('$replaceRoot', parseExpression(newRoot, scope))
  },
}

/** `{$replaceWith: expression}` */
export const replaceWith: StageDefinition = {
  name: '$replaceWith',
  parse: (operand, { scope }) => planOf('$replaceWith', parseExpression(operand, scope)),
}

function planOf(name: string, expression: Expression): StagePlan {
  return { name, oneToOne: true, open: (input, run) => new ReplaceRoot(input, run, expression) }
}

class ReplaceRoot implements Stage {
  readonly #input: Stage
  readonly #evaluate: Evaluate
  readonly #context: EvaluationContext
  bytes: Uint8Array
  start = 0
  end = 0

  constructor(input: Stage, run: PipelineRun, expression: Expression) {
    const compiler = new ExpressionCompiler()
    this.#input = repeatable(input, run)
    this.#evaluate = compiler.compile(expression)
    this.#context = repeatingContext(compiler, this.#input, run)
    this.bytes = input.bytes
  }

  step(): Step {
    const input = this.#input
    const answer = input.step()
    if (answer !== step.row) return answer
    this.#context.reset(input.bytes, input.start, input.end)
    const root = this.#evaluate(this.#context)
    if (root.type !== bsonType.document) {
      throw new DatabaseError(
        40228,
        `'newRoot' expression must evaluate to an object, but resulting value was of type: ${shownType(root)}`,
      )
    }
    this.bytes = root.bytes
    this.start = root.start
    this.end = root.end
    return step.row
  }

  metadata(name: string): Value | undefined {
    return this.#input.metadata?.(name)
  }

  close(): void {
    this.#input.close()
  }
}
