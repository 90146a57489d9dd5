/** Conversions of values from one type to another: what `$convert` and the `$toX` operators do. */
import { DatabaseError } from '../../../base/errors.ts'
import { documentSizeMax } from '../../../base/limits.ts'
import {
  type Decimal,
  decimal128Bytes,
  decimalToNumber,
  formatDecimal128,
  integerDecimal,
  powerOfTen,
  readDecimal128,
} from '../../../bson/decimal128.ts'
import { decimalOf } from '../../../bson/number.ts'
import { isObjectIdHex, objectIdHex, parseObjectId } from '../../../bson/objectid.ts'
import { bsonType, isNumber, typeAlias } from '../../../bson/type.ts'
import {
  binaryValue,
  booleanValue,
  dateValue,
  decimal128Value,
  doubleValue,
  int32Value,
  int64Value,
  numberOf,
  objectIdValue,
  readInt32,
  readInt64,
  readString,
  stringValue,
  truthy,
  type Value,
} from '../../../bson/value.ts'
import { refuseLongString } from '../../string-limit.ts'
import { dateOfText } from '../date/date-text.ts'
import { dateOfMoment, momentOfValue } from '../date/moment.ts'
import { utc } from '../date/time-zone.ts'
import { shownType } from '../shown-type.ts'
import { textOf } from '../string/text.ts'
import { binaryOfText, type TextFormat, textOfBinary } from './binary-text.ts'
import { containerOfText } from './json-container.ts'
import { decimalOfText, doubleOfText, integerOfText } from './number-text.ts'

export interface ConversionOptions {
  /** Of the binary data that is made. */
  readonly subtype: number
  /** Of binary data as text. */
  readonly format: TextFormat | undefined
  readonly littleEndian: boolean
  /** Of integers as text: 2, 8, 10 or 16. */
  readonly base: number | undefined
}

export const plainConversion: ConversionOptions = { subtype: 0, format: undefined, littleEndian: true, base: undefined }

/**
 * `value` is not null. Errors: ConversionFailure, 4341115 for a format that is missing, 18537 for a date whose year has not four
 * digits, 16493 for too long a string.
 */
export function convert(value: Value, target: number, options: ConversionOptions): Value {
  switch (target) {
    case bsonType.double:
      return toDouble(value, options)
    case bsonType.string:
      return toText(value, options)
    case bsonType.objectId:
      return toObjectId(value)
    case bsonType.boolean:
      return booleanValue(truthy(value))
    case bsonType.date:
      return toDate(value)
    case bsonType.int32: {
      const n = toInteger(value, target, options)
      if (BigInt.asIntN(32, n) !== n) throw outOfRange(value, target)
      return int32Value(Number(n))
    }
    case bsonType.int64:
      return int64Value(toInteger(value, target, options))
    case bsonType.decimal128:
      return toDecimal(value, options)
    case bsonType.binary:
      return toBinary(value, options)
    case bsonType.array:
    case bsonType.document:
      return toContainer(value, target)
    default:
      throw unsupported(value, target)
  }
}

function failure(message: string): DatabaseError {
  return new DatabaseError('ConversionFailure', message)
}

function unsupported(value: Value, target: number): DatabaseError {
  return failure(
    `Unsupported conversion from ${shownType(value)} to ${typeAlias(target)} in $convert with no onError value`,
  )
}

function outOfRange(value: Value, target: number): DatabaseError {
  const shown = isNumber(value.type) ? textOf(value) : shownType(value)
  return failure(
    `Conversion would overflow target type ${typeAlias(target)} in $convert with no onError value: ${shown}`,
  )
}

function unreadable(text: string, target: number): DatabaseError {
  return failure(`Failed to parse '${text.slice(0, 100)}' in $convert with no onError value: no ${typeAlias(target)}`)
}

/** The milliseconds of a date. */
function msOf(value: Value): bigint {
  return readInt64(value.bytes, value.start)
}

function textOfString(value: Value): string {
  return readString(value.bytes, value.start)
}

function toDouble(value: Value, options: ConversionOptions): Value {
  switch (value.type) {
    case bsonType.double:
      return value
    case bsonType.int32:
    case bsonType.int64:
      return doubleValue(numberOf(value))
    case bsonType.decimal128: {
      const decimal = readDecimal128(value.bytes, value.start)
      const n = decimalToNumber(decimal)
      const fits = decimal.form !== 'finite' || (Number.isFinite(n) && (n !== 0 || decimal.coefficient === 0n))
      if (!fits) throw outOfRange(value, bsonType.double)
      return doubleValue(n)
    }
    case bsonType.boolean:
      return doubleValue(truthy(value) ? 1 : 0)
    case bsonType.date:
      return doubleValue(Number(msOf(value)))
    case bsonType.string: {
      const text = textOfString(value)
      const whole = inBase(text, options)
      const n = whole === undefined ? doubleOfText(text) : Number(whole)
      if (n === undefined) throw unreadable(text, bsonType.double)
      return doubleValue(n)
    }
    case bsonType.binary: {
      const content = contentOf(value)
      const view = new DataView(content.buffer, content.byteOffset, content.length)
      if (content.length === 4) return doubleValue(view.getFloat32(0, options.littleEndian))
      if (content.length === 8) return doubleValue(view.getFloat64(0, options.littleEndian))
      throw failure('only 4 or 8 bytes of binary data can be converted to double')
    }
    default:
      throw unsupported(value, bsonType.double)
  }
}

/** The whole number that text in a base other than the usual form is; undefined when no base was given. */
function inBase(text: string, { base }: ConversionOptions): bigint | undefined {
  if (base === undefined || base === 10) return undefined
  const n = integerOfText(text, base)
  if (n === undefined)
    throw failure(`Failed to parse '${text.slice(0, 100)}' in $convert with no onError value: not in base ${base}`)
  return n
}

/** Fractions are cut off. */
function toInteger(value: Value, target: number, options: ConversionOptions): bigint {
  switch (value.type) {
    case bsonType.int32:
      return BigInt(readInt32(value.bytes, value.start))
    case bsonType.int64:
      return readInt64(value.bytes, value.start)
    case bsonType.double: {
      const n = Math.trunc(numberOf(value))
      if (!(n >= -(2 ** 63) && n < 2 ** 63)) throw outOfRange(value, target)
      return BigInt(n)
    }
    case bsonType.decimal128: {
      const n = truncatedDecimal(readDecimal128(value.bytes, value.start))
      if (n === undefined) throw outOfRange(value, target)
      return n
    }
    case bsonType.boolean:
      return truthy(value) ? 1n : 0n
    case bsonType.date:
      if (target !== bsonType.int64) throw unsupported(value, target)
      return msOf(value)
    case bsonType.string: {
      const text = textOfString(value)
      const n = integerOfText(text, options.base)
      if (n === undefined) throw unreadable(text, target)
      return n
    }
    case bsonType.binary:
      return integerOfBytes(contentOf(value), target, options.littleEndian)
    default:
      throw unsupported(value, target)
  }
}

/** Undefined for what is not finite or beyond int64. */
function truncatedDecimal({ form, negative, coefficient, exponent }: Decimal): bigint | undefined {
  if (form !== 'finite' || (exponent > 20 && coefficient !== 0n)) return undefined
  if (coefficient === 0n || exponent < -40) return 0n
  const size = exponent < 0 ? coefficient / powerOfTen(-exponent) : coefficient * powerOfTen(exponent)
  const n = negative ? -size : size
  return BigInt.asIntN(64, n) === n ? n : undefined
}

function integerOfBytes(content: Uint8Array, target: number, littleEndian: boolean): bigint {
  const view = new DataView(content.buffer, content.byteOffset, content.length)
  switch (content.length) {
    case 1:
      return BigInt(view.getInt8(0))
    case 2:
      return BigInt(view.getInt16(0, littleEndian))
    case 4:
      return BigInt(view.getInt32(0, littleEndian))
    case 8:
      if (target === bsonType.int64) return view.getBigInt64(0, littleEndian)
  }
  throw failure(`${content.length} bytes of binary data cannot be converted to ${typeAlias(target)}`)
}

function toDecimal(value: Value, options: ConversionOptions): Value {
  switch (value.type) {
    case bsonType.decimal128:
      return value
    case bsonType.int32:
    case bsonType.int64:
    case bsonType.double:
      return decimalValue(decimalOf(value))
    case bsonType.boolean:
      return decimalValue(integerDecimal(truthy(value) ? 1n : 0n))
    case bsonType.date:
      return decimalValue(integerDecimal(msOf(value)))
    case bsonType.string: {
      const text = textOfString(value)
      const whole = inBase(text, options)
      const decimal = whole === undefined ? decimalOfText(text) : integerDecimal(whole)
      if (decimal === undefined) throw unreadable(text, bsonType.decimal128)
      return decimalValue(decimal)
    }
    default:
      throw unsupported(value, bsonType.decimal128)
  }
}

function decimalValue(decimal: Decimal): Value {
  return decimal128Value(decimal128Bytes(decimal))
}

function toText(value: Value, options: ConversionOptions): Value {
  switch (value.type) {
    case bsonType.string:
      return value
    case bsonType.int32:
    case bsonType.int64:
      return stringValue(integerText(value, options.base))
    case bsonType.double:
    case bsonType.date:
      return stringValue(textOf(value))
    case bsonType.decimal128:
      return stringValue(formatDecimal128(value.bytes, value.start))
    case bsonType.boolean:
      return stringValue(truthy(value) ? 'true' : 'false')
    case bsonType.objectId:
      return stringValue(objectIdHex(value.bytes, value.start))
    case bsonType.binary: {
      const format = formatFor(value, bsonType.string, options)
      const text = textOfBinary(contentOf(value), value.bytes[value.start + 4]!, format)
      if (text === undefined || (format !== 'utf8' && text.length >= documentSizeMax)) {
        throw failure(`Failed to convert binary data to text of format ${format}`)
      }
      refuseLongString(contentOf(value).length)
      return stringValue(text)
    }
    default:
      throw unsupported(value, bsonType.string)
  }
}

function integerText(value: Value, base: number | undefined): string {
  return readIntegerOf(value)
    .toString(base ?? 10)
    .toUpperCase()
}

function readIntegerOf({ type, bytes, start }: Value): bigint {
  return type === bsonType.int32 ? BigInt(readInt32(bytes, start)) : readInt64(bytes, start)
}

function formatFor(value: Value, target: number, { format }: ConversionOptions): TextFormat {
  if (format !== undefined) return format
  throw new DatabaseError(
    4341115,
    `Format must be specified when converting from '${shownType(value)}' to '${typeAlias(target)}'`,
  )
}

function toObjectId(value: Value): Value {
  if (value.type === bsonType.objectId) return value
  if (value.type !== bsonType.string) throw unsupported(value, bsonType.objectId)
  const text = textOfString(value)
  if (!isObjectIdHex(text)) throw unreadable(text, bsonType.objectId)
  return objectIdValue(parseObjectId(text))
}

function toDate(value: Value): Value {
  switch (value.type) {
    case bsonType.date:
      return value
    case bsonType.objectId:
    case bsonType.timestamp:
      return dateOfMoment(momentOfValue(value)!)!
    case bsonType.int64:
    case bsonType.double:
    case bsonType.decimal128:
      return dateValue(toInteger(value, bsonType.date, plainConversion))
    case bsonType.string: {
      const date = dateOfText(textOfString(value), undefined, utc)
      if (date instanceof DatabaseError) throw date
      return date
    }
    default:
      throw unsupported(value, bsonType.date)
  }
}

/** The bytes of binary data, the inner length of subtype 2 among them. */
function contentOf({ bytes, start, end }: Value): Uint8Array {
  return bytes.subarray(start + 5, end)
}

function toBinary(value: Value, options: ConversionOptions): Value {
  const { subtype, littleEndian } = options
  switch (value.type) {
    case bsonType.binary:
      if (value.bytes[value.start + 4] !== subtype) {
        throw failure(`Conversions between different binary data subtypes are not supported: ${subtype}`)
      }
      return value
    case bsonType.string: {
      const format = formatFor(value, bsonType.binary, options)
      const text = textOfString(value)
      const content = binaryOfText(text, subtype, format)
      if (content === undefined) {
        throw failure(`Input string '${text.slice(0, 100)}' could not be converted to binData(${subtype}, ${format})`)
      }
      return binaryValue(content, subtype)
    }
    case bsonType.int32:
    case bsonType.int64:
    case bsonType.double: {
      const content = value.bytes.slice(value.start, value.end)
      return binaryValue(littleEndian ? content : content.reverse(), subtype)
    }
    default:
      throw unsupported(value, bsonType.binary)
  }
}

/** From JSON, which must be of just that kind. */
function toContainer(value: Value, target: number): Value {
  if (value.type === target) return value
  if (value.type !== bsonType.string) throw unsupported(value, target)
  const text = textOfString(value)
  const container = containerOfText(text)
  if (container === undefined || container.type !== target) throw unreadable(text, target)
  return container
}
