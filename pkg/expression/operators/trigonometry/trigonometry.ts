/**
 * Sines and their kin, of angles in radians. Of a decimal a decimal, of every other number a double; NaN gives NaN.
 * Errors: 28765 for what is no number, 50989 for what the function is not defined for.
 */
import type { Decimal as Big } from 'decimal.js'
import { DatabaseError } from '../../../base/errors.ts'
import { divideDecimals, multiplyDecimals } from '../../../bson/decimal-arithmetic.ts'
import {
  compareDecimals,
  type Decimal,
  decimalInfinity,
  decimalNaN,
  formatDecimal,
  integerDecimal,
} from '../../../bson/decimal128.ts'
import { decimalOf } from '../../../bson/number.ts'
import { bsonType } from '../../../bson/type.ts'
import { doubleValue, isNumber, nullValue, numberOf } from '../../../bson/value.ts'
import { angleOf, constantDecimal, halfPi, ofAngle, ofNumber, pi } from '../../decimal-functions.ts'
import { isNullish } from '../../expression.ts'
import { numericOperator, realOperator, valueOfDecimal } from '../arithmetic/numeric-argument.ts'
import { fixedOperator, type Operator } from '../operator.ts'
import { shownType } from '../shown-type.ts'

const one = integerDecimal(1n)

export const sin = angleOperator('$sin', Math.sin, (x) => x.sin())
export const cos = angleOperator('$cos', Math.cos, (x) => x.cos())
export const tan = angleOperator('$tan', Math.tan, (x) => x.tan())

export const asin = boundedOperator('$asin', -1, 1, Math.asin, (x) => x.asin())
export const acos = boundedOperator('$acos', -1, 1, Math.acos, (x) => x.acos())
export const acosh = boundedOperator('$acosh', 1, Infinity, Math.acosh, (x) => x.acosh())
export const atanh = boundedOperator('$atanh', -1, 1, Math.atanh, (x) => x.atanh())

export const atan = realOperator(
  '$atan',
  Math.atan,
  ofNumber(
    (x) => x.atan(),
    (negative) => constantDecimal(halfPi, negative),
  ),
)
export const asinh = realOperator(
  '$asinh',
  Math.asinh,
  ofNumber((x) => x.asinh(), decimalInfinity),
)
export const sinh = realOperator(
  '$sinh',
  Math.sinh,
  ofNumber(
    hyperbolic((x) => x.sinh()),
    decimalInfinity,
  ),
)
export const cosh = realOperator(
  '$cosh',
  Math.cosh,
  ofNumber(
    hyperbolic((x) => x.cosh(), true),
    () => decimalInfinity(false),
  ),
)
export const tanh = realOperator(
  '$tanh',
  Math.tanh,
  ofNumber(
    (x) => (x.abs().greaterThan(100) ? x.dividedBy(x.abs()) : x.tanh()),
    (negative) => ({ ...one, negative }),
  ),
)

/** Far beyond decimal128 there is no need to compute. */
function hyperbolic(compute: (x: Big) => Big, even = false): (x: Big) => Big {
  return (x) => {
    if (x.abs().lessThan(20_000)) return compute(x)
    return even ? x.abs().dividedBy(0) : x.dividedBy(0)
  }
}

function angleOperator(name: string, ofDouble: (x: number) => number, ofDecimal: (x: Big) => Big): Operator {
  const decimal = ofAngle(ofDecimal)
  return numericOperator(name, (number) => {
    if (
      Math.abs(numberOf(number)) === Infinity &&
      (number.type !== bsonType.decimal128 || isInfinite(decimalOf(number)))
    ) {
      throw outOfBounds(name, numberOf(number) < 0 ? '-inf' : 'inf', '(-inf,inf)')
    }
    return number.type === bsonType.decimal128
      ? valueOfDecimal(decimal(decimalOf(number)))
      : doubleValue(ofDouble(numberOf(number)))
  })
}

/** A decimal may be finite and yet beyond all doubles. */
function isInfinite(decimal: Decimal): boolean {
  return decimal.form === 'infinity'
}

function boundedOperator(
  name: string,
  least: number,
  most: number,
  ofDouble: (x: number) => number,
  ofDecimal: (x: Big) => Big,
): Operator {
  const decimalFunction = ofNumber(ofDecimal, decimalInfinity)
  const bounds = most === Infinity ? `[${least},inf]` : `[${least},${most}]`
  const leastDecimal = integerDecimal(BigInt(least))
  const mostDecimal = most === Infinity ? decimalInfinity(false) : integerDecimal(BigInt(most))
  return numericOperator(name, (number) => {
    if (number.type === bsonType.decimal128) {
      const decimal = decimalOf(number)
      if (decimal.form === 'nan') return valueOfDecimal(decimalNaN)
      if (compareDecimals(decimal, leastDecimal) < 0 || compareDecimals(decimal, mostDecimal) > 0) {
        throw outOfBounds(name, formatDecimal(decimal), bounds)
      }
      return valueOfDecimal(decimalFunction(decimal))
    }
    const double = numberOf(number)
    if (double < least || double > most) throw outOfBounds(name, String(double), bounds)
    return doubleValue(ofDouble(double))
  })
}

function outOfBounds(name: string, shown: string, bounds: string): DatabaseError {
  return new DatabaseError(50989, `cannot apply ${name} to ${shown}, value must be in ${bounds}`)
}

/** `{$atan2: [y, x]}`. Errors: 51044 and 51045 for what is no number. */
export const atan2 = fixedOperator('$atan2', 2, ([first, second]) => (context) => {
  const y = first!(context)
  const x = second!(context)
  if (isNullish(y) || isNullish(x)) return nullValue
  if (!isNumber(y.type)) throw new DatabaseError(51044, `$atan2 only supports numeric types, not ${shownType(y)}`)
  if (!isNumber(x.type)) throw new DatabaseError(51045, `$atan2 only supports numeric types, not ${shownType(x)}`)
  if (y.type === bsonType.decimal128 || x.type === bsonType.decimal128) {
    return valueOfDecimal(angleOf(decimalOf(y), decimalOf(x)))
  }
  return doubleValue(Math.atan2(numberOf(y), numberOf(x)))
})

/** Of π as a decimal, which is a little more than π; the reference server divides just so. */
const decimalPi = constantDecimal(pi)
const halfCircle = integerDecimal(180n)
const radiansInDegree = divideDecimals(decimalPi, halfCircle)
const degreesInRadian = divideDecimals(halfCircle, decimalPi)

export const degreesToRadians = realOperator(
  '$degreesToRadians',
  (x) => x * (Math.PI / 180),
  (x) => multiplyDecimals(x, radiansInDegree),
)
export const radiansToDegrees = realOperator(
  '$radiansToDegrees',
  (x) => x * (180 / Math.PI),
  (x) => multiplyDecimals(x, degreesInRadian),
)

export const trigonometryOperators: readonly Operator[] = [
  acos,
  acosh,
  asin,
  asinh,
  atan,
  atan2,
  atanh,
  cos,
  cosh,
  degreesToRadians,
  radiansToDegrees,
  sin,
  sinh,
  tan,
  tanh,
]
