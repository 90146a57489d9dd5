/**
 * The one order: how two BSON values compare, over all types, as MongoDB 8 has it. `key.ts` gives bytes that sort the
 * same way; nothing else in the project compares values.
 *
 * Across types: MinKey < undefined < null < numbers < strings and symbols < document < array < binary < ObjectId
 * < boolean < date < timestamp < regex < DBPointer < code < code with scope < MaxKey. Within one:
 *
 *   numbers           by mathematical value over all four types, exactly; NaN first and equal to itself; -0 = 0
 *   string, symbol    by UTF-8 bytes, the shorter first
 *   document          field by field: type, then name, then value; the shorter first
 *   array             element by element: type, then value; the shorter first
 *   binary            length, then subtype, then bytes
 *   timestamp, date   unsigned; signed
 *   regex             pattern, then flags
 *   DBPointer         size of its text, then bytes
 *   code with scope   code, then scope
 *
 * Nested values are compared by calls, as deep as a document may nest.
 */
import { compareBytes } from './bytes.ts'
import {
  compareDecimals,
  type Decimal,
  decimalNaN,
  exactDecimal,
  integerDecimal,
  readDecimal128,
} from './decimal128.ts'
import { readDouble, readInt32, readInt64, readInt64Number, readUint32, twoTo32 } from './little-endian.ts'
import { bsonType, canonicalRank, isNumber, type Value } from './type.ts'
import { valueEnd } from './walk.ts'

/** <0, 0 or >0. Starts are those of the values; the bytes must be valid. */
export function compareValues(
  aType: number,
  aBytes: Uint8Array,
  aStart: number,
  bType: number,
  bBytes: Uint8Array,
  bStart: number,
): number {
  if (aType !== bType) {
    const byRank = canonicalRank(aType) - canonicalRank(bType)
    if (byRank !== 0) return byRank
    if (isNumber(aType)) return compareMixedNumbers(aType, aBytes, aStart, bType, bBytes, bStart)
    return compareStrings(aBytes, aStart, bBytes, bStart)
  }
  switch (aType) {
    case bsonType.int32:
      return compareDoubles(readInt32(aBytes, aStart), readInt32(bBytes, bStart))
    case bsonType.string:
    case bsonType.symbol:
    case bsonType.code:
      return compareStrings(aBytes, aStart, bBytes, bStart)
    case bsonType.objectId:
      return compareBytes(aBytes, aStart, aStart + 12, bBytes, bStart, bStart + 12)
    case bsonType.double:
      return compareDoubles(readDouble(aBytes, aStart), readDouble(bBytes, bStart))
    case bsonType.int64:
    case bsonType.date: {
      const byUpper = compareDoubles(readInt32(aBytes, aStart + 4), readInt32(bBytes, bStart + 4))
      return byUpper !== 0 ? byUpper : compareDoubles(readUint32(aBytes, aStart), readUint32(bBytes, bStart))
    }
    case bsonType.timestamp: {
      const bySeconds = compareDoubles(readUint32(aBytes, aStart + 4), readUint32(bBytes, bStart + 4))
      return bySeconds !== 0 ? bySeconds : compareDoubles(readUint32(aBytes, aStart), readUint32(bBytes, bStart))
    }
    case bsonType.boolean:
      return aBytes[aStart]! - bBytes[bStart]!
    case bsonType.document:
      return compareDocuments(aBytes, aStart, bBytes, bStart, true)
    case bsonType.array:
      return compareDocuments(aBytes, aStart, bBytes, bStart, false)
    case bsonType.binary: {
      const byLength = compareDoubles(readInt32(aBytes, aStart), readInt32(bBytes, bStart))
      if (byLength !== 0) return byLength
      const length = readInt32(aBytes, aStart) + 1
      return compareBytes(aBytes, aStart + 4, aStart + 4 + length, bBytes, bStart + 4, bStart + 4 + length)
    }
    case bsonType.decimal128:
      return compareDecimals(readDecimal128(aBytes, aStart), readDecimal128(bBytes, bStart))
    case bsonType.regex: {
      const byPattern = compareCstrings(aBytes, aStart, bBytes, bStart)
      if (byPattern !== 0) return byPattern
      return compareCstrings(aBytes, aBytes.indexOf(0, aStart) + 1, bBytes, bBytes.indexOf(0, bStart) + 1)
    }
    case bsonType.dbPointer: {
      const length = readInt32(aBytes, aStart)
      const byLength = compareDoubles(length, readInt32(bBytes, bStart))
      if (byLength !== 0) return byLength
      return compareBytes(aBytes, aStart + 4, aStart + 16 + length, bBytes, bStart + 4, bStart + 16 + length)
    }
    case bsonType.codeWithScope: {
      const byCode = compareStrings(aBytes, aStart + 4, bBytes, bStart + 4)
      if (byCode !== 0) return byCode
      const aScope = aStart + 8 + readInt32(aBytes, aStart + 4)
      const bScope = bStart + 8 + readInt32(bBytes, bStart + 4)
      return compareDocuments(aBytes, aScope, bBytes, bScope, true)
    }
    default: // null, undefined, minKey, maxKey
      return 0
  }
}

/** Equal in the one order: 1 and 1.0 are, {a: 1, b: 2} and {b: 2, a: 1} are not. */
export function equalValues(
  aType: number,
  aBytes: Uint8Array,
  aStart: number,
  bType: number,
  bBytes: Uint8Array,
  bStart: number,
): boolean {
  if (aType === bsonType.string && bType === aType && readInt32(aBytes, aStart) !== readInt32(bBytes, bStart)) {
    return false
  }
  return compareValues(aType, aBytes, aStart, bType, bBytes, bStart) === 0
}

export function compare(a: Value, b: Value): number {
  return compareValues(a.type, a.bytes, a.start, b.type, b.bytes, b.start)
}

export function equal(a: Value, b: Value): boolean {
  return equalValues(a.type, a.bytes, a.start, b.type, b.bytes, b.start)
}

/** Doubles with NaN before all others. */
export function compareDoubles(a: number, b: number): number {
  if (a < b) return -1
  if (a > b) return 1
  if (a === b) return 0
  return Number.isNaN(a) ? (Number.isNaN(b) ? 0 : -1) : 1
}

function compareStrings(aBytes: Uint8Array, aStart: number, bBytes: Uint8Array, bStart: number): number {
  const aLength = readInt32(aBytes, aStart) - 1
  const bLength = readInt32(bBytes, bStart) - 1
  return compareBytes(aBytes, aStart + 4, aStart + 4 + aLength, bBytes, bStart + 4, bStart + 4 + bLength)
}

function compareCstrings(aBytes: Uint8Array, a: number, bBytes: Uint8Array, b: number): number {
  for (;;) {
    const byte = aBytes[a++]!
    const difference = byte - bBytes[b++]!
    if (difference !== 0) return difference
    if (byte === 0) return 0
  }
}

/** `named`: names count, as they do in documents and do not in arrays. */
function compareDocuments(
  aBytes: Uint8Array,
  aStart: number,
  bBytes: Uint8Array,
  bStart: number,
  named: boolean,
): number {
  let a = aStart + 4
  let b = bStart + 4
  for (;;) {
    const aType = aBytes[a++]!
    const bType = bBytes[b++]!
    if (aType === 0 || bType === 0) return aType === bType ? 0 : aType === 0 ? -1 : 1
    if (aType !== bType) {
      const byRank = canonicalRank(aType) - canonicalRank(bType)
      if (byRank !== 0) return byRank
    }
    if (named) {
      for (;;) {
        const byte = aBytes[a++]!
        const byName = byte - bBytes[b++]!
        if (byName !== 0) return byName
        if (byte === 0) break
      }
    } else {
      while (aBytes[a++] !== 0);
      while (bBytes[b++] !== 0);
    }
    const byValue = compareValues(aType, aBytes, a, bType, bBytes, b)
    if (byValue !== 0) return byValue
    a = valueEnd(aBytes, aType, a)
    b = valueEnd(bBytes, bType, b)
  }
}

/** Numbers of two different types. */
function compareMixedNumbers(
  aType: number,
  aBytes: Uint8Array,
  aStart: number,
  bType: number,
  bBytes: Uint8Array,
  bStart: number,
): number {
  if (aType === bsonType.decimal128 || bType === bsonType.decimal128) {
    return compareDecimals(toDecimal(aType, aBytes, aStart), toDecimal(bType, bBytes, bStart))
  }
  if (aType === bsonType.int64 && bType === bsonType.double) {
    return compareInt64WithDouble(aBytes, aStart, readDouble(bBytes, bStart))
  }
  if (aType === bsonType.double && bType === bsonType.int64) {
    return 0 - compareInt64WithDouble(bBytes, bStart, readDouble(aBytes, aStart))
  }
  // An int32 is exact, and an int64 that equals one is: rounding cannot bring any other to it.
  return compareDoubles(smallNumber(aType, aBytes, aStart), smallNumber(bType, bBytes, bStart))
}

function smallNumber(type: number, bytes: Uint8Array, start: number): number {
  if (type === bsonType.int32) return readInt32(bytes, start)
  return type === bsonType.double ? readDouble(bytes, start) : readInt64Number(bytes, start)
}

const twoTo63 = 2 ** 63

function compareInt64WithDouble(bytes: Uint8Array, start: number, double: number): number {
  if (!(double >= -twoTo63 && double < twoTo63)) return double < 0 || Number.isNaN(double) ? 1 : -1
  const whole = Math.floor(double)
  const upper = Math.floor(whole / twoTo32)
  const byUpper = readInt32(bytes, start + 4) - upper
  if (byUpper !== 0) return byUpper
  const byLower = readUint32(bytes, start) - (whole - upper * twoTo32)
  if (byLower !== 0) return byLower
  return double > whole ? -1 : 0
}

/** A number of any type as the decimal that it is exactly, with as many digits as that takes. */
function toDecimal(type: number, bytes: Uint8Array, start: number): Decimal {
  switch (type) {
    case bsonType.int32:
      return integerDecimal(BigInt(readInt32(bytes, start)))
    case bsonType.int64:
      return integerDecimal(readInt64(bytes, start))
    case bsonType.double:
      return exactDecimal(readDouble(bytes, start))
    case bsonType.decimal128:
      return readDecimal128(bytes, start)
    default:
      return decimalNaN
  }
}
