import { DatabaseError } from '../../../base/errors.ts'
import { decimalOf } from '../../../bson/number.ts'
import { bsonType } from '../../../bson/type.ts'
import { doubleValue, int32Value, int64Value, numberOf, readInt64, type Value } from '../../../bson/value.ts'
import { numericOperator, valueOfDecimal } from './numeric-argument.ts'

/** `{$abs: a}`: in a's type, but for the least int32, whose size is an int64. Errors: 28680 for the least int64. */
export const abs = numericOperator('$abs', absolute)

function absolute(number: Value): Value {
  switch (number.type) {
    case bsonType.int32: {
      const size = Math.abs(numberOf(number))
      return size === 2 ** 31 ? int64Value(size) : int32Value(size)
    }
    case bsonType.int64: {
      const n = readInt64(number.bytes, number.start)
      if (n === -(2n ** 63n)) throw new DatabaseError(28680, "can't take $abs of long long min")
      return n < 0n ? int64Value(-n) : number
    }
    case bsonType.decimal128:
      return valueOfDecimal({ ...decimalOf(number), negative: false })
    default:
      return doubleValue(Math.abs(numberOf(number)))
  }
}
