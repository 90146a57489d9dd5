/** Operators of one number. */
import { DatabaseError } from '../../../base/errors.ts'
import { type Decimal, decimal128Bytes } from '../../../bson/decimal128.ts'
import { decimalOf } from '../../../bson/number.ts'
import { bsonType } from '../../../bson/type.ts'
import { decimal128Value, doubleValue, isNumber, nullValue, numberOf, type Value } from '../../../bson/value.ts'
import { isNullish } from '../../expression.ts'
import { fixedOperator, type Operator } from '../operator.ts'
import { shownType } from '../shown-type.ts'

/** Null of null. Errors: 28765 for what is no number. */
export function numericOperator(name: string, apply: (number: Value) => Value): Operator {
  return fixedOperator(name, 1, ([operand]) => (context) => {
    const value = operand!(context)
    if (isNumber(value.type)) return apply(value)
    if (isNullish(value)) return nullValue
    throw new DatabaseError(28765, `${name} only supports numeric types, not ${shownType(value)}`)
  })
}

/** A function of decimals for a decimal, of doubles for every other number. */
export function realOperator(
  name: string,
  ofDouble: (x: number) => number,
  ofDecimal: (x: Decimal) => Decimal,
): Operator {
  return numericOperator(name, (number) =>
    number.type === bsonType.decimal128
      ? valueOfDecimal(ofDecimal(decimalOf(number)))
      : doubleValue(ofDouble(numberOf(number))),
  )
}

export function valueOfDecimal(decimal: Decimal): Value {
  return decimal128Value(decimal128Bytes(decimal))
}
