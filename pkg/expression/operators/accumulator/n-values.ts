/** `{$firstN: {n, input}}`, `$lastN`, `$maxN` and `$minN`: up to n elements of an array. */

import { DatabaseError } from '../../../base/errors.ts'
import { wholeNumberOf } from '../../../bson/number.ts'
import { bsonType } from '../../../bson/type.ts'
import { arrayValue, isNumber, type Value } from '../../../bson/value.ts'
import type { ValueOrder } from '../../../bson/value-order.ts'
import { BsonWriter, indexName } from '../../../bson/writer.ts'
import type { EvaluationContext } from '../../context.ts'
import { isNullish } from '../../expression.ts'
import { sortedValues } from '../array/sort-values.ts'
import { namedArguments } from '../named-arguments.ts'
import type { Operator } from '../operator.ts'
import { shownType } from '../shown-type.ts'
import { elementsOf } from './gathering.ts'

type Choose = (elements: readonly Value[], n: number, order: ValueOrder, context: EvaluationContext) => readonly Value[]

/** Errors: 5787900 to 5787908 for wrong arguments, 5788200 for an input that is no array. */
function nOperator(name: string, choose: Choose): Operator {
  return {
    name,
    parse(operand, scope, parse) {
      const given = namedArguments(name, operand, ['n', 'input'], { notDocument: 5787900, unknown: 5787901 })
      const n = parse(given.required('n', 5787906), scope)
      const input = parse(given.required('input', 5787907), scope)
      return {
        kind: 'operator',
        name,
        operands: [n, input],
        foldable: true,
        make:
          ([count, array]) =>
          (context) => {
            const wanted = countOf(count!(context))
            const value = array!(context)
            if (value.type !== bsonType.array) {
              throw new DatabaseError(5788200, `Input must be an array, but is ${shownType(value)}`)
            }
            return arrayOf(choose(elementsOf(value), wanted, scope.order, context))
          },
      }
    },
  }
}

function countOf(value: Value): number {
  if (!isNumber(value.type)) {
    throw new DatabaseError(5787902, `Value for 'n' must be of integral type, but found ${shownType(value)}`)
  }
  const n = wholeNumberOf(value)
  if (n === undefined) throw new DatabaseError(5787903, "Value for 'n' must be of integral type")
  if (n <= 0) throw new DatabaseError(5787908, `'n' must be greater than 0, found ${n}`)
  return n
}

function arrayOf(values: readonly Value[]): Value {
  const writer = new BsonWriter(128)
  writer.beginDocument()
  values.forEach((value, i) => {
    writer.value(indexName(i), value)
  })
  writer.end()
  return arrayValue(writer.finish())
}

function withoutNull(elements: readonly Value[]): readonly Value[] {
  return elements.filter((element) => !isNullish(element))
}

export const firstN = nOperator('$firstN', (elements, n) => elements.slice(0, n))
export const lastN = nOperator('$lastN', (elements, n) => elements.slice(-n))
export const maxN = nOperator('$maxN', (elements, n, order, context) =>
  sortedValues(context, withoutNull(elements), order, -1).slice(0, n),
)
export const minN = nOperator('$minN', (elements, n, order, context) =>
  sortedValues(context, withoutNull(elements), order, 1).slice(0, n),
)
