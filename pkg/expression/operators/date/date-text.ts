/** `$dateToString` and `$dateFromString`. */
import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { nullValue, readString, stringValue, type Value } from '../../../bson/value.ts'
import type { EvaluationContext } from '../../context.ts'
import { type Evaluate, isNullish } from '../../expression.ts'
import { absent, namedOperator } from '../named-operator.ts'
import { shownType } from '../shown-type.ts'
import { checkFormat, localTimeOf, readByFormat, writeDate } from './date-format.ts'
import { readFreeDate } from './free-date.ts'
import { dateOfMoment, requireMoment } from './moment.ts'
import { type TimeZone, utc } from './time-zone.ts'
import { zoneArgument } from './zone-argument.ts'

/** ISO 8601; in UTC with its Z. */
const utcFormat = '%Y-%m-%dT%H:%M:%S.%LZ'
const localFormat = '%Y-%m-%dT%H:%M:%S.%L'

export const dateToString = namedOperator({
  name: '$dateToString',
  names: ['format', 'date', 'timezone', 'onNull'],
  required: { date: 18628 },
  notDocument: 18629,
  unknown: 18534,
  make({ date = absent, format, timezone, onNull = absent }) {
    return (context) => {
      const value = date(context)
      const formatText = formatOf('$dateToString', format, context, 18533, 'write')
      const zone = zoneArgument(timezone, context)
      if (isNullish(value)) return onNull(context)
      if (zone === undefined || formatText === undefined) return nullValue
      const written = formatText === '' && format === undefined ? (zone === utc ? utcFormat : localFormat) : formatText
      return stringValue(writeDate(requireMoment(value), zone, written))
    }
  },
})

/** Undefined for null, '' without one. It is refused even where the date is null. */
function formatOf(
  operator: string,
  format: Evaluate | undefined,
  context: EvaluationContext,
  code: number,
  use: 'write' | 'read',
): string | undefined {
  if (format === undefined) return ''
  const value = format(context)
  if (isNullish(value)) return undefined
  if (value.type !== bsonType.string) {
    throw new DatabaseError(code, `${operator} requires that 'format' be a string, found: ${shownType(value)}`)
  }
  const text = readString(value.bytes, value.start)
  checkFormat(text, use)
  return text
}

export const dateFromString = namedOperator({
  name: '$dateFromString',
  names: ['dateString', 'format', 'timezone', 'onNull', 'onError'],
  required: { dateString: 40542 },
  notDocument: 40540,
  unknown: 40541,
  make({ dateString = absent, format, timezone, onNull = absent, onError }) {
    return (context) => {
      const value = dateString(context)
      const formatText = formatOf('$dateFromString', format, context, 40684, 'read')
      const zone = zoneArgument(timezone, context)
      if (isNullish(value)) return onNull(context)
      if (value.type === bsonType.string && (zone === undefined || formatText === undefined)) return nullValue
      const date = readDate(value, format === undefined ? undefined : formatText, zone ?? utc)
      if (!(date instanceof DatabaseError)) return date
      if (onError === undefined) throw date
      return onError(context)
    }
  },
})

/** A date, or why there is none (ConversionFailure). */
function readDate(value: Value, format: string | undefined, zone: TimeZone): Value | DatabaseError {
  if (value.type !== bsonType.string) {
    return new DatabaseError(
      'ConversionFailure',
      `$dateFromString requires that 'dateString' be a string, found: ${shownType(value)}`,
    )
  }
  return dateOfText(readString(value.bytes, value.start), format, zone)
}

/** A date from text, in a format or free; or the ConversionFailure that says why there is none. */
export function dateOfText(text: string, format: string | undefined, zone: TimeZone): Value | DatabaseError {
  const read = format === undefined ? readFreeDate(text) : readByFormat(text, format)
  const local = read === undefined ? undefined : localTimeOf(read)
  if (read === undefined || local === undefined) {
    return new DatabaseError('ConversionFailure', `Error parsing date string '${text}'`)
  }
  if (read.zone !== undefined && zone !== utc) {
    return new DatabaseError(
      'ConversionFailure',
      `you cannot pass in a date/time string with time zone information ('${text}') together with a timezone argument`,
    )
  }
  const date = dateOfMoment((read.zone ?? zone).toUtc(local))
  return date ?? new DatabaseError('ConversionFailure', `date '${text}' is out of range`)
}
