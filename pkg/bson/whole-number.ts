/** Numbers as whole ones, the way MongoDB's parsers convert what counts, sizes and directions are given as. */
import { assert } from '../base/assert.ts'
import { readDecimal128 } from './decimal128.ts'
import { readDouble, readInt32, readInt64Number } from './little-endian.ts'
import { bsonType } from './type.ts'

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

function assertNumber(): never {
  assert(false, 'the value is a number')
}

function clamp(number: number): number {
  if (Number.isNaN(number)) return 0
  return Math.min(Math.max(number, -int64Limit), int64Limit) + 0
}

function roundDecimal(bytes: Uint8Array, start: number): number {
  const { form, negative, coefficient, exponent } = readDecimal128(bytes, start)
  if (form === 'infinity') return negative ? -int64Limit : int64Limit
  if (form !== 'finite' || coefficient === 0n) return 0
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
