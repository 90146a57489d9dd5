/** Numbers and truth values of command fields, read in place and converted the way MongoDB's parser does. */
import { assert } from '../base/assert.ts'
import { bsonType } from '../bson/type.ts'
import { readDouble, readInt32, readInt64, readInt64Number } from '../bson/value.ts'

const int64Limit = 2 ** 63

/** A number as a whole one: doubles cut towards zero, decimals rounded half to even, NaN is 0, clamped to ±2^63. */
export function wholeNumberAt(type: number, bytes: Uint8Array, start: number): number {
  switch (type) {
    case bsonType.int32:
      return readInt32(bytes, start)
    case bsonType.int64:
      return readInt64Number(bytes, start)
    case bsonType.double:
      return clamp(Math.trunc(readDouble(bytes, start)))
    case bsonType.decimal128:
      return roundDecimal(bytes, start)
    default:
      return assertNumber()
  }
}

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
      const decimal = decimalAt(bytes, start)
      return decimal.special !== undefined || decimal.coefficient !== 0n
    }
    case bsonType.null:
    case bsonType.undefined:
      return false
    default:
      return true
  }
}

function assertNumber(): never {
  assert(false, 'a number field was declared with a type that is no number')
}

function clamp(number: number): number {
  if (Number.isNaN(number)) return 0
  return Math.min(Math.max(number, -int64Limit), int64Limit) + 0
}

interface Decimal {
  readonly special: 'nan' | 'infinity' | undefined
  readonly negative: boolean
  readonly coefficient: bigint
  readonly exponent: number
}

/** IEEE 754-2008 decimal128, binary integer encoding. */
function decimalAt(bytes: Uint8Array, start: number): Decimal {
  const low = BigInt.asUintN(64, readInt64(bytes, start))
  const high = BigInt.asUintN(64, readInt64(bytes, start + 8))
  const negative = high >> 63n === 1n
  const combination = Number((high >> 58n) & 0x1fn)
  if (combination === 0x1f) return { special: 'nan', negative, coefficient: 0n, exponent: 0 }
  if (combination === 0x1e) return { special: 'infinity', negative, coefficient: 0n, exponent: 0 }
  // A coefficient beyond 34 digits (both high combination bits set) is not canonical and means zero.
  if (combination >= 0x18) return { special: undefined, negative, coefficient: 0n, exponent: 0 }
  const coefficient = ((high & ((1n << 49n) - 1n)) << 64n) | low
  return { special: undefined, negative, coefficient, exponent: Number((high >> 49n) & 0x3fffn) - 6176 }
}

function roundDecimal(bytes: Uint8Array, start: number): number {
  const { special, negative, coefficient, exponent } = decimalAt(bytes, start)
  if (special === 'infinity') return negative ? -int64Limit : int64Limit
  if (special === 'nan' || coefficient === 0n) return 0
  let whole: bigint
  if (exponent >= 0) {
    if (exponent > 20) return negative ? -int64Limit : int64Limit
    whole = coefficient * 10n ** BigInt(exponent)
  } else if (exponent < -40) {
    whole = 0n
  } else {
    const unit = 10n ** BigInt(-exponent)
    whole = coefficient / unit
    const twice = (coefficient % unit) * 2n
    if (twice > unit || (twice === unit && (whole & 1n) === 1n)) whole++
  }
  return clamp(Number(negative ? -whole : whole))
}
