import { DatabaseError } from '../../../base/errors.ts'
import { counterOf, secondsOf } from '../../../base/timestamp.ts'
import { bsonType } from '../../../bson/type.ts'
import {
  numberOf,
  readInt32,
  readInt64,
  readInt64Number,
  readString,
  readTimestamp,
  type Value,
} from '../../../bson/value.ts'
import { isNullish } from '../../expression.ts'
import { shownType } from '../shown-type.ts'

/** A value as text, for the operators that take what can be turned into a string; null is ''. Errors: 16007. */
export function textOf(value: Value): string {
  const { type, bytes, start } = value
  if (isNullish(value)) return ''
  switch (type) {
    case bsonType.string:
    case bsonType.symbol:
    case bsonType.code:
      return readString(bytes, start)
    case bsonType.int32:
      return String(readInt32(bytes, start))
    case bsonType.int64:
      return String(readInt64(bytes, start))
    case bsonType.double:
      return String(numberOf(value))
    case bsonType.date:
      return new Date(readInt64Number(bytes, start)).toISOString()
    case bsonType.timestamp: {
      const timestamp = readTimestamp(bytes, start)
      return `Timestamp(${secondsOf(timestamp)}, ${counterOf(timestamp)})`
    }
    default:
      throw new DatabaseError(16007, `can't convert from BSON type ${shownType(value)} to String`)
  }
}
