/** `$ceil`, `$floor`, `$round` and `$trunc`. */
import { DatabaseError } from '../../../base/errors.ts'
import {
  type Decimal,
  decimalNaN,
  decimalToNumber,
  digitCount,
  digitsMax,
  exactDecimal,
  powerOfTen,
  roundDecimal,
} from '../../../bson/decimal128.ts'
import { decimalOf, wholeInt64Of } from '../../../bson/number.ts'
import { bsonType } from '../../../bson/type.ts'
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
} from '../../../bson/value.ts'
import { isNullish } from '../../expression.ts'
import { type Operator, rangedOperator } from '../operator.ts'
import { shownType } from '../shown-type.ts'
import { numericOperator, valueOfDecimal } from './numeric-argument.ts'

/** Gives the whole part of the size, one more, or the nearer of both, even when both are as near. */
type Mode = 'up' | 'down' | 'zero' | 'even'

export const ceil = wholeOperator('$ceil', Math.ceil, 'up')
export const floor = wholeOperator('$floor', Math.floor, 'down')
/** `{$round: [a, places]}`: half to even; `places` from -20 to 100, 0 when left out. */
export const round = placesOperator('$round', 'even')
export const trunc = placesOperator('$trunc', 'zero')

function wholeOperator(name: string, ofDouble: (n: number) => number, mode: Mode): Operator {
  return numericOperator(name, (number) => {
    if (number.type === bsonType.double) return doubleValue(ofDouble(numberOf(number)))
    if (number.type !== bsonType.decimal128) return number
    return valueOfDecimal(quantized(decimalOf(number), 0, mode))
  })
}

/** With just this exponent; NaN for what then has too many digits, and for what is not finite. */
function quantized(decimal: Decimal, exponent: number, mode: Mode): Decimal {
  if (decimal.form !== 'finite') return decimalNaN
  const { coefficient, negative } = decimal
  const shift = decimal.exponent - exponent
  if (shift >= 0) {
    if (coefficient !== 0n && digitCount(coefficient) + shift > digitsMax) return decimalNaN
    return { ...decimal, coefficient: coefficient === 0n ? 0n : coefficient * powerOfTen(shift), exponent }
  }
  const whole = dropDigits(coefficient, -shift, mode, negative)
  return digitCount(whole) > digitsMax ? decimalNaN : { ...decimal, coefficient: whole, exponent }
}

function dropDigits(coefficient: bigint, count: number, mode: Mode, negative: boolean): bigint {
  // All digits go, and what is left is far from a half.
  if (count > 1000) return coefficient !== 0n && mode === (negative ? 'down' : 'up') ? 1n : 0n
  const unit = powerOfTen(count)
  const whole = coefficient / unit
  const rest = coefficient % unit
  if (rest === 0n) return whole
  switch (mode) {
    case 'zero':
      return whole
    case 'up':
      return negative ? whole : whole + 1n
    case 'down':
      return negative ? whole + 1n : whole
    case 'even': {
      const twice = rest * 2n
      return twice > unit || (twice === unit && (whole & 1n) === 1n) ? whole + 1n : whole
    }
  }
}

function placesOperator(name: string, mode: 'even' | 'zero'): Operator {
  return rangedOperator(name, 1, 2, ([operand, placesOperand]) => (context) => {
    const number = operand!(context)
    const given = placesOperand === undefined ? undefined : placesOperand(context)
    if (isNullish(number)) return nullValue
    if (given !== undefined && isNullish(given)) return nullValue
    if (!isNumber(number.type)) {
      throw new DatabaseError(51081, `${name} only supports numeric types, not ${shownType(number)}`)
    }
    const places = given === undefined ? 0 : placesOf(name, given)
    switch (number.type) {
      case bsonType.double:
        return doubleValue(roundDouble(numberOf(number), places, mode))
      case bsonType.decimal128: {
        const decimal = decimalOf(number)
        const rounded = quantized(decimal, -places, mode)
        return rounded.form === 'nan' ? number : valueOfDecimal(rounded)
      }
      default:
        return places >= 0 ? number : roundInteger(name, number, -places, mode)
    }
  })
}

function placesOf(name: string, given: Value): number {
  if (!isNumber(given.type)) {
    throw new DatabaseError(16004, `can't convert from BSON type ${shownType(given)} to long`)
  }
  const near = numberOf(given)
  if (given.type === bsonType.double && !(near >= -(2 ** 63) && near < 2 ** 63))
    throw new DatabaseError(31109, `Can't coerce out of range value ${near} to long`)
  const places = wholeInt64Of(given)
  if (places === undefined || BigInt.asIntN(32, places) !== places)
    throw new DatabaseError(51082, `precision argument to  ${name} must be a integral value`)
  if (places < -20n || places > 100n) {
    throw new DatabaseError(51083, `cannot apply ${name} with precision value ${places} value must be in [-20, 100]`)
  }
  return Number(places)
}

/** By way of a decimal of 34 digits, as MongoDB does: the digits that the double truly has count, not those it is shown with. */
function roundDouble(n: number, places: number, mode: Mode): number {
  if (!Number.isFinite(n)) return n
  if (places === 0) return mode === 'zero' ? Math.trunc(n) : nearestEven(n)
  const exact = exactDecimal(n)
  const decimal = roundDecimal(exact.negative, exact.coefficient, exact.exponent).decimal
  const rounded = quantized(decimal, -places, mode)
  return rounded.form === 'nan' ? n : decimalToNumber(rounded)
}

/** The sum with 2^52 has no digits beyond the point: it is the hardware that rounds, half to even. */
function nearestEven(n: number): number {
  const size = Math.abs(n)
  const rounded = size < 2 ** 52 ? size + 2 ** 52 - 2 ** 52 : size
  return n < 0 || Object.is(n, -0) ? -rounded : rounded
}

function roundInteger(name: string, number: Value, digits: number, mode: Mode): Value {
  const isInt32 = number.type === bsonType.int32
  const n = isInt32 ? BigInt(readInt32(number.bytes, number.start)) : readInt64(number.bytes, number.start)
  const size = dropDigits(n < 0n ? -n : n, digits, mode, n < 0n) * powerOfTen(digits)
  const rounded = n < 0n ? -size : size
  if (BigInt.asIntN(64, rounded) !== rounded) {
    throw new DatabaseError(
      51080,
      `invalid conversion from Decimal128 result in ${name} resulting from arguments: overflow`,
    )
  }
  return isInt32 && BigInt.asIntN(32, rounded) === rounded ? int32Value(Number(rounded)) : int64Value(rounded)
}
