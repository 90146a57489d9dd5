/** Truth values of command fields, read in place and converted the way MongoDB's parser does. */
import { readDecimal128 } from '../bson/decimal128.ts'
import { bsonType } from '../bson/type.ts'
import { readDouble, readInt32, readInt64 } from '../bson/value.ts'

/** False for false, zero, null, undefined; true for NaN and everything else, as MongoDB sees truth values in commands. */
export function truthyAt(type: number, bytes: Uint8Array, start: number): boolean {
  switch (type) {
    case bsonType.boolean:
      return bytes[start] !== 0
    case bsonType.int32:
      return readInt32(bytes, start) !== 0
    case bsonType.int64:
      return readInt64(bytes, start) !== 0n
    case bsonType.double:
      return readDouble(bytes, start) !== 0
    case bsonType.decimal128: {
      const { form, coefficient } = readDecimal128(bytes, start)
      return form !== 'finite' || coefficient !== 0n
    }
    case bsonType.null:
    case bsonType.undefined:
      return false
    default:
      return true
  }
}
