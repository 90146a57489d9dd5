/**
 * Arithmetic on numeric values with MongoDB's promotion: the result has the wider type of int32 < int64 < double
 * < decimal128; two int32 give an int64 when an int32 cannot hold the result; an int64 that overflows is no result.
 */
import { assert } from '../base/assert.ts'
import { addDecimals, decimalOfDouble, multiplyDecimals, subtractDecimals } from './decimal-arithmetic.ts'
import { type Decimal, decimal128Bytes, integerDecimal, readDecimal128 } from './decimal128.ts'
import { readDouble, readInt32, readInt64, readInt64Number } from './little-endian.ts'
import { bsonType, isNumber, type Value } from './type.ts'
import { decimal128Value, doubleValue, int32Value, int64Value, numberOf } from './value.ts'

/** Both numeric. Undefined when the sum of integers does not fit int64. */
export function addNumbers(a: Value, b: Value): Value | undefined {
  return calculate(a, b, addition)
}

/** Both numeric. Undefined when the difference of integers does not fit int64. */
export function subtractNumbers(a: Value, b: Value): Value | undefined {
  return calculate(a, b, subtraction)
}

/** Both numeric. Undefined when the product of integers does not fit int64. */
export function multiplyNumbers(a: Value, b: Value): Value | undefined {
  return calculate(a, b, multiplication)
}

interface Operation {
  doubles(a: number, b: number): number
  integers(a: bigint, b: bigint): bigint
  decimals(a: Decimal, b: Decimal): Decimal
}
const addition: Operation = { doubles: (a, b) => a + b, integers: (a, b) => a + b, decimals: addDecimals }
const subtraction: Operation = { doubles: (a, b) => a - b, integers: (a, b) => a - b, decimals: subtractDecimals }
const multiplication: Operation = { doubles: (a, b) => a * b, integers: (a, b) => a * b, decimals: multiplyDecimals }

function calculate(a: Value, b: Value, operation: Operation): Value | undefined {
  const type = widerType(a.type, b.type)
  if (type === bsonType.decimal128) {
    return decimal128Value(decimal128Bytes(operation.decimals(decimalOf(a), decimalOf(b))))
  }
  if (type === bsonType.double) return doubleValue(operation.doubles(numberOf(a), numberOf(b)))
  const near = operation.doubles(numberOf(a), numberOf(b))
  if (Number.isSafeInteger(near) && Number.isSafeInteger(numberOf(a)) && Number.isSafeInteger(numberOf(b))) {
    // -0, of 0 * -5, is no integer's value.
    return type === bsonType.int32 && fitsInt32(near) ? int32Value(near) : int64Value(near + 0)
  }
  const exact = operation.integers(int64Of(a), int64Of(b))
  return BigInt.asIntN(64, exact) === exact ? int64Value(exact) : undefined
}

/** Of two numeric types the one that the result of arithmetic has. */
export function widerType(aType: number, bType: number): number {
  assert(isNumber(aType) && isNumber(bType), 'arithmetic on what is not a number')
  return width(aType) >= width(bType) ? aType : bType
}

function width(type: number): number {
  switch (type) {
    case bsonType.int32:
      return 0
    case bsonType.int64:
      return 1
    case bsonType.double:
      return 2
    default:
      return 3
  }
}

export function fitsInt32(n: number): boolean {
  return n >= -2147483648 && n <= 2147483647
}

/** An int32 or int64 value, exactly. */
function int64Of(value: Value): bigint {
  return value.type === bsonType.int32
    ? BigInt(readInt32(value.bytes, value.start))
    : readInt64(value.bytes, value.start)
}

/** Any numeric value as a decimal; a double is taken with 15 digits, as MongoDB does. */
export function decimalOf(value: Value): Decimal {
  switch (value.type) {
    case bsonType.decimal128:
      return readDecimal128(value.bytes, value.start)
    case bsonType.double:
      return decimalOfDouble(readDouble(value.bytes, value.start))
    default:
      return integerDecimal(int64Of(value))
  }
}

/** An int32 when it fits, else an int64; undefined beyond that. */
export function integerValue(n: bigint): Value | undefined {
  if (BigInt.asIntN(32, n) === n) return int32Value(Number(n))
  return BigInt.asIntN(64, n) === n ? int64Value(n) : undefined
}

/**
 * The whole number that a numeric value of any type is exactly (3, 3.0, 3.00), for sizes, limits and the like; undefined
 * for a fraction, for anything beyond ±2^53, and for what is not a number.
 */
export function wholeNumberOf(value: Value): number | undefined {
  switch (value.type) {
    case bsonType.int32:
      return readInt32(value.bytes, value.start)
    case bsonType.int64: {
      const n = readInt64Number(value.bytes, value.start)
      return Number.isSafeInteger(n) ? n : undefined
    }
    case bsonType.double: {
      const n = readDouble(value.bytes, value.start)
      return Number.isSafeInteger(n) ? n + 0 : undefined
    }
    case bsonType.decimal128: {
      const whole = wholeOfDecimal(readDecimal128(value.bytes, value.start))
      const n = Number(whole ?? Number.NaN)
      return Number.isSafeInteger(n) ? n : undefined
    }
    default:
      return undefined
  }
}

/** The integer within int64 that a numeric value of any type is exactly; undefined if it is none. */
export function wholeInt64Of(value: Value): bigint | undefined {
  switch (value.type) {
    case bsonType.int32:
    case bsonType.int64:
      return int64Of(value)
    case bsonType.double: {
      const n = readDouble(value.bytes, value.start)
      return Number.isInteger(n) && n >= -(2 ** 63) && n < 2 ** 63 ? BigInt(n) : undefined
    }
    case bsonType.decimal128: {
      const whole = wholeOfDecimal(readDecimal128(value.bytes, value.start))
      return whole !== undefined && BigInt.asIntN(64, whole) === whole ? whole : undefined
    }
    default:
      return undefined
  }
}

/** Undefined also for what is far beyond int64. */
function wholeOfDecimal(decimal: Decimal): bigint | undefined {
  if (decimal.form !== 'finite') return undefined
  const { coefficient, exponent, negative } = decimal
  if (coefficient === 0n) return 0n
  if (exponent > 20 || exponent < -34) return undefined
  const scale = 10n ** BigInt(Math.abs(exponent))
  if (exponent < 0 && coefficient % scale !== 0n) return undefined
  const size = exponent < 0 ? coefficient / scale : coefficient * scale
  return negative ? -size : size
}
