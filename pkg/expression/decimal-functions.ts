/**
 * Elementary functions of decimals, to 34 digits, by way of decimal.js with more digits than that.
 *
 * Intel's library, which MongoDB uses, computes most of them in binary numbers of 113 bits, just as precise as 34 digits. So
 * arguments and results are rounded to 113 bits here too: it is what decides the last digit. A result that these bits
 * hold exactly and 34 digits too has no zeros beyond what it needs; every other has 34 digits.
 */
import { Decimal as Big } from 'decimal.js'
import { divideDecimals } from '../bson/decimal-arithmetic.ts'
import {
  type Decimal,
  decimalInfinity,
  decimalNaN,
  decimalZero,
  digitCount,
  digitsMax,
  exponentMin,
  integerDecimal,
  powerOfTen,
  roundDecimal,
} from '../bson/decimal128.ts'
import { piDigits } from './pi.ts'

const Precise = Big.clone({ precision: 60, minE: -9e6, maxE: 9e6, toExpNeg: 0, toExpPos: 0 })

/** For what has to be exact, near enough: 2^exponent times 113 bits. */
const Wide = Precise.clone({ precision: 120 })

const one = integerDecimal(1n)
const smallestZero: Decimal = { ...decimalZero, exponent: exponentMin }
/** Beyond this, e^x is out of range. */
const exponentialMax = 14_300

let decimalSteps = 0

/** Steps that a function of a decimal costs: a hundred microseconds. */
const stepsEach = 5500

function bigOf({ negative, coefficient, exponent }: Decimal): Big {
  decimalSteps += stepsEach
  return new Precise(`${negative ? '-' : ''}${coefficient}e${exponent}`)
}

const bitsOfQuad = 113

/** A size, not zero, to 113 bits: significand * 2^exponent, the significand odd. */
function quadOf(size: Big): { significand: bigint; exponent: number } {
  const [digits, exponentText] = size.toExponential().split('e')
  const [whole, fraction = ''] = digits!.split('.')
  const power = Number(exponentText) - fraction.length
  let numerator = BigInt(whole! + fraction) * powerOfTen(Math.max(0, power))
  let divisor = powerOfTen(Math.max(0, -power))
  // Bring the quotient to a few bits more than are kept.
  const shift = bitsOfQuad + 3 - (bitLength(numerator) - bitLength(divisor))
  if (shift > 0) numerator <<= BigInt(shift)
  else divisor <<= BigInt(-shift)
  const quotient = numerator / divisor
  const sticky = quotient * divisor !== numerator
  const excess = bitLength(quotient) - bitsOfQuad
  const unit = 1n << BigInt(excess)
  let significand = quotient >> BigInt(excess)
  const twice = (quotient & (unit - 1n)) * 2n
  if (twice > unit || (twice === unit && (sticky || (significand & 1n) === 1n))) significand++
  let exponent = excess - shift
  while ((significand & 0xffffn) === 0n) {
    significand >>= 16n
    exponent += 16
  }
  while ((significand & 1n) === 0n) {
    significand >>= 1n
    exponent++
  }
  return { significand, exponent }
}

function bitLength(n: bigint): number {
  const hex = n.toString(16)
  return hex.length * 4 - (Math.clz32(Number.parseInt(hex[0]!, 16)) - 28)
}

/** A decimal's value as the 113 bits hold it. */
function quadBigOf(x: Decimal): Big {
  const big = bigOf(x)
  if (big.isZero()) return big
  const { significand, exponent } = quadOf(big.abs())
  const size = Wide.pow(2, exponent).times(significand.toString())
  return new Precise(x.negative ? size.negated() : size)
}

/** What the 113 bits hold of a result, as a decimal. */
function decimalOfQuad(big: Big): Decimal {
  if (big.isNaN()) return decimalNaN
  if (!big.isFinite()) return decimalInfinity(big.isNegative())
  const negative = big.isNegative()
  if (big.isZero()) return { ...decimalZero, negative }
  if (big.e > 6200 || big.e < -6300) return decimalOfBig(big)
  const { significand, exponent } = quadOf(big.abs())
  if (exponent >= 0) {
    const { decimal } = roundDecimal(negative, significand << BigInt(exponent), 0)
    return decimal.exponent === 0 ? decimal : padTo34(decimal)
  }
  // significand * 2^exponent = significand * 5^-exponent * 10^exponent
  const { decimal, exact } = roundDecimal(negative, significand * 5n ** BigInt(-exponent), exponent)
  return exact ? withoutZeros(decimal) : padTo34(decimal)
}

function decimalOfBig(big: Big): Decimal {
  if (big.isNaN()) return decimalNaN
  if (!big.isFinite()) return decimalInfinity(big.isNegative())
  if (big.isZero()) return { ...decimalZero, negative: big.isNegative() }
  const [digits, exponentText] = big.abs().toExponential().split('e')
  const [whole, fraction = ''] = digits!.split('.')
  return roundDecimal(big.isNegative(), BigInt(whole! + fraction), Number(exponentText) - fraction.length).decimal
}

/** As many digits as there can be. */
function padTo34(decimal: Decimal): Decimal {
  if (decimal.form !== 'finite') return decimal
  const room = Math.min(digitsMax - digitCount(decimal.coefficient), decimal.exponent - exponentMin)
  return {
    ...decimal,
    coefficient: decimal.coefficient * powerOfTen(room),
    exponent: decimal.exponent - room,
  }
}

/** A whole number is written out; of a fraction the zeros at its end go. */
function withoutZeros(decimal: Decimal): Decimal {
  let { coefficient, exponent } = decimal
  while (exponent < 0 && coefficient % 10n === 0n) {
    coefficient /= 10n
    exponent++
  }
  return { ...decimal, coefficient, exponent }
}

export function exponentialOf(x: Decimal): Decimal {
  if (x.form === 'nan') return decimalNaN
  if (x.form === 'infinity') return x.negative ? decimalZero : x
  const big = bigOf(x)
  if (big.abs().greaterThan(exponentialMax)) return x.negative ? smallestZero : decimalInfinity(false)
  return decimalOfQuad(quadBigOf(x).exp())
}

/** Of what is not negative, or NaN. */
export function logarithmOf(x: Decimal): Decimal {
  return x.form === 'finite' ? decimalOfQuad((isNearOne(x) ? bigOf(x) : quadBigOf(x)).ln()) : x
}

/** There the library takes the logarithm of 1 + (x - 1), and loses nothing of x. */
function isNearOne(x: Decimal): boolean {
  return bigOf(x).minus(1).abs().lessThan(0.5)
}

/** Of what is not negative, or NaN. */
export function decadicLogarithmOf(x: Decimal): Decimal {
  return x.form === 'finite' ? decimalOfQuad((isNearOne(x) ? bigOf(x) : quadBigOf(x)).log(10)) : x
}

/** Of what is not negative, or NaN. An exact root has half the exponent. */
export function squareRootOf(x: Decimal): Decimal {
  if (x.form !== 'finite') return x
  const ideal = Math.floor(x.exponent / 2)
  if (x.coefficient === 0n) return { ...x, exponent: ideal }
  const shift = 2 * digitsMax + 2 + (x.exponent & 1)
  const radicand = x.coefficient * powerOfTen(shift)
  let root = integerRoot(radicand)
  const exact = root * root === radicand
  let exponent = (x.exponent - shift) / 2
  while (exact && exponent < ideal && root % 10n === 0n) {
    root /= 10n
    exponent++
  }
  return roundDecimal(false, root, exponent, !exact).decimal
}

/** Newton's method, from above. */
function integerRoot(n: bigint): bigint {
  let root = 1n << BigInt((n.toString(2).length + 1) >> 1)
  for (;;) {
    const next = (root + n / root) >> 1n
    if (next >= root) return root
    root = next
  }
}

/** Always with 34 digits, and a zero with the smallest exponent and no sign: MongoDB adds 0E-6176 to every power. */
export function powerOf(base: Decimal, exponent: Decimal): Decimal {
  const power = plainPowerOf(base, exponent)
  if (power.form !== 'finite') return power
  return power.coefficient === 0n ? smallestZero : padTo34(power)
}

function plainPowerOf(base: Decimal, exponent: Decimal): Decimal {
  if (isZero(exponent)) return one
  if (base.form === 'finite' && !base.negative && bigOf(base).equals(1)) return one
  if (base.form === 'nan' || exponent.form === 'nan') return decimalNaN
  if (exponent.form === 'infinity') {
    const size = base.form === 'infinity' ? 1 : bigOf(base).abs().comparedTo(1)
    if (size === 0) return one
    return size > 0 === !exponent.negative ? decimalInfinity(false) : smallestZero
  }
  const parity = parityOf(exponent)
  const negative = base.negative && parity === 'odd'
  if (base.form === 'infinity' || isZero(base)) {
    const grows = (base.form === 'infinity') === !exponent.negative
    return grows ? decimalInfinity(negative) : smallestZero
  }
  if (base.negative && parity === 'none') return decimalNaN
  const size = bigOf(base).abs()
  const power = bigOf(exponent)
  const magnitude = power.times(size.log(10))
  if (magnitude.greaterThan(7000)) return decimalInfinity(negative)
  if (magnitude.lessThan(-7000)) return smallestZero
  const result = decimalOfBig(size.pow(power))
  // The library's own rounding makes an infinity of what is next to the greatest number.
  if (magnitude.toDecimalPlaces(33).greaterThanOrEqualTo(6145)) return decimalInfinity(negative)
  return { ...result, negative }
}

function parityOf({ coefficient, exponent }: Decimal): 'odd' | 'even' | 'none' {
  if (exponent > 0) return 'even'
  if (exponent < -digitsMax) return 'none'
  const scale = powerOfTen(-exponent)
  if (coefficient % scale !== 0n) return 'none'
  return ((coefficient / scale) & 1n) === 1n ? 'odd' : 'even'
}

function isZero(x: Decimal): boolean {
  return x.form === 'finite' && x.coefficient === 0n
}

/** Steps, of those that a document may take, that functions of decimals have cost since this was last asked. */
export function takeDecimalSteps(): number {
  const steps = decimalSteps
  decimalSteps = 0
  return steps
}

/** A function of an angle in radians; finite, or NaN. */
export function ofAngle(compute: (angle: Big) => Big): (x: Decimal) => Decimal {
  return (x) => (x.form === 'finite' ? keepSmall(x, decimalOfQuad(compute(reducedAngle(x)))) : decimalNaN)
}

/** A function of any number, given what it is of both infinities. */
export function ofNumber(
  compute: (x: Big) => Big,
  ofInfinity: (negative: boolean) => Decimal,
): (x: Decimal) => Decimal {
  return (x) => {
    if (x.form === 'nan') return x
    return x.form === 'infinity' ? ofInfinity(x.negative) : keepSmall(x, decimalOfQuad(compute(quadBigOf(x))))
  }
}

/** A zero that comes of a zero is that zero; and what is too small for a quad comes back as it is when the function is near it. */
function keepSmall(x: Decimal, result: Decimal): Decimal {
  if (isZero(x)) return isZero(result) ? x : result
  const isTiny = x.exponent + digitCount(x.coefficient) < -4900
  return isTiny && result.exponent + digitCount(result.coefficient) < -4800 ? x : result
}

/** Angles beyond 10^20 have lost all digits by the time decimal.js has its few digits of π taken off; it is done exactly. */
function reducedAngle(x: Decimal): Big {
  if (x.exponent + digitCount(x.coefficient) <= 20) return quadBigOf(x)
  const places = 100
  // As many digits of π more than `places` as the angle has turns, so that their error stays behind the places kept.
  const digits = Math.max(0, x.exponent) + digitsMax + places
  const rest = (x.coefficient * powerOfTen(x.exponent + digits)) % (2n * piDigits(digits))
  const angle = new Precise(`${rest / powerOfTen(digits - places)}e-${places}`)
  return x.negative ? angle.negated() : angle
}

/** The angle of the point (x, y), by the quadrant it lies in. The quotient is taken in decimals first, as the library does. */
export function angleOf(y: Decimal, x: Decimal): Decimal {
  if (y.form === 'nan' || x.form === 'nan') return decimalNaN
  if (y.form === 'infinity' || x.form === 'infinity' || isZero(y) || isZero(x)) {
    const big = (d: Decimal) => (d.form === 'infinity' ? new Precise(d.negative ? -Infinity : Infinity) : bigOf(d))
    return decimalOfQuad(Precise.atan2(big(y), big(x)))
  }
  const slope = divideDecimals({ ...y, negative: false }, { ...x, negative: false })
  if (slope.form === 'infinity') return constantDecimal(halfPi, y.negative)
  const angle = quadBigOf(slope).atan()
  const inQuadrant = x.negative ? pi.minus(angle) : angle
  return decimalOfQuad(y.negative ? inQuadrant.negated() : inQuadrant)
}

export const pi = Precise.acos(-1)
export const halfPi = pi.dividedBy(2)

/** A constant such as ±π/2. */
export function constantDecimal(big: Big, negative = false): Decimal {
  return { ...decimalOfBig(big), negative }
}
