import { DatabaseError } from '../../../base/errors.ts'
import { divideDecimals } from '../../../bson/decimal-arithmetic.ts'
import { decimal128Bytes } from '../../../bson/decimal128.ts'
import { decimalOf } from '../../../bson/number.ts'
import { bsonType } from '../../../bson/type.ts'
import { decimal128Value, doubleValue, isNumber, nullValue, numberOf, type Value } from '../../../bson/value.ts'
import { isNullish } from '../../expression.ts'
import { fixedOperator } from '../operator.ts'
import { shownType } from '../shown-type.ts'

/** `{$divide: [a, b]}`: a decimal when one of them is, else a double. Errors: BadValue by zero, TypeMismatch. */
export const divide = fixedOperator('$divide', 2, ([left, right]) => (context) => {
  const a = left!(context)
  const b = right!(context)
  if (isNumber(a.type) && isNumber(b.type)) return quotient(a, b)
  if (isNullish(a) || isNullish(b)) return nullValue
  throw new DatabaseError(
    'TypeMismatch',
    `$divide only supports numeric types, not ${shownType(a)} and ${shownType(b)}`,
  )
})

function quotient(a: Value, b: Value): Value {
  const divisor = numberOf(b)
  if (divisor === 0) throw new DatabaseError('BadValue', "can't $divide by zero")
  if (a.type === bsonType.decimal128 || b.type === bsonType.decimal128) {
    return decimal128Value(decimal128Bytes(divideDecimals(decimalOf(a), decimalOf(b))))
  }
  return doubleValue(numberOf(a) / divisor)
}
