import { DatabaseError } from '../../../base/errors.ts'
import { wholeNumberOf } from '../../../bson/number.ts'
import { bsonType } from '../../../bson/type.ts'
import { utf8Bytes } from '../../../bson/utf8.ts'
import { documentFields, isNumber, nullValue, type Value } from '../../../bson/value.ts'
import type { ValueOrder } from '../../../bson/value-order.ts'
import { ArrayResult } from '../../array-result.ts'
import type { EvaluationContext } from '../../context.ts'
import { type Evaluate, isNullish, missing } from '../../expression.ts'
import { fieldValue, splitFieldPath } from '../../field-path.ts'
import { elementsOf } from '../accumulator/gathering.ts'
import { compareAll } from '../comparison/compare.ts'
import { namedArguments } from '../named-arguments.ts'
import type { Operator } from '../operator.ts'
import { shownType } from '../shown-type.ts'
import { sortedBy, sortedValues } from './sort-values.ts'

/**
 * `{$sortArray: {input: array, sortBy: ±1 | {path: ±1, ...}}}`: by the elements themselves or by fields of theirs; equal
 * ones stay in their order. Errors: 2942500..2942507, those of `splitFieldPath`.
 */
export const sortArray: Operator = {
  name: '$sortArray',
  parse(operand, scope, parse) {
    const given = namedArguments('$sortArray', operand, ['input', 'sortBy'], { notDocument: 2942500, unknown: 2942501 })
    const input = given.required('input', 2942502)
    const sort = sortingBy(given.required('sortBy', 2942503), scope.order)
    return {
      kind: 'operator',
      name: '$sortArray',
      operands: [parse(input, scope)],
      foldable: true,
      make: ([array]) => sorted(array!, sort),
    }
  },
}

type Sort = (context: EvaluationContext, elements: readonly Value[]) => readonly Value[]

function sorted(arrayOf: Evaluate, sort: Sort): Evaluate {
  const result = new ArrayResult()
  return (context) => {
    const array = arrayOf(context)
    if (isNullish(array)) return nullValue
    if (array.type !== bsonType.array) {
      throw new DatabaseError(
        2942504,
        `The input argument to $sortArray must be an array, but was of type: ${shownType(array)}`,
      )
    }
    result.reset()
    for (const element of sort(context, elementsOf(array))) result.add(element)
    return result.value(context)
  }
}

function sortingBy(sortBy: Value, order: ValueOrder): Sort {
  if (isNumber(sortBy.type)) {
    const direction = directionOf(sortBy)
    if (direction === undefined) {
      throw new DatabaseError(2942506, '$sort key ordering must be 1 (for ascending) or -1 (for descending)')
    }
    return (context, elements) => sortedValues(context, elements, order, direction)
  }
  if (sortBy.type !== bsonType.document) {
    throw new DatabaseError(2942507, `Illegal sortBy in $sortArray, a value of type: ${shownType(sortBy)}`)
  }
  const parts = [...documentFields(sortBy.bytes, sortBy.start)].map((field) => {
    const direction = directionOf(field)
    if (direction === undefined) {
      throw new DatabaseError(2942505, `$sortArray's sortBy must give 1 or -1 for each path, not so for ${field.name}`)
    }
    return { path: pathOf(field.name), direction }
  })
  if (parts.length === 0) throw new DatabaseError(2942505, "$sortArray's sortBy must name at least one path")
  const compare = (a: Value, b: Value): number => {
    for (const { path, direction } of parts) {
      const outcome = compareAll(order, keyOf(a, path), keyOf(b, path))
      if (outcome !== 0) return direction * outcome
    }
    return 0
  }
  return (context, elements) => sortedBy(context, elements, compare)
}

function directionOf(value: Value): 1 | -1 | undefined {
  const n = wholeNumberOf(value)
  return n === 1 || n === -1 ? n : undefined
}

/** Here a name may begin with `$`. */
function pathOf(path: string): Uint8Array[] {
  splitFieldPath(path.replaceAll('$', ''))
  return path.split('.').map((name) => utf8Bytes(name))
}

/** An array on the way counts as a whole; what is not there is null. */
function keyOf(element: Value, path: readonly Uint8Array[]): Value {
  let value = element
  for (let i = 0; i < path.length; i++) {
    if (value.type === bsonType.array && i > 0) return value
    if (value.type !== bsonType.document) return nullValue
    value = fieldValue(value.bytes, value.start, path[i]!)
  }
  return value === missing ? nullValue : value
}
