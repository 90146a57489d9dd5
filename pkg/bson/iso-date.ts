/** Dates as text: ISO 8601 in the forms that Extended JSON and the MongoDB tools write. */

const form =
  /^([+-]\d{6}|\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:(Z)|([+-])(\d\d):?(\d\d))?)?$/

/** As `toISOString` writes, with or without milliseconds. */
const commonForm = /^\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d{3})?Z$/

/**
 * Milliseconds since 1970; undefined for what is no date. Without a zone the text is UTC; digits beyond milliseconds
 * are dropped.
 */
export function parseIsoDate(text: string): number | undefined {
  // JavaScript reads this form itself, but for the days that not all months have, which it lets run into the next.
  if (commonForm.test(text) && Number(text.slice(8, 10)) <= 28) {
    const ms = Date.parse(text)
    return Number.isNaN(ms) ? undefined : ms
  }
  const match = form.exec(text)
  if (match === null) return undefined
  const [, yearText, monthText, dayText, hourText, minuteText, secondText, fraction, , sign, zoneHours, zoneMinutes] =
    match
  const year = Number(yearText)
  const month = Number(monthText) - 1
  const day = Number(dayText)
  const hour = Number(hourText ?? 0)
  const minute = Number(minuteText ?? 0)
  const second = Number(secondText ?? 0)
  if (hour > 23 || minute > 59 || second > 59) return undefined
  const ms = Number((fraction ?? '').slice(0, 3).padEnd(3, '0'))
  const date = new Date(0)
  date.setUTCFullYear(year, month, day)
  // A day that the month does not have would move into the next one.
  if (date.getUTCMonth() !== month || date.getUTCDate() !== day) return undefined
  const zone = sign === undefined ? 0 : (sign === '-' ? -1 : 1) * (60 * Number(zoneHours) + Number(zoneMinutes))
  return date.getTime() + ((hour * 60 + minute - zone) * 60 + second) * 1000 + ms
}

/** Year 1970 to 9999, which relaxed Extended JSON shows as text. */
export function hasIsoForm(ms: number): boolean {
  return ms >= 0 && ms < 253402300800000
}

/** Without the milliseconds when they are zero. */
export function formatIsoDate(ms: number): string {
  const text = new Date(ms).toISOString()
  return ms % 1000 === 0 ? text.slice(0, -5) + 'Z' : text
}
