import { DatabaseError } from '../../../base/errors.ts'
import { decimalOf } from '../../../bson/number.ts'
import { bsonType } from '../../../bson/type.ts'
import { utf8Bytes } from '../../../bson/utf8.ts'
import { isNumber, numberOf, readDouble, type Value } from '../../../bson/value.ts'
import type { Evaluate } from '../../expression.ts'
import { int32Of } from '../int32.ts'
import { fixedOperator } from '../operator.ts'
import { shownType } from '../shown-type.ts'
import { isContinuation, skipCodePoints } from './code-points.ts'
import { emptyString, stringOfBytes } from './string-result.ts'
import { textOf } from './text.ts'

/**
 * `{$substrBytes: [text, start, count]}`: all the rest when the count is negative.
 * Errors: 16007, 16034 and 16035 for what is no number, 50752 for a negative start, 28656 and 28657 for cutting a character,
 * 31109 for a double beyond int64.
 */
export const substrBytes = fixedOperator('$substrBytes', 3, bytesPart)
/** The old name of `$substrBytes`. */
export const substr = fixedOperator('$substr', 3, bytesPart)

function bytesPart([textOperand, startOperand, countOperand]: readonly Evaluate[]): Evaluate {
  return (context) => {
    const source = textOperand!(context)
    const startValue = startOperand!(context)
    const countValue = countOperand!(context)
    const text = utf8Bytes(textOf(source))
    if (!isNumber(startValue.type)) {
      throw new DatabaseError(
        16034,
        `$substrBytes: starting index must be a numeric type (is BSON type ${shownType(startValue)})`,
      )
    }
    if (!isNumber(countValue.type)) {
      throw new DatabaseError(
        16035,
        `$substrBytes: length must be a numeric type (is BSON type ${shownType(countValue)})`,
      )
    }
    const start = integerOf(startValue)
    const count = integerOf(countValue)
    if (start < 0) throw new DatabaseError(50752, `$substrBytes: starting index must be non-negative (got: ${start})`)
    const end = count < 0 ? text.length : Math.min(text.length, start + count)
    if (start < text.length && isContinuation(text[start]!)) {
      throw new DatabaseError(28656, '$substrBytes: Invalid range, starting index is a UTF-8 continuation byte.')
    }
    if (end < text.length && isContinuation(text[end]!)) {
      throw new DatabaseError(28657, '$substrBytes: Invalid range, ending index is in the middle of a UTF-8 character.')
    }
    return start >= end ? emptyString : stringOfBytes(text, start, end)
  }
}

/** A number without its fraction; of a decimal the nearest integer, and the least int64 when it is beyond. */
function integerOf(value: Value): number {
  if (value.type === bsonType.double) {
    const n = readDouble(value.bytes, value.start)
    if (!(n >= -(2 ** 63) && n < 2 ** 63)) {
      throw new DatabaseError(31109, `Can't coerce out of range value ${n} to long`)
    }
    return Math.trunc(n)
  }
  if (value.type !== bsonType.decimal128) return numberOf(value)
  const { form, negative, coefficient, exponent } = decimalOf(value)
  if (form !== 'finite' || exponent > 20) return coefficient === 0n && form === 'finite' ? 0 : -(2 ** 63)
  if (exponent < -40) return 0
  const unit = 10n ** BigInt(Math.abs(exponent))
  const whole = exponent >= 0 ? coefficient * unit : roundedQuotient(coefficient, unit)
  if (whole >= 2n ** 63n) return -(2 ** 63)
  return Number(negative ? -whole : whole)
}

/** Half to even. */
function roundedQuotient(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor
  const twice = (dividend % divisor) * 2n
  return twice > divisor || (twice === divisor && quotient % 2n === 1n) ? quotient + 1n : quotient
}

/**
 * `{$substrCP: [text, start, count]}`, in code points. Errors: 16007, 34450..34453 for what is no number or no int32, 34454 and 34455
 * for negative ones.
 */
export const substrCodePoints = fixedOperator(
  '$substrCP',
  3,
  ([textOperand, startOperand, countOperand]) =>
    (context) => {
      const source = textOperand!(context)
      const startValue = startOperand!(context)
      const countValue = countOperand!(context)
      const text = utf8Bytes(textOf(source))
      const start = int32(startValue, 'starting index', 34450)
      const count = int32(countValue, 'length', 34452)
      if (count < 0) throw new DatabaseError(34454, '$substrCP: length must be a nonnegative integer.')
      if (start < 0) throw new DatabaseError(34455, '$substrCP: the starting index must be nonnegative integer.')
      const from = skipCodePoints(text, 0, text.length, start)
      return stringOfBytes(text, from, skipCodePoints(text, from, text.length, count))
    },
)

/** Errors: `code` for what is no number, the next one for what is no int32. */
function int32(value: Value, which: string, code: number): number {
  if (!isNumber(value.type)) {
    throw new DatabaseError(code, `$substrCP: ${which} must be a numeric type (is BSON type ${shownType(value)})`)
  }
  const n = int32Of(value)
  if (n === undefined) {
    throw new DatabaseError(
      code + 1,
      `$substrCP: ${which} cannot be represented as a 32-bit integral value: ${numberOf(value)}`,
    )
  }
  return n
}
