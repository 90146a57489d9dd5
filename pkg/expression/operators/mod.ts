import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import {
  doubleValue,
  int32Value,
  int64Value,
  isNumber,
  nullValue,
  numberOf,
  readInt32,
  readInt64,
  type Value,
} from '../../bson/value.ts'
import { isNullish } from '../expression.ts'
import { fixedOperator } from './operator.ts'
import { shownType } from './shown-type.ts'

/** `{$mod: [a, b]}`: the remainder with a's sign. Errors: 4848403 by zero, 16611 for what is no number. */
export const mod = fixedOperator('$mod', 2, ([left, right]) => (context) => {
  const a = left!(context)
  const b = right!(context)
  if (isNumber(a.type) && isNumber(b.type)) return remainder(a, b)
  if (isNullish(a) || isNullish(b)) return nullValue
  throw new DatabaseError(16611, `$mod only supports numeric types, not ${shownType(a)} and ${shownType(b)}`)
})

function remainder(a: Value, b: Value): Value {
  if (numberOf(b) === 0) throw new DatabaseError(4848403, "can't $mod by zero")
  if (a.type === bsonType.decimal128 || b.type === bsonType.decimal128) {
    throw new DatabaseError('NotImplemented', '$mod of decimals is not supported yet')
  }
  if (a.type === bsonType.double || b.type === bsonType.double) return doubleValue(numberOf(a) % numberOf(b))
  // `+ 0`: no -0 among integers.
  if (a.type === bsonType.int32 && b.type === bsonType.int32) return int32Value((numberOf(a) % numberOf(b)) + 0)
  return int64Value(integerOf(a) % integerOf(b))
}

function integerOf({ type, bytes, start }: Value): bigint {
  return type === bsonType.int32 ? BigInt(readInt32(bytes, start)) : readInt64(bytes, start)
}
