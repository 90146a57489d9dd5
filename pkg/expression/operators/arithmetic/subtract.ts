import { DatabaseError } from '../../../base/errors.ts'
import { multiplyNumbers, subtractNumbers } from '../../../bson/number.ts'
import { bsonType } from '../../../bson/type.ts'
import {
  dateValue,
  doubleValue,
  int32Value,
  int64Value,
  isNumber,
  nullValue,
  numberOf,
  readInt64,
  type Value,
} from '../../../bson/value.ts'
import { isNullish } from '../../expression.ts'
import { fixedOperator } from '../operator.ts'
import { shownType } from '../shown-type.ts'
import { dateBy } from './date-arithmetic.ts'

const minusOne = int32Value(-1)

/** `{$subtract: [a, b]}`: of numbers, of two dates (milliseconds), or a date some milliseconds earlier. */
export const subtract = fixedOperator('$subtract', 2, ([left, right]) => (context) => {
  const a = left!(context)
  const b = right!(context)
  if (isNumber(a.type) && isNumber(b.type)) {
    return subtractNumbers(a, b) ?? doubleValue(numberOf(a) - numberOf(b))
  }
  if (isNullish(a) || isNullish(b)) return nullValue
  if (a.type === bsonType.date) {
    const ms = readInt64(a.bytes, a.start)
    if (b.type === bsonType.date) return int64Value(BigInt.asIntN(64, ms - readInt64(b.bytes, b.start)))
    if (isNumber(b.type)) return dateValue(dateBy(ms, negated(b)))
  }
  throw new DatabaseError('TypeMismatch', `can't $subtract ${shownType(b)} from ${shownType(a)}`)
})

function negated(number: Value): Value {
  return multiplyNumbers(number, minusOne) ?? doubleValue(-numberOf(number))
}
