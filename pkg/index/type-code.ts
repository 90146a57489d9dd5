/**
 * What a key has lost of the value it was made of, as one byte: numbers of one value have one key whatever their type,
 * a missing field has that of null. With it a covered query gives values back exactly, without reading the document.
 */
import { bsonType } from '../bson/type.ts'
import { readDouble, readInt32 } from '../bson/value.ts'

export const typeCode = {
  /** As the key says: a whole number in the range of int32 is one, other numbers are doubles. */
  plain: 0,
  double: 1,
  int64: 2,
  negativeZero: 3,
  missing: 4,
  /** The value cannot be had from the key. */
  lost: 255,
} as const

/** The code of a value that is there. */
export function typeCodeOf(type: number, bytes: Uint8Array, start: number): number {
  switch (type) {
    case bsonType.int32:
    case bsonType.string:
    case bsonType.objectId:
    case bsonType.date:
    case bsonType.boolean:
    case bsonType.null:
    case bsonType.timestamp:
    case bsonType.undefined:
    case bsonType.minKey:
    case bsonType.maxKey:
      return typeCode.plain
    case bsonType.double: {
      const n = readDouble(bytes, start)
      if ((n | 0) !== n) return Number.isNaN(n) ? typeCode.lost : typeCode.plain
      return n === 0 && Object.is(n, -0) ? typeCode.negativeZero : typeCode.double
    }
    case bsonType.int64: {
      // Beyond 2^53 key and double may disagree on the last bits.
      const upper = readInt32(bytes, start + 4)
      return upper >= -0x200000 && upper < 0x200000 ? typeCode.int64 : typeCode.lost
    }
    default:
      return typeCode.lost
  }
}
