/** `$exp`, `$pow`, `$sigmoid` and `$sqrt`. */
import { DatabaseError } from '../../../base/errors.ts'
import { addDecimals, divideDecimals, negateDecimal } from '../../../bson/decimal-arithmetic.ts'
import { type Decimal, integerDecimal } from '../../../bson/decimal128.ts'
import { decimalOf, integerValue } from '../../../bson/number.ts'
import { bsonType } from '../../../bson/type.ts'
import {
  doubleValue,
  int64Value,
  isNumber,
  nullValue,
  numberOf,
  readInt32,
  readInt64,
  type Value,
} from '../../../bson/value.ts'
import { exponentialOf, powerOf, squareRootOf } from '../../decimal-functions.ts'
import { isNullish } from '../../expression.ts'
import { fixedOperator, type Operator } from '../operator.ts'
import { shownType } from '../shown-type.ts'
import { numericOperator, realOperator, valueOfDecimal } from './numeric-argument.ts'

export const exp = realOperator('$exp', Math.exp, exponentialOf)

const one = integerDecimal(1n)

/** `{$sigmoid: a}`: 1 / (1 + e^-a). Its operand is no list of arguments. Errors: TypeMismatch. */
export const sigmoid: Operator = {
  name: '$sigmoid',
  parse: (operand, scope, parse) => ({
    kind: 'operator',
    name: '$sigmoid',
    operands: [parse(operand, scope)],
    foldable: true,
    make:
      ([number]) =>
      (context) =>
        sigmoidOf(number!(context)),
  }),
}

function sigmoidOf(value: Value): Value {
  if (isNullish(value)) return nullValue
  if (!isNumber(value.type)) {
    throw new DatabaseError('TypeMismatch', `$sigmoid only supports numeric types, not ${shownType(value)}`)
  }
  if (value.type !== bsonType.decimal128) return doubleValue(1 / (1 + Math.exp(-numberOf(value))))
  return valueOfDecimal(divideDecimals(one, addDecimals(one, exponentialOf(negateDecimal(decimalOf(value))))))
}

/** Errors: 28714 for a negative number. */
export const sqrt = numericOperator('$sqrt', (number) => {
  if (numberOf(number) < 0 || isNegativeDecimal(number)) {
    throw new DatabaseError(28714, "$sqrt's argument must be greater than or equal to 0")
  }
  return number.type === bsonType.decimal128
    ? valueOfDecimal(squareRootOf(decimalOf(number)))
    : doubleValue(Math.sqrt(numberOf(number)))
})

/** Also where the nearest double is zero. */
function isNegativeDecimal(number: Value): boolean {
  if (number.type !== bsonType.decimal128) return false
  const { negative, coefficient, form }: Decimal = decimalOf(number)
  return negative && (form === 'infinity' || coefficient !== 0n)
}

/**
 * `{$pow: [base, exponent]}`: of integers an integer when it fits int64, else a double.
 * Errors: 28762 and 28763 for what is no number, 28764 for 0 to a negative exponent.
 */
export const pow = fixedOperator('$pow', 2, ([baseOperand, exponentOperand]) => (context) => {
  const base = baseOperand!(context)
  const exponent = exponentOperand!(context)
  if (isNullish(base) || isNullish(exponent)) return nullValue
  if (!isNumber(base.type)) throw new DatabaseError(28762, `$pow's base must be numeric, not ${shownType(base)}`)
  if (!isNumber(exponent.type)) {
    throw new DatabaseError(28763, `$pow's exponent must be numeric, not ${shownType(exponent)}`)
  }
  if (isZero(base) && numberOf(exponent) < 0) {
    throw new DatabaseError(28764, '$pow cannot take a base of 0 and a negative exponent')
  }
  if (base.type === bsonType.decimal128 || exponent.type === bsonType.decimal128) {
    return valueOfDecimal(powerOf(decimalOf(base), decimalOf(exponent)))
  }
  if (base.type === bsonType.double || exponent.type === bsonType.double) {
    return doubleValue(powerOfDoubles(numberOf(base), numberOf(exponent)))
  }
  const power = powerOfIntegers(integerOf(base), integerOf(exponent))
  if (power === undefined || BigInt.asIntN(64, power) !== power) {
    return doubleValue(powerOfDoubles(numberOf(base), numberOf(exponent)))
  }
  const areInt32 = base.type === bsonType.int32 && exponent.type === bsonType.int32
  return (areInt32 ? integerValue(power) : undefined) ?? int64Value(power)
})

/** As C has it: 1 to any exponent is 1, and so is -1 to an infinite one. */
function powerOfDoubles(base: number, exponent: number): number {
  if (base === 1 || (base === -1 && Math.abs(exponent) === Infinity)) return 1
  return base ** exponent
}

/** Undefined for what is no integer, or far beyond int64. */
function powerOfIntegers(base: bigint, exponent: bigint): bigint | undefined {
  if (base === 0n) return exponent === 0n ? 1n : 0n
  if (base === 1n) return 1n
  if (base === -1n) return (exponent & 1n) === 0n ? 1n : -1n
  return exponent >= 0n && exponent < 64n ? base ** exponent : undefined
}

function isZero(number: Value): boolean {
  const decimal = decimalOf(number)
  return decimal.form === 'finite' && decimal.coefficient === 0n
}

function integerOf({ type, bytes, start }: Value): bigint {
  return type === bsonType.int32 ? BigInt(readInt32(bytes, start)) : readInt64(bytes, start)
}
