import { DatabaseError } from '../../../base/errors.ts'
import { type Decimal, decimal128Bytes, decimalNaN, powerOfTen, roundDecimal } from '../../../bson/decimal128.ts'
import { decimalOf } from '../../../bson/number.ts'
import { bsonType } from '../../../bson/type.ts'
import {
  decimal128Value,
  doubleValue,
  int32Value,
  int64Value,
  isNumber,
  nullValue,
  numberOf,
  readInt32,
  readInt64,
  type Value,
} from '../../../bson/value.ts'
import { isNullish } from '../../expression.ts'
import { fixedOperator } from '../operator.ts'
import { shownType } from '../shown-type.ts'

/** `{$mod: [a, b]}`: the remainder with a's sign. Errors: 16610 and 5733415 by zero, 16611 for what is no number. */
export const mod = fixedOperator('$mod', 2, ([left, right]) => (context) => {
  const a = left!(context)
  const b = right!(context)
  if (isNumber(a.type) && isNumber(b.type)) return remainder(a, b)
  if (isNullish(a) || isNullish(b)) return nullValue
  throw new DatabaseError(16611, `$mod only supports numeric types, not ${shownType(a)} and ${shownType(b)}`)
})

function remainder(a: Value, b: Value): Value {
  const ofDecimals = a.type === bsonType.decimal128 || b.type === bsonType.decimal128
  if (numberOf(b) === 0) throw new DatabaseError(ofDecimals ? 5733415 : 16610, "can't $mod by zero")
  if (ofDecimals) return decimal128Value(decimal128Bytes(decimalRemainder(decimalOf(a), decimalOf(b))))
  if (a.type === bsonType.double || b.type === bsonType.double) return doubleValue(numberOf(a) % numberOf(b))
  // `+ 0`: no -0 among integers.
  if (a.type === bsonType.int32 && b.type === bsonType.int32) return int32Value((numberOf(a) % numberOf(b)) + 0)
  return int64Value(integerOf(a) % integerOf(b))
}

/** Exact: both are taken as whole numbers of the smaller one's unit. */
function decimalRemainder(a: Decimal, b: Decimal): Decimal {
  if (a.form !== 'finite' || b.form === 'nan') return decimalNaN
  if (b.form === 'infinity') return a
  const exponent = Math.min(a.exponent, b.exponent)
  const dividend = a.coefficient * powerOfTen(a.exponent - exponent)
  const divisor = b.coefficient * powerOfTen(b.exponent - exponent)
  return roundDecimal(a.negative, dividend % divisor, exponent).decimal
}

function integerOf({ type, bytes, start }: Value): bigint {
  return type === bsonType.int32 ? BigInt(readInt32(bytes, start)) : readInt64(bytes, start)
}
