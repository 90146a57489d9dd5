import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import type { Value } from '../../../bson/value.ts'
import type { EvaluationContext } from '../../context.ts'
import { type Evaluate, isNullish } from '../../expression.ts'
import { shownType } from '../shown-type.ts'

/** `complaint`: what is said of what is no array, but for its type. Errors: `code` for what is no array. */
export function requireArray(value: Value, code: number, complaint: string): Value {
  if (value.type === bsonType.array) return value
  throw new DatabaseError(code, `${complaint} argument is of type: ${shownType(value)}`)
}

/**
 * The arrays that the operands are; undefined when one is null or missing, and nothing behind it is looked at then.
 * Errors: `code` for what is no array.
 */
export function arraysOf(
  operands: readonly Evaluate[],
  context: EvaluationContext,
  code: number,
  complaint: string,
): Value[] | undefined {
  const arrays: Value[] = []
  for (const operand of operands) {
    const value = operand(context)
    if (isNullish(value)) return undefined
    arrays.push(requireArray(value, code, complaint))
  }
  return arrays
}
