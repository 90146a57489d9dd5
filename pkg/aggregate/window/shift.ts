import { DatabaseError } from '../../base/errors.ts'
import { wholeNumberOf } from '../../bson/number.ts'
import { bsonType } from '../../bson/type.ts'
import { documentFields, nullValue, type Value } from '../../bson/value.ts'
import { ExpressionCompiler } from '../../expression/compile.ts'
import { missing } from '../../expression/expression.ts'
import { parseExpression, readsDocument } from '../../expression/parse.ts'
import { copyOf } from '../accumulators/accumulator.ts'
import type { WindowFunctionDefinition } from './window-function.ts'

/** `{$shift: {output, by, default}}`: the value of the document so many places further on. */
export const shift: WindowFunctionDefinition = {
  name: '$shift',
  parse(operand, { scope, sort, frame }) {
    if (operand.type !== bsonType.document) {
      throw new DatabaseError('FailedToParse', 'Argument to $shift must be an object')
    }
    if (sort === undefined) throw new DatabaseError('FailedToParse', "'$shift' requires a sortBy")
    if (frame !== undefined) throw new DatabaseError('FailedToParse', "'$shift' takes no window")
    const given = new Map<string, Value>()
    for (const field of documentFields(operand.bytes, operand.start)) {
      if (field.name !== 'output' && field.name !== 'by' && field.name !== 'default') {
        throw new DatabaseError('FailedToParse', `Unknown argument in $shift: ${field.name}`)
      }
      given.set(field.name, field)
    }
    const [output, by, otherwise] = ['output', 'by', 'default'].map((name) => given.get(name))
    if (output === undefined || by === undefined) {
      throw new DatabaseError('FailedToParse', "$shift requires 'output' and 'by' arguments")
    }
    const distance = wholeNumberOf(by)
    if (distance === undefined) throw new DatabaseError('FailedToParse', "'$shift:by' field must be an integer")
    let outside: Value = nullValue
    if (otherwise !== undefined) {
      const expression = parseExpression(otherwise, scope)
      if (readsDocument(expression)) {
        throw new DatabaseError('FailedToParse', "'$shift:default' expression must yield a constant value.")
      }
      const compiler = new ExpressionCompiler()
      const evaluate = compiler.compile(expression)
      outside = copyOf(evaluate(compiler.context(0)))
    }
    const expression = parseExpression(output, scope)
    return {
      compile(compiler) {
        const evaluate = compiler.compile(expression)
        return (partition) => ({
          reset: () => undefined,
          valueOf(i) {
            const at = i + distance
            if (at < 0 || at >= partition.count) return outside
            const value = partition.evaluate(at, evaluate)
            return value === missing ? nullValue : value
          },
        })
      },
    }
  },
}
