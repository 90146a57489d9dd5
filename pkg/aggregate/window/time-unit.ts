/** Units of time, as windows and `$densify` step by them. */
import { DatabaseError } from '../../base/errors.ts'

export type TimeUnit = 'year' | 'quarter' | 'month' | 'week' | 'day' | 'hour' | 'minute' | 'second' | 'millisecond'

const fixedMs: Readonly<Partial<Record<TimeUnit, number>>> = {
  week: 604_800_000,
  day: 86_400_000,
  hour: 3_600_000,
  minute: 60_000,
  second: 1000,
  millisecond: 1,
}
const months: Readonly<Partial<Record<TimeUnit, number>>> = { year: 12, quarter: 3, month: 1 }

/** Errors: FailedToParse for what is no unit. */
export function timeUnitOf(text: string): TimeUnit {
  if (!Object.hasOwn(fixedMs, text) && !Object.hasOwn(months, text)) {
    throw new DatabaseError('FailedToParse', `unknown time unit value: ${text}`)
  }
  return text as TimeUnit
}

/** Milliseconds of a unit that has always as many; undefined for months and longer. */
export function fixedUnitMs(unit: TimeUnit): number | undefined {
  return fixedMs[unit]
}

/** `ms` since the epoch, later by so many units; a day that the month does not have becomes its last. */
export function addUnits(ms: number, count: number, unit: TimeUnit): number {
  const fixed = fixedMs[unit]
  if (fixed !== undefined) return ms + count * fixed
  const date = new Date(ms)
  const month = date.getUTCFullYear() * 12 + date.getUTCMonth() + count * months[unit]!
  const year = Math.floor(month / 12)
  const lastDay = new Date(Date.UTC(2000, 0, 1))
  lastDay.setUTCFullYear(year, month - year * 12 + 1, 0)
  const day = Math.min(date.getUTCDate(), lastDay.getUTCDate())
  const moved = new Date(ms)
  moved.setUTCFullYear(year, month - year * 12, day)
  return moved.getTime()
}
