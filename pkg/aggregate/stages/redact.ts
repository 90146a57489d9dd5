import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import { stringValue, type Value } from '../../bson/value.ts'
import { ElementWalker } from '../../bson/walk.ts'
import { BsonWriter, indexName } from '../../bson/writer.ts'
import { ExpressionCompiler } from '../../expression/compile.ts'
import type { EvaluationContext } from '../../expression/context.ts'
import type { Evaluate, Expression } from '../../expression/expression.ts'
import { shownType } from '../../expression/operators/shown-type.ts'
import { parseExpression } from '../../expression/parse.ts'
import { type PipelineRun, type Stage, type StageDefinition, type Step, step } from '../stage.ts'
import { PassingStage } from './passing.ts'

/** What the variables `$$DESCEND`, `$$PRUNE` and `$$KEEP` are: known by the very values. */
const descend = stringValue('descend')
const prune = stringValue('prune')
const keep = stringValue('keep')

/** `{$redact: expression}`: the expression says of each document, and of those within it, whether it is shown. */
export const redact: StageDefinition = {
  name: '$redact',
  parse(operand, { scope }) {
    const inner = scope.with(['CURRENT', 'DESCEND', 'PRUNE', 'KEEP'])
    const expression = parseExpression(operand, inner.scope)
    return { name: '$redact', open: (input, run) => new Redact(input, run, expression, inner.slots) }
  },
}

class Redact extends PassingStage {
  readonly #run: PipelineRun
  readonly #evaluate: Evaluate
  readonly #context: EvaluationContext
  readonly #current: number
  readonly #writer = new BsonWriter()

  constructor(input: Stage, run: PipelineRun, expression: Expression, slots: readonly number[]) {
    super(input)
    this.#run = run
    const compiler = new ExpressionCompiler()
    this.#evaluate = compiler.compile(expression)
    this.#context = run.context(compiler, input)
    const { variables } = this.#context
    this.#current = slots[0]!
    variables[slots[1]!] = descend
    variables[slots[2]!] = prune
    variables[slots[3]!] = keep
  }

  step(): Step {
    const { input } = this
    for (;;) {
      const answer = input.step()
      if (answer !== step.row) return answer
      const { bytes, start, end } = input
      this.#context.reset(bytes, start, end)
      const decision = this.#decide({ type: bsonType.document, bytes, start, end })
      if (decision === keep) {
        this.pass()
        return step.row
      }
      if (decision === descend) {
        const writer = this.#writer.reset()
        writer.beginDocument()
        this.#copyFields(bytes, start)
        writer.end()
        this.showWritten(writer)
        return step.row
      }
      if (this.#run.turnIsOver()) return step.pause
    }
  }

  metadata(name: string): Value | undefined {
    return this.input.metadata?.(name)
  }

  /** Errors: 17053 for a value that is none of the three. */
  #decide(document: Value): Value {
    this.#context.variables[this.#current] = document
    const decision = this.#evaluate(this.#context)
    for (const known of [descend, prune, keep]) if (isSame(decision, known)) return known
    throw new DatabaseError(
      17053,
      `$redact's expression should not return anything aside from the variables $$KEEP, $$DESCEND, and $$PRUNE, but returned ${shownType(decision)}`,
    )
  }

  #copyFields(bytes: Uint8Array, start: number): void {
    const walker = new ElementWalker().reset(bytes, start)
    while (walker.next()) {
      if (walker.type === bsonType.document || walker.type === bsonType.array) {
        this.#copyNested(walker.name(), walker.value())
      } else this.#writer.raw(bytes, walker.nameStart - 1, walker.valueEnd)
    }
  }

  /** Whether something was written: a pruned document is not. */
  #copyNested(name: string, value: Value): boolean {
    const writer = this.#writer
    if (value.type === bsonType.array) {
      writer.beginArray(name)
      this.#copyElements(value)
      writer.end()
      return true
    }
    const decision = this.#decide(value)
    if (decision === prune) return false
    if (decision === keep) {
      writer.value(name, value)
      return true
    }
    writer.beginDocument(name)
    this.#copyFields(value.bytes, value.start)
    writer.end()
    return true
  }

  #copyElements(array: Value): void {
    const walker = new ElementWalker().reset(array.bytes, array.start)
    let count = 0
    while (walker.next()) {
      const value = walker.value()
      if (value.type === bsonType.document || value.type === bsonType.array) {
        if (this.#copyNested(indexName(count), value)) count++
      } else this.#writer.value(indexName(count++), value)
    }
  }
}

/** The value of a variable, wherever it was copied to meanwhile. */
function isSame(a: Value, b: Value): boolean {
  if (a === b) return true
  if (a.type !== b.type || a.end - a.start !== b.end - b.start) return false
  for (let i = 0; i < b.end - b.start; i++) if (a.bytes[a.start + i] !== b.bytes[b.start + i]) return false
  return true
}
