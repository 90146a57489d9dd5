/** `$type` and `$isNumber`. */
import { booleanValue, isNumber as isNumberType, stringValue } from '../../../bson/value.ts'
import { fixedOperator } from '../operator.ts'
import { shownType } from '../shown-type.ts'

/** `{$type: a}`: the name of the value's type, `missing` for none. */
export const typeOf = fixedOperator(
  '$type',
  1,
  ([operand]) =>
    (context) =>
      stringValue(shownType(operand!(context))),
)

export const isNumber = fixedOperator(
  '$isNumber',
  1,
  ([operand]) =>
    (context) =>
      booleanValue(isNumberType(operand!(context).type)),
)
