/** `$ln`, `$log` and `$log10`. */
import { DatabaseError } from '../../../base/errors.ts'
import { divideDecimals } from '../../../bson/decimal-arithmetic.ts'
import { compareDecimals, type Decimal, decimalZero, formatDecimal } from '../../../bson/decimal128.ts'
import { decimalOf } from '../../../bson/number.ts'
import { bsonType } from '../../../bson/type.ts'
import { doubleValue, isNumber, nullValue, numberOf, type Value } from '../../../bson/value.ts'
import { decadicLogarithmOf, logarithmOf } from '../../decimal-functions.ts'
import { isNullish } from '../../expression.ts'
import { fixedOperator, type Operator } from '../operator.ts'
import { shownType } from '../shown-type.ts'
import { numericOperator, valueOfDecimal } from './numeric-argument.ts'

export const ln = logarithmOperator('$ln', 28766, Math.log, logarithmOf)
export const log10 = logarithmOperator('$log10', 28761, Math.log10, decadicLogarithmOf)

function logarithmOperator(
  name: string,
  code: number,
  ofDouble: (n: number) => number,
  ofDecimal: (d: Decimal) => Decimal,
): Operator {
  return numericOperator(name, (number) => {
    if (!isPositive(number)) {
      throw new DatabaseError(code, `${name}'s argument must be a positive number, but is ${shownNumber(number)}`)
    }
    return isProperDecimal(number)
      ? valueOfDecimal(ofDecimal(decimalOf(number)))
      : doubleValue(ofDouble(numberOf(number)))
  })
}

/** `{$log: [a, base]}`. Errors: 28756 and 28757 for what is no number, 28758 and 28759 for what has no logarithm. */
export const log = fixedOperator('$log', 2, ([operand, baseOperand]) => (context) => {
  const number = operand!(context)
  const base = baseOperand!(context)
  if (isNullish(number) || isNullish(base)) return nullValue
  if (!isNumber(number.type)) {
    throw new DatabaseError(28756, `$log's argument must be numeric, not ${shownType(number)}`)
  }
  if (!isNumber(base.type)) throw new DatabaseError(28757, `$log's base must be numeric, not ${shownType(base)}`)
  if (!isPositive(number)) {
    throw new DatabaseError(28758, `$log's argument must be a positive number, but is ${shownNumber(number)}`)
  }
  if (!isPositive(base) || compareDecimals(decimalOf(base), oneDecimal) === 0) {
    throw new DatabaseError(28759, `$log's base must be a positive number not equal to 1, but is ${shownNumber(base)}`)
  }
  if (isProperDecimal(number) || isProperDecimal(base)) {
    if (Number.isNaN(numberOf(number)) || Number.isNaN(numberOf(base))) return doubleValue(Number.NaN)
    return valueOfDecimal(divideDecimals(logarithmOf(decimalOf(number)), logarithmOf(decimalOf(base))))
  }
  return doubleValue(Math.log(numberOf(number)) / Math.log(numberOf(base)))
})

const oneDecimal: Decimal = { ...decimalZero, coefficient: 1n }

/** A NaN among decimals becomes one of doubles. */
function isProperDecimal(number: Value): boolean {
  return number.type === bsonType.decimal128 && decimalOf(number).form !== 'nan'
}

/** NaN passes: its logarithm is NaN. */
function isPositive(number: Value): boolean {
  if (number.type !== bsonType.decimal128) return !(numberOf(number) <= 0)
  const decimal = decimalOf(number)
  return decimal.form === 'nan' || compareDecimals(decimal, decimalZero) > 0
}

function shownNumber(number: Value): string {
  return number.type === bsonType.decimal128 ? formatDecimal(decimalOf(number)) : String(numberOf(number))
}
