/** `{$dateAdd: {startDate, unit, amount, timezone}}` and `$dateSubtract`. */
import { DatabaseError } from '../../../base/errors.ts'
import { wholeInt64Of } from '../../../bson/number.ts'
import { dateValue, isNumber, nullValue, type Value } from '../../../bson/value.ts'
import { isNullish } from '../../expression.ts'
import { absent, namedOperator } from '../named-operator.ts'
import type { Operator } from '../operator.ts'
import { shownType } from '../shown-type.ts'
import { calendarDayOf, daysInMonth, daysOf } from './calendar.ts'
import { type Moment, momentOfMs, msOfMoment, requireMoment } from './moment.ts'
import { type TimeUnit, timeUnitOf, unitMs } from './time-unit.ts'
import type { TimeZone } from './time-zone.ts'
import { zoneArgument } from './zone-argument.ts'

export const dateAdd = moveOperator('$dateAdd', 1n)
export const dateSubtract = moveOperator('$dateSubtract', -1n)

const int64Min = -(2n ** 63n)

function moveOperator(name: string, direction: 1n | -1n): Operator {
  return namedOperator({
    name,
    names: ['startDate', 'unit', 'amount', 'timezone'],
    required: { startDate: 5166402, unit: 5166402, amount: 5166402 },
    notDocument: 5166400,
    unknown: 5166401,
    make({ startDate = absent, unit = absent, amount = absent, timezone }) {
      return (context) => {
        const start = startDate(context)
        const unitValue = unit(context)
        const amountValue = amount(context)
        if (isNullish(start) || isNullish(unitValue) || isNullish(amountValue)) return nullValue
        const timeUnit = timeUnitOf(name, unitValue)
        const zone = zoneArgument(timezone, context)
        if (zone === undefined) return nullValue
        const moment = requireMoment(start, 5166403)
        const count = countOf(name, amountValue)
        if (direction === -1n && count === int64Min) {
          throw new DatabaseError(6045000, `invalid ${name} 'amount' parameter value: ${count} ${timeUnit}`)
        }
        return moved(moment, timeUnit, direction * count, zone)
      }
    },
  })
}

function countOf(name: string, amount: Value): bigint {
  const count = isNumber(amount.type) ? wholeInt64Of(amount) : undefined
  if (count === undefined) {
    throw new DatabaseError(5166405, `${name} expects integer amount of time units, but got ${shownType(amount)}`)
  }
  return count
}

const monthsOf: Readonly<Partial<Record<TimeUnit, bigint>>> = { month: 1n, quarter: 3n, year: 12n }
/** Twice the months that int64 milliseconds span. */
const monthsMax = 2n * 292_471_208n * 12n

function moved(moment: Moment, unit: TimeUnit, count: bigint, zone: TimeZone): Value {
  const months = monthsOf[unit]
  if (months !== undefined) {
    const total = months * count
    if (total > monthsMax || total < -monthsMax) throw unfitAmount(unit, count)
    return dateOf(msOfMoment(zone.toUtc(addMonths(zone.toLocal(moment), Number(total)))))
  }
  const ms = BigInt(unitMs[unit as keyof typeof unitMs]) * count
  if (BigInt.asIntN(64, ms) !== ms) throw unfitAmount(unit, count)
  if (unit !== 'day' && unit !== 'week') return dateOf(msOfMoment(moment) + ms)
  // Days are those of the zone's calendar, of whatever length.
  return dateOf(msOfMoment(zone.toUtc(momentOfMs(msOfMoment(zone.toLocal(moment)) + ms))))
}

/** A day that the month does not have becomes its last one. */
function addMonths({ days, ms }: Moment, count: number): Moment {
  const { year, month, day } = calendarDayOf(days)
  const months = year * 12 + month - 1 + count
  const newYear = Math.floor(months / 12)
  const newMonth = months - newYear * 12 + 1
  return { days: daysOf(newYear, newMonth, Math.min(day, daysInMonth(newYear, newMonth))), ms }
}

function dateOf(ms: bigint): Value {
  if (BigInt.asIntN(64, ms) !== ms) throw new DatabaseError(5166406, '$dateAdd overflowed')
  return dateValue(ms)
}

function unfitAmount(unit: TimeUnit, count: bigint): DatabaseError {
  return new DatabaseError(5976500, `invalid dateAdd 'amount' parameter value: ${count} ${unit}`)
}
