/** `$dateFromParts` and `$dateToParts`. */
import { DatabaseError } from '../../../base/errors.ts'
import { wholeInt64Of } from '../../../bson/number.ts'
import { bsonType } from '../../../bson/type.ts'
import { documentValue, isNumber, nullValue, truthy } from '../../../bson/value.ts'
import { BsonWriter } from '../../../bson/writer.ts'
import type { EvaluationContext } from '../../context.ts'
import { type Evaluate, isNullish } from '../../expression.ts'
import { absent, namedOperator } from '../named-operator.ts'
import { shownType } from '../shown-type.ts'
import { calendarDayOf, daysOf, firstIsoMonday, isoDayOfWeek, isoWeekOf } from './calendar.ts'
import { dateOfMoment, dayMs, type Moment, momentOfMs, requireMoment } from './moment.ts'
import { zoneArgument } from './zone-argument.ts'

const dayParts = ['year', 'month', 'day'] as const
const isoParts = ['isoWeekYear', 'isoWeek', 'isoDayOfWeek'] as const
const timeParts = ['hour', 'minute', 'second', 'millisecond'] as const

/** Parts beyond their bounds are carried over, but for the year. */
export const dateFromParts = namedOperator({
  name: '$dateFromParts',
  names: [...dayParts, ...isoParts, ...timeParts, 'timezone'],
  required: {},
  notDocument: 40519,
  unknown: 40518,
  check(given) {
    if (!given.has('year') && !given.has('isoWeekYear')) {
      throw new DatabaseError(40516, "$dateFromParts requires either 'year' or 'isoWeekYear' to be present")
    }
    if (given.has('year') && isoParts.some((part) => given.has(part))) {
      throw new DatabaseError(40489, '$dateFromParts does not allow mixing natural dates with ISO dates')
    }
    if (given.has('isoWeekYear') && dayParts.some((part) => given.has(part))) {
      throw new DatabaseError(40525, '$dateFromParts does not allow mixing ISO dates with natural dates')
    }
  },
  make(parts) {
    const names = parts.year !== undefined ? dayParts : isoParts
    return (context) => {
      const time: number[] = []
      for (const name of timeParts) {
        const part = partOf(name, parts[name], 0, context)
        if (part === undefined) return nullValue
        time.push(part)
      }
      const zone = zoneArgument(parts.timezone, context)
      if (zone === undefined) return nullValue
      const day: number[] = []
      for (const name of names) {
        const part = partOf(name, parts[name], 1, context)
        if (part === undefined) return nullValue
        day.push(part)
      }
      const [year, second, third] = day as [number, number, number]
      const days =
        parts.year !== undefined ? daysOf(year, second, third) : firstIsoMonday(year) + (second - 1) * 7 + (third - 1)
      const [hour, minute, seconds, milliseconds] = time as [number, number, number, number]
      const ms = BigInt(days * dayMs + (hour * 60 + minute) * 60_000) + BigInt(seconds) * 1000n + BigInt(milliseconds)
      const date = dateOfMoment(zone.toUtc(momentOfMs(ms)))
      if (date === undefined) throw new DatabaseError('Overflow', '$dateFromParts overflowed')
      return date
    }
  },
})

/** Undefined for null. Errors: 40515 for what is no integer, 40523 for a year out of bounds, 31034 for another part. */
function partOf(
  name: string,
  operand: Evaluate | undefined,
  otherwise: number,
  context: EvaluationContext,
): number | undefined {
  if (operand === undefined) return otherwise
  const value = operand(context)
  if (isNullish(value)) return undefined
  const whole = isNumber(value.type) ? wholeInt64Of(value) : undefined
  if (whole === undefined) {
    throw new DatabaseError(40515, `'${name}' must evaluate to an integer, found ${shownType(value)}`)
  }
  if (name === 'year' || name === 'isoWeekYear') {
    if (whole < 1n || whole > 9999n) {
      throw new DatabaseError(40523, `'${name}' must evaluate to an integer in the range 1 to 9999, found ${whole}`)
    }
  } else if (name !== 'second' && name !== 'millisecond' && (whole < -32768n || whole > 32767n)) {
    throw new DatabaseError(
      31034,
      `'${name}' must evaluate to a value in the range [-32768, 32767]; value ${whole} is not in range`,
    )
  }
  return Number(whole)
}

export const dateToParts = namedOperator({
  name: '$dateToParts',
  names: ['date', 'timezone', 'iso8601'],
  required: { date: 40522 },
  notDocument: 40524,
  unknown: 40520,
  make({ date = absent, timezone, iso8601 }) {
    return (context) => {
      const value = date(context)
      if (isNullish(value)) return nullValue
      const zone = zoneArgument(timezone, context)
      if (zone === undefined) return nullValue
      let iso = false
      if (iso8601 !== undefined) {
        const flag = iso8601(context)
        if (isNullish(flag)) return nullValue
        if (flag.type !== bsonType.boolean) {
          throw new DatabaseError(40521, `iso8601 must evaluate to a bool, found ${shownType(flag)}`)
        }
        iso = truthy(flag)
      }
      return documentValue(partsOf(zone.toLocal(requireMoment(value)), iso))
    }
  },
})

function partsOf({ days, ms }: Moment, iso: boolean): Uint8Array {
  const writer = new BsonWriter(128)
  writer.beginDocument()
  if (iso) {
    const { year, week } = isoWeekOf(days)
    writer.int32('isoWeekYear', year)
    writer.int32('isoWeek', week)
    writer.int32('isoDayOfWeek', isoDayOfWeek(days))
  } else {
    const { year, month, day } = calendarDayOf(days)
    writer.int32('year', year)
    writer.int32('month', month)
    writer.int32('day', day)
  }
  writer.int32('hour', Math.floor(ms / 3_600_000))
  writer.int32('minute', Math.floor(ms / 60_000) % 60)
  writer.int32('second', Math.floor(ms / 1000) % 60)
  writer.int32('millisecond', ms % 1000)
  writer.end()
  return writer.finish()
}
