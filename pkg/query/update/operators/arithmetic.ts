/** What `$inc` and `$mul` share: numeric operands and fields, and the refusal of int64 overflow. */
import { DatabaseError } from '../../../base/errors.ts'
import { equal } from '../../../bson/order.ts'
import { bsonType, typeAlias } from '../../../bson/type.ts'
import { getField, isNumber, numberOf, readInt64, type Value } from '../../../bson/value.ts'
import { describeElement } from '../describe.ts'
import type { ApplyState } from '../update.ts'

export function refuseNonNumericOperand(verb: string, path: string, operand: Value): void {
  if (isNumber(operand.type)) return
  throw new DatabaseError('TypeMismatch', `Cannot ${verb} with non-numeric argument: ${describeElement(path, operand)}`)
}

export function refuseNonNumericField(operator: string, existing: Value, state: ApplyState, fieldName: string): void {
  if (isNumber(existing.type)) return
  throw new DatabaseError(
    'TypeMismatch',
    `Cannot apply ${operator} to a value of non-numeric type. ${describeId(state)} has the field '${fieldName}' of non-numeric type ${typeAlias(existing.type)}`,
  )
}

export function overflow(operator: string, existing: Value, state: ApplyState): DatabaseError {
  const text =
    existing.type === bsonType.int64
      ? `(NumberLong)${readInt64(existing.bytes, existing.start)}`
      : `(NumberInt)${numberOf(existing)}`
  return new DatabaseError(
    'BadValue',
    `Failed to apply ${operator} operations to current value (${text}) for document ${describeId(state)}`,
  )
}

/** The document an error is about, by its `_id`: `{_id: 1}`. */
export function describeId(state: ApplyState): string {
  const id = getField(state.bytes, '_id', state.start)
  return id === undefined ? '{ no _id }' : describeElement('_id', id)
}

/** Whether a result is no change: the same number in the same type, though the bytes may differ (-0 and 0, 1.0 and 1.00). */
export function sameNumber(result: Value, existing: Value): boolean {
  return result.type === existing.type && equal(result, existing)
}
