import { DatabaseError } from '../../../base/errors.ts'
import { formatDecimal128 } from '../../../bson/decimal128.ts'
import { bsonType } from '../../../bson/type.ts'
import {
  readDouble,
  readInt32,
  readInt64,
  readInt64Number,
  readString,
  readUint32,
  type Value,
} from '../../../bson/value.ts'
import { isNullish } from '../../expression.ts'
import { shownType } from '../shown-type.ts'

/**
 * A value as text, for the operators that take what can be turned into a string; null is ''.
 * Errors: 16007, 18537 for a date whose year has not four digits.
 */
export function textOf(value: Value): string {
  const { type, bytes, start } = value
  if (isNullish(value)) return ''
  switch (type) {
    case bsonType.string:
    case bsonType.symbol:
    case bsonType.code:
      return readString(bytes, start)
    case bsonType.int32:
      return String(readInt32(bytes, start))
    case bsonType.int64:
      return String(readInt64(bytes, start))
    case bsonType.double:
      return doubleText(readDouble(bytes, start))
    case bsonType.decimal128:
      return formatDecimal128(bytes, start)
    case bsonType.date:
      return dateText(readInt64Number(bytes, start))
    case bsonType.timestamp:
      return timestampText(readUint32(bytes, start + 4), readUint32(bytes, start))
    default:
      throw new DatabaseError(16007, `can't convert from BSON type ${shownType(value)} to String`)
  }
}

const digitsMax = 6

/** As C's `%g`, which is how the operators show doubles. */
function doubleText(n: number): string {
  if (Number.isNaN(n)) return 'nan'
  if (!Number.isFinite(n)) return n > 0 ? 'inf' : '-inf'
  if (n === 0) return Object.is(n, -0) ? '-0' : '0'
  const [digits, power] = n.toExponential(digitsMax - 1).split('e') as [string, string]
  const exponent = Number(power)
  if (exponent >= -4 && exponent < digitsMax) return withoutZeros(n.toFixed(digitsMax - 1 - exponent))
  return `${withoutZeros(digits)}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
}

function withoutZeros(digits: string): string {
  return digits.includes('.') ? digits.replace(/\.?0+$/, '') : digits
}

const year0Ms = -62_167_219_200_000
const year10000Ms = 253_402_300_800_000

function dateText(ms: number): string {
  if (ms < year0Ms || ms >= year10000Ms) {
    throw new DatabaseError(18537, `a date can be shown only within the years 0 to 9999, not ${ms} ms since 1970`)
  }
  return new Date(ms).toISOString()
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `Jan  1 00:00:00:7`: without the year, the counter at the end. */
function timestampText(seconds: number, counter: number): string {
  const date = new Date(seconds * 1000)
  const day = String(date.getUTCDate()).padStart(2, ' ')
  return `${months[date.getUTCMonth()]} ${day} ${date.toISOString().slice(11, 19)}:${counter}`
}
