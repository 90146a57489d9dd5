/**
 * `{$percentile: {input, p: [0..1, ...], method}}` and `{$median: {input, method}}`, of the numbers in an array, or of one number.
 * What is no number is passed over; of none the answer is null. `approximate` is answered exactly.
 */
import { bsonType } from '../../../bson/type.ts'
import { arrayValue, isNumber, numberOf, type Value } from '../../../bson/value.ts'
import { BsonWriter, indexName } from '../../../bson/writer.ts'
import type { Expression } from '../../expression.ts'
import { namedArguments } from '../named-arguments.ts'
import type { Operator } from '../operator.ts'
import { elementsOf } from './gathering.ts'
import { fractionsOf, quantileMethodOf, quantileOf, sortNumbers } from './quantiles.ts'

const missingField = 40414
const unknownField = 40415

export const percentile: Operator = {
  name: '$percentile',
  parse(operand, scope, parse) {
    const given = namedArguments('$percentile', operand, ['input', 'p', 'method'], {
      notDocument: 7429703,
      unknown: unknownField,
    })
    const input = parse(given.required('input', missingField), scope)
    const parts = fractionsOf(parse(given.required('p', missingField), scope))
    const method = quantileMethodOf(given.required('method', missingField))
    return quantileExpression('$percentile', input, (sorted) =>
      arrayOf(parts.map((p) => quantileOf(sorted, p, method))),
    )
  },
}

export const median: Operator = {
  name: '$median',
  parse(operand, scope, parse) {
    const given = namedArguments('$median', operand, ['input', 'method'], {
      notDocument: 7436100,
      unknown: unknownField,
    })
    const input = parse(given.required('input', missingField), scope)
    const method = quantileMethodOf(given.required('method', missingField))
    return quantileExpression('$median', input, (sorted) => quantileOf(sorted, 0.5, method))
  },
}

function quantileExpression(name: string, input: Expression, answer: (sorted: Float64Array) => Value): Expression {
  return {
    kind: 'operator',
    name,
    operands: [input],
    foldable: true,
    make:
      ([values]) =>
      (context) =>
        answer(sortedNumbers(values!(context))),
  }
}

function sortedNumbers(input: Value): Float64Array {
  const values = input.type === bsonType.array ? elementsOf(input) : [input]
  const numbers = values.filter(({ type }) => isNumber(type)).map(numberOf)
  return sortNumbers(Float64Array.from(numbers))
}

function arrayOf(values: readonly Value[]): Value {
  const writer = new BsonWriter(64)
  writer.beginDocument()
  values.forEach((value, i) => {
    writer.value(indexName(i), value)
  })
  writer.end()
  return arrayValue(writer.finish())
}
