/**
 * MongoDB's hash of a value, which hashed indexes and `$toHashedIndexKey` show: the first half of the MD5 of a seed (0), the
 * value's canonical type, and the value; all numbers as 64-bit integers cut towards zero, so that equal ones hash alike up to
 * their fraction; documents and arrays element by element, each with its name.
 */
import { readDecimal128 } from './decimal128.ts'
import { readDouble, readInt32, readInt64, readUint32 } from './little-endian.ts'
import { md5Head } from './md5.ts'
import { bsonType } from './type.ts'
import { valueEnd } from './walk.ts'
import { BsonWriter } from './writer.ts'

/** What MongoDB calls the canonical type of a BSON type. */
const canonicalTypes: Readonly<Record<number, number>> = {
  [bsonType.minKey]: -1,
  [bsonType.maxKey]: 127,
  [bsonType.undefined]: 0,
  [bsonType.null]: 5,
  [bsonType.double]: 10,
  [bsonType.int32]: 10,
  [bsonType.int64]: 10,
  [bsonType.decimal128]: 10,
  [bsonType.string]: 15,
  [bsonType.symbol]: 15,
  [bsonType.document]: 20,
  [bsonType.array]: 25,
  [bsonType.binary]: 30,
  [bsonType.objectId]: 35,
  [bsonType.boolean]: 40,
  [bsonType.date]: 45,
  [bsonType.timestamp]: 47,
  [bsonType.regex]: 50,
  [bsonType.dbPointer]: 55,
  [bsonType.code]: 60,
  [bsonType.codeWithScope]: 65,
}

const int64Min = -(2n ** 63n)
const int64Max = 2n ** 63n - 1n
const scratch = new BsonWriter(256)
const word = new DataView(new ArrayBuffer(8))

/** The signed 64-bit hash of the value of `type` at `start`. */
export function hashValue(type: number, bytes: Uint8Array, start: number): bigint {
  scratch.reset()
  appendInt32(0)
  appendValue(type, bytes, start)
  const [low, high] = md5Head(scratch.bytes, scratch.length)
  word.setInt32(0, low, true)
  word.setInt32(4, high, true)
  return word.getBigInt64(0, true)
}

function appendValue(type: number, bytes: Uint8Array, start: number): void {
  appendInt32(canonicalTypes[type]!)
  appendContent(type, bytes, start)
}

function appendContent(type: number, bytes: Uint8Array, start: number): void {
  switch (type) {
    case bsonType.double:
    case bsonType.int32:
    case bsonType.int64:
    case bsonType.decimal128:
      word.setBigInt64(0, wholeOf(type, bytes, start), true)
      scratch.append(new Uint8Array(word.buffer), 0, 8)
      return
    case bsonType.document:
    case bsonType.array:
      appendElements(bytes, start)
      return
    case bsonType.codeWithScope: {
      const length = readUint32(bytes, start + 4)
      scratch.append(bytes, start + 8, start + 8 + length)
      appendElements(bytes, start + 8 + length)
      return
    }
    default:
      scratch.append(bytes, start, valueEnd(bytes, type, start))
  }
}

function appendElements(bytes: Uint8Array, start: number): void {
  let at = start + 4
  while (bytes[at] !== 0) {
    const type = bytes[at++]!
    const nameStart = at
    while (bytes[at++] !== 0);
    appendInt32(canonicalTypes[type]!)
    scratch.append(bytes, nameStart, at)
    appendContent(type, bytes, at)
    at = valueEnd(bytes, type, at)
  }
}

function appendInt32(n: number): void {
  word.setInt32(0, n, true)
  scratch.append(new Uint8Array(word.buffer), 0, 4)
}

function wholeOf(type: number, bytes: Uint8Array, start: number): bigint {
  if (type === bsonType.int32) return BigInt(readInt32(bytes, start))
  if (type === bsonType.int64) return readInt64(bytes, start)
  if (type === bsonType.double) {
    const n = readDouble(bytes, start)
    if (Number.isNaN(n)) return 0n
    if (n >= 2 ** 63) return int64Max
    return n < -(2 ** 63) ? int64Min : BigInt(Math.trunc(n))
  }
  const decimal = readDecimal128(bytes, start)
  if (decimal.form === 'nan') return 0n
  if (decimal.form === 'infinity') return decimal.negative ? int64Min : int64Max
  const { coefficient, exponent } = decimal
  if (exponent > 19 && coefficient !== 0n) return decimal.negative ? int64Min : int64Max
  const size = exponent >= 0 ? coefficient * 10n ** BigInt(exponent) : coefficient / 10n ** BigInt(-exponent)
  const whole = decimal.negative ? -size : size
  return whole > int64Max ? int64Max : whole < int64Min ? int64Min : whole
}
