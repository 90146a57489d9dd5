/** Numbers of any BSON type as 64-bit integers: what `$mod` and the bit tests work on. */
import { readDecimal128 } from '../../../bson/decimal128.ts'
import { bsonType } from '../../../bson/type.ts'
import { readDouble, readInt32, readInt64, type Value } from '../../../bson/value.ts'

const int64Min = -(2n ** 63n)
const int64Max = 2n ** 63n - 1n

/** The integer part (towards zero); undefined when that is no int64, or for NaN, an infinity and what is no number. */
export function truncatedInt64(value: Value): bigint | undefined {
  return toInt64(value, false)
}

/** As `truncatedInt64`, and undefined for what has a fraction. */
export function exactInt64(value: Value): bigint | undefined {
  return toInt64(value, true)
}

function toInt64(value: Value, exact: boolean): bigint | undefined {
  const { type, bytes, start } = value
  switch (type) {
    case bsonType.int32:
      return BigInt(readInt32(bytes, start))
    case bsonType.int64:
      return readInt64(bytes, start)
    case bsonType.double: {
      const n = readDouble(bytes, start)
      // 2^63 itself is a double and no int64.
      if (!(n >= -(2 ** 63) && n < 2 ** 63) || (exact && !Number.isInteger(n))) return undefined
      return BigInt(Math.trunc(n))
    }
    case bsonType.decimal128:
      return decimalToInt64(bytes, start, exact)
    default:
      return undefined
  }
}

function decimalToInt64(bytes: Uint8Array, start: number, exact: boolean): bigint | undefined {
  const { form, negative, coefficient, exponent } = readDecimal128(bytes, start)
  if (form !== 'finite') return undefined
  if (coefficient === 0n) return 0n
  if (exponent > 19) return undefined
  let magnitude: bigint
  if (exponent >= 0) magnitude = coefficient * 10n ** BigInt(exponent)
  else {
    const unit = 10n ** BigInt(Math.min(-exponent, 40))
    magnitude = coefficient / unit
    if (exact && magnitude * unit !== coefficient) return undefined
  }
  const n = negative ? -magnitude : magnitude
  return n >= int64Min && n <= int64Max ? n : undefined
}
