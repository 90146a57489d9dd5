/**
 * `{$dateTrunc: {date, unit, binSize, timezone, startOfWeek}}`: the beginning of the bin that the date is in. Bins are counted from
 * 2000-01-01 in the zone, those of weeks from the first start of a week then or later.
 */
import { DatabaseError } from '../../../base/errors.ts'
import { wholeInt64Of } from '../../../bson/number.ts'
import { dateValue, int32Value, isNumber, nullValue, type Value } from '../../../bson/value.ts'
import { isNullish } from '../../expression.ts'
import { absent, namedOperator } from '../named-operator.ts'
import { shownType } from '../shown-type.ts'
import { calendarDayOf, daysOf, isoDayOfWeek, modulo } from './calendar.ts'
import { type Moment, msOfMoment, requireMoment } from './moment.ts'
import { startOfWeekOf, type TimeUnit, timeUnitOf, unitMs } from './time-unit.ts'
import type { TimeZone } from './time-zone.ts'
import { zoneArgument } from './zone-argument.ts'

const sunday = 7
const one = int32Value(1)

export const dateTrunc = namedOperator({
  name: '$dateTrunc',
  names: ['date', 'unit', 'binSize', 'timezone', 'startOfWeek'],
  required: { date: 5439009, unit: 5439010 },
  notDocument: 5439007,
  unknown: 5439008,
  nullWhenConstant: ['startOfWeek'],
  make({ date = absent, unit = absent, binSize = () => one, timezone, startOfWeek }) {
    return (context) => {
      const value = date(context)
      const sizeValue = binSize(context)
      const unitValue = unit(context)
      if (isNullish(value) || isNullish(sizeValue) || isNullish(unitValue)) return nullValue
      const timeUnit = timeUnitOf('$dateTrunc', unitValue)
      const size = binSizeOf(sizeValue)
      let firstDay = sunday
      if (startOfWeek !== undefined && timeUnit === 'week') {
        const day = startOfWeek(context)
        if (isNullish(day)) return nullValue
        firstDay = startOfWeekOf('$dateTrunc', day)
      }
      const zone = zoneArgument(timezone, context)
      if (zone === undefined) return nullValue
      return truncated(requireMoment(value, 5166307), timeUnit, size, zone, firstDay)
    }
  },
})

function binSizeOf(value: Value): bigint {
  const size = isNumber(value.type) ? wholeInt64Of(value) : undefined
  if (size === undefined) {
    throw new DatabaseError(
      5439017,
      `$dateTrunc requires 'binSize' to be a 64-bit integer, but got value of type ${shownType(value)}`,
    )
  }
  if (size <= 0n)
    throw new DatabaseError(5439018, `$dateTrunc requires 'binSize' to be greater than 0, but got value ${size}`)
  return size
}

const referenceDays = daysOf(2000, 1, 1)
const referenceMonth = 2000 * 12
/** 146,097 days are 400 years: no bin of more than that many units is ever left. */
const sizeMax = 2n ** 53n

function truncated(moment: Moment, unit: TimeUnit, size: bigint, zone: TimeZone, firstDay: number): Value {
  const count = Number(size > sizeMax ? sizeMax : size)
  switch (unit) {
    case 'year':
    case 'quarter':
    case 'month': {
      const months = count * (unit === 'year' ? 12 : unit === 'quarter' ? 3 : 1)
      const { year, month } = calendarDayOf(zone.toLocal(moment).days)
      const first = floorTo(year * 12 + month - 1, referenceMonth, months)
      return dateOf(zone.toUtc({ days: daysOf(0, first + 1, 1), ms: 0 }))
    }
    case 'week':
    case 'day': {
      const reference =
        unit === 'day' ? referenceDays : referenceDays + modulo(firstDay - isoDayOfWeek(referenceDays), 7)
      const days = floorTo(zone.toLocal(moment).days, reference, unit === 'week' ? count * 7 : count)
      return dateOf(zone.toUtc({ days, ms: 0 }))
    }
    default: {
      const bin = size * BigInt(unitMs[unit])
      const reference = msOfMoment(zone.toUtc({ days: referenceDays, ms: 0 }))
      const since = msOfMoment(moment) - reference
      const rest = ((since % bin) + bin) % bin
      return checked(reference + since - rest)
    }
  }
}

/** The greatest number not above n that is whole bins away from the reference. */
function floorTo(n: number, reference: number, bin: number): number {
  return reference + Math.floor((n - reference) / bin) * bin
}

function dateOf(moment: Moment): Value {
  // A bin may begin before all that days can count.
  if (!Number.isSafeInteger(moment.days)) throw overflow()
  return checked(msOfMoment(moment))
}

function checked(ms: bigint): Value {
  if (BigInt.asIntN(64, ms) !== ms) throw overflow()
  return dateValue(ms)
}

function overflow(): DatabaseError {
  return new DatabaseError(5166406, '$dateTrunc overflowed')
}
