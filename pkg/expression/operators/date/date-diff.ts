/** `{$dateDiff: {startDate, endDate, unit, timezone, startOfWeek}}`: how many borders of the unit lie between the two. */
import { DatabaseError } from '../../../base/errors.ts'
import { int64Value, nullValue, type Value } from '../../../bson/value.ts'
import { isNullish } from '../../expression.ts'
import { absent, namedOperator } from '../named-operator.ts'
import { calendarDayOf, isoDayOfWeek } from './calendar.ts'
import { type Moment, msOfMoment, requireMoment, secondsOfMoment } from './moment.ts'
import { startOfWeekOf, type TimeUnit, timeUnitOf } from './time-unit.ts'
import type { TimeZone } from './time-zone.ts'
import { zoneArgument } from './zone-argument.ts'

const sunday = 7

export const dateDiff = namedOperator({
  name: '$dateDiff',
  names: ['startDate', 'endDate', 'unit', 'timezone', 'startOfWeek'],
  required: { startDate: 5166303, endDate: 5166304, unit: 5166305 },
  notDocument: 5166301,
  unknown: 5166302,
  make({ startDate = absent, endDate = absent, unit = absent, timezone, startOfWeek }) {
    return (context) => {
      const start = startDate(context)
      const end = endDate(context)
      const unitValue = unit(context)
      if (isNullish(start) || isNullish(end) || isNullish(unitValue)) return nullValue
      const timeUnit = timeUnitOf('$dateDiff', unitValue)
      let firstDay = sunday
      if (startOfWeek !== undefined && timeUnit === 'week') {
        const value = startOfWeek(context)
        if (isNullish(value)) return nullValue
        firstDay = startOfWeekOf('$dateDiff', value)
      }
      const zone = zoneArgument(timezone, context)
      if (zone === undefined) return nullValue
      return difference(requireMoment(start, 5166307), requireMoment(end, 5166307), timeUnit, zone, firstDay)
    }
  },
})

function difference(start: Moment, end: Moment, unit: TimeUnit, zone: TimeZone, firstDay: number): Value {
  if (unit === 'millisecond') {
    const ms = msOfMoment(end) - msOfMoment(start)
    if (BigInt.asIntN(64, ms) !== ms) throw new DatabaseError(5166308, '$dateDiff overflowed')
    return int64Value(ms)
  }
  const from = zone.toLocal(start)
  const to = zone.toLocal(end)
  switch (unit) {
    case 'year':
      return int64Value(calendarDayOf(to.days).year - calendarDayOf(from.days).year)
    case 'quarter':
      return int64Value(Math.floor(monthOf(to) / 3) - Math.floor(monthOf(from) / 3))
    case 'month':
      return int64Value(monthOf(to) - monthOf(from))
    case 'week':
      return int64Value(weekOf(to, firstDay) - weekOf(from, firstDay))
    case 'day':
      return int64Value(to.days - from.days)
    default: {
      const seconds = { hour: 3600, minute: 60, second: 1 }[unit]
      const borders = Math.floor(secondsOfMoment(to) / 3600) - Math.floor(secondsOfMoment(from) / 3600)
      const change = zone.offsetAt(secondsOfMoment(start)) - zone.offsetAt(secondsOfMoment(end))
      const hours = borders + Math.trunc(change / 3600)
      const within = (moment: Moment) => Math.floor((secondsOfMoment(moment) % 3600) / seconds)
      const inHour = (moment: Moment) => (within(moment) + 3600 / seconds) % (3600 / seconds)
      return int64Value(unit === 'hour' ? hours : (hours * 3600) / seconds + inHour(to) - inHour(from))
    }
  }
}

/** Months since the year 0. */
function monthOf({ days }: Moment): number {
  const { year, month } = calendarDayOf(days)
  return year * 12 + month - 1
}

function weekOf({ days }: Moment, firstDay: number): number {
  return Math.floor((days - firstDayBefore(firstDay)) / 7)
}

/** Some day in 1970 that weeks begin with. */
function firstDayBefore(firstDay: number): number {
  return firstDay - isoDayOfWeek(0)
}
