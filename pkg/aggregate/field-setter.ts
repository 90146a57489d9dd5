import type { Value } from '../bson/value.ts'
import { BsonWriter } from '../bson/writer.ts'
import { ExpressionCompiler } from '../expression/compile.ts'
import type { EvaluationContext } from '../expression/context.ts'
import { missing } from '../expression/expression.ts'
import { addField, emptyBranch } from '../query/projection/field-tree.ts'
import { compileShape, type Shape } from '../query/projection/shape.ts'
import type { PipelineRun } from './stage.ts'

/** Puts values at given paths of documents, as `$addFields` does: a missing value takes the field away. */
export class FieldSetter {
  /** What goes to each path. */
  readonly values: Value[]
  readonly writer = new BsonWriter()
  readonly #context: EvaluationContext
  readonly #shape: Shape

  constructor(paths: readonly string[], run: PipelineRun) {
    this.values = paths.map(() => missing)
    const root = emptyBranch()
    paths.forEach((path, i) => {
      const read = (): Value => this.values[i]!
      addField(root, path, {
        kind: 'compute',
        expression: { kind: 'operator', name: '$literal', operands: [], make: () => read },
      })
    })
    const compiler = new ExpressionCompiler()
    this.#shape = compileShape(root, 'add', compiler)
    this.#context = run.context(compiler)
  }

  /** Writes the document with the values to `writer`. */
  set(bytes: Uint8Array, start: number, end: number): BsonWriter {
    const { writer } = this
    this.#context.reset(bytes, start, end)
    writer.reset()
    writer.beginDocument()
    this.#shape(this.#context, writer)
    writer.end()
    return writer
  }
}
