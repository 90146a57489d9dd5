/**
 * Arithmetic on decimals as IEEE 754 has it: exact, then rounded once to 34 digits, half to even. A result keeps the
 * finest quantum that its operands have (1.10 + 2.2 = 3.30, 1.10 * 2 = 2.20) as far as 34 digits allow.
 */
import {
  type Decimal,
  decimalInfinity,
  decimalNaN,
  digitCount,
  digitsMax,
  exactDecimal,
  powerOfTen,
  roundDecimal,
} from './decimal128.ts'

export function addDecimals(a: Decimal, b: Decimal): Decimal {
  if (a.form === 'nan' || b.form === 'nan') return decimalNaN
  if (a.form === 'infinity') return b.form === 'infinity' && a.negative !== b.negative ? decimalNaN : a
  if (b.form === 'infinity') return b
  const exponent = Math.min(a.exponent, b.exponent)
  const sum = signedAt(a, exponent) + signedAt(b, exponent)
  const negative = sum === 0n ? a.negative && b.negative : sum < 0n
  return roundDecimal(negative, sum < 0n ? -sum : sum, exponent).decimal
}

export function subtractDecimals(a: Decimal, b: Decimal): Decimal {
  return addDecimals(a, negateDecimal(b))
}

export function multiplyDecimals(a: Decimal, b: Decimal): Decimal {
  if (a.form === 'nan' || b.form === 'nan') return decimalNaN
  const negative = a.negative !== b.negative
  if (a.form === 'infinity' || b.form === 'infinity') {
    return isZero(a) || isZero(b) ? decimalNaN : decimalInfinity(negative)
  }
  return roundDecimal(negative, a.coefficient * b.coefficient, a.exponent + b.exponent).decimal
}

/** x / 0 is infinite, 0 / 0 is NaN. An exact quotient keeps the quantum a.exponent - b.exponent if it can. */
export function divideDecimals(a: Decimal, b: Decimal): Decimal {
  if (a.form === 'nan' || b.form === 'nan') return decimalNaN
  const negative = a.negative !== b.negative
  if (a.form === 'infinity') return b.form === 'infinity' ? decimalNaN : decimalInfinity(negative)
  if (b.form === 'infinity') return roundDecimal(negative, 0n, -Infinity).decimal
  if (isZero(b)) return isZero(a) ? decimalNaN : decimalInfinity(negative)
  const ideal = a.exponent - b.exponent
  if (isZero(a)) return roundDecimal(negative, 0n, ideal).decimal
  // Two digits more than can be kept: with the rest as sticky, rounding sees all it needs.
  const shift = Math.max(0, digitsMax + 2 + digitCount(b.coefficient) - digitCount(a.coefficient))
  const dividend = a.coefficient * powerOfTen(shift)
  let quotient = dividend / b.coefficient
  let exponent = ideal - shift
  const exact = quotient * b.coefficient === dividend
  if (exact) {
    while (exponent < ideal && quotient % 10n === 0n) {
      quotient /= 10n
      exponent++
    }
  }
  return roundDecimal(negative, quotient, exponent, !exact).decimal
}

export function negateDecimal(decimal: Decimal): Decimal {
  return decimal.form === 'nan' ? decimal : { ...decimal, negative: !decimal.negative }
}

/** A double as MongoDB makes a decimal of it: 15 significant digits, trailing zeros too (2.5 is 2.50000000000000). */
export function decimalOfDouble(n: number): Decimal {
  const exact = exactDecimal(n)
  if (exact.form !== 'finite' || exact.coefficient === 0n) return exact
  const digits = 15
  const missing = digits - digitCount(exact.coefficient)
  if (missing >= 0) {
    return { ...exact, coefficient: exact.coefficient * powerOfTen(missing), exponent: exact.exponent - missing }
  }
  const divisor = powerOfTen(-missing)
  const quotient = exact.coefficient / divisor
  const twice = (exact.coefficient % divisor) * 2n
  const up = twice > divisor || (twice === divisor && (quotient & 1n) === 1n)
  const coefficient = up ? quotient + 1n : quotient
  // 9.99...96 rounds up to one digit more: 10.0...0, whose last zero goes.
  if (digitCount(coefficient) > digits) {
    return { ...exact, coefficient: coefficient / 10n, exponent: exact.exponent - missing + 1 }
  }
  return { ...exact, coefficient, exponent: exact.exponent - missing }
}

/** A double with all the digits it has, rounded to 34. */
export function fullDecimalOfDouble(n: number): Decimal {
  const exact = exactDecimal(n)
  return exact.form === 'finite' ? roundDecimal(exact.negative, exact.coefficient, exact.exponent).decimal : exact
}

function isZero(decimal: Decimal): boolean {
  return decimal.form === 'finite' && decimal.coefficient === 0n
}

function signedAt(decimal: Decimal, exponent: number): bigint {
  const coefficient = decimal.coefficient * powerOfTen(decimal.exponent - exponent)
  return decimal.negative ? -coefficient : coefficient
}
