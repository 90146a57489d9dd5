/**
 * The Gregorian calendar, without end in both directions: dates are counted in days since 1970-01-01, as doubles, which are exact
 * for all that a BSON date can hold (±106 billion days). Algorithms: Howard Hinnant, "chrono-compatible low-level date algorithms".
 */

export interface CalendarDay {
  readonly year: number
  /** 1 to 12. */
  readonly month: number
  /** 1 to 31. */
  readonly day: number
}

/** Months and days beyond their bounds are carried over. */
export function daysOf(year: number, month: number, day: number): number {
  const months = month - 1
  const carried = Math.floor(months / 12)
  const y = year + carried
  return daysOfProper(y, months - carried * 12 + 1) + day - 1
}

/** Of the first day of a month from 1 to 12. */
function daysOfProper(year: number, month: number): number {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5)
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146097 + dayOfEra - 719468
}

export function calendarDayOf(days: number): CalendarDay {
  const shifted = days + 719468
  const era = Math.floor(shifted / 146097)
  const dayOfEra = shifted - era * 146097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36524) - Math.floor(dayOfEra / 146096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day }
}

export function daysInMonth(year: number, month: number): number {
  return daysOf(year, month + 1, 1) - daysOf(year, month, 1)
}

/** 1 to 366. */
export function dayOfYear(days: number): number {
  return days - daysOf(calendarDayOf(days).year, 1, 1) + 1
}

/** 1 Monday to 7 Sunday. */
export function isoDayOfWeek(days: number): number {
  return modulo(days + 3, 7) + 1
}

/** ISO 8601: the week of a Thursday belongs to the year of that Thursday. */
export function isoWeekOf(days: number): { year: number; week: number } {
  const thursday = days - isoDayOfWeek(days) + 4
  const { year } = calendarDayOf(thursday)
  return { year, week: Math.floor((thursday - daysOf(year, 1, 1)) / 7) + 1 }
}

/** The Monday of a year's first ISO week. */
export function firstIsoMonday(year: number): number {
  const fourth = daysOf(year, 1, 4)
  return fourth - isoDayOfWeek(fourth) + 1
}

/** 0 to 53: weeks begin on Sunday, and days before the year's first Sunday are in week 0. */
export function sundayWeekOf(days: number): number {
  const dayOfWeek = isoDayOfWeek(days) % 7
  return Math.floor((dayOfYear(days) + 6 - dayOfWeek) / 7)
}

/** Never negative. */
export function modulo(n: number, divisor: number): number {
  return n - Math.floor(n / divisor) * divisor
}
