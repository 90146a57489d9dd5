/** `$bitAnd`, `$bitOr`, `$bitXor` and `$bitNot`, of int32 and int64; an int64 among the operands makes the result one. */
import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { int32Value, int64Value, nullValue, readInt32, readInt64, type Value } from '../../../bson/value.ts'
import { isNullish } from '../../expression.ts'
import { type Operator, variadicOperator } from '../operator.ts'
import { shownType } from '../shown-type.ts'
import { numericOperator } from './numeric-argument.ts'

export const bitAnd = bitOperator('$bitAnd', -1n, (a, b) => a & b)
export const bitOr = bitOperator('$bitOr', 0n, (a, b) => a | b)
export const bitXor = bitOperator('$bitXor', 0n, (a, b) => a ^ b)

/** `identity`: of no operands. */
function bitOperator(name: string, identity: bigint, combine: (a: bigint, b: bigint) => bigint): Operator {
  return variadicOperator(name, (operands) => (context) => {
    let result = identity
    let type: number = bsonType.int32
    for (const operand of operands) {
      const value = operand(context)
      if (isNullish(value)) return nullValue
      result = combine(result, integerOf(name, value))
      if (value.type === bsonType.int64) type = bsonType.int64
    }
    return type === bsonType.int32 ? int32Value(Number(result)) : int64Value(result)
  })
}

export const bitNot = numericOperator('$bitNot', (number) => {
  if (number.type !== bsonType.int32 && number.type !== bsonType.int64) {
    throw new DatabaseError('TypeMismatch', `$bitNot only supports int and long, not: ${shownType(number)}.`)
  }
  const inverse = ~integerOf('$bitNot', number)
  return number.type === bsonType.int32 ? int32Value(Number(inverse)) : int64Value(inverse)
})

function integerOf(name: string, value: Value): bigint {
  if (value.type === bsonType.int32) return BigInt(readInt32(value.bytes, value.start))
  if (value.type === bsonType.int64) return readInt64(value.bytes, value.start)
  throw new DatabaseError('TypeMismatch', `${name} only supports int and long operands.`)
}
