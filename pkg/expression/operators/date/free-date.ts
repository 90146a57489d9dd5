/**
 * Dates as people write them, without a given format: ISO 8601 in its many forms, `July 4th, 2017 12:39:30 BST`,
 * `Wed, 31 Jan 1996 12:05:28 +0330`, `7/4/2017 3:15 pm`, `@1499168350`. Year, month and day must all be there.
 */
import { monthOfName, type ReadDate, readZone } from './date-format.ts'

const iso = /^([+-]?\d{4})-(\d{1,2})-(\d{1,2})(?!\d)/
const compactIso = /^(\d{4})(\d\d)(\d\d)(?!\d)/
const isoWeek = /^(\d{4})-?W(\d\d)(?:-?([0-7]))?(?!\d)/
const ordinalDate = /^(\d{4})[-.]?(\d{3})(?!\d)/
const slashed = /^(\d{4})\/(\d{1,2})\/(\d{1,2})(?!\d)/
const american = /^(\d{1,2})\/(\d{1,2})\/(\d{4})(?!\d)/
const dayFirst = /^(\d{1,2})[-.](\d{1,2})[-.](\d{4})(?!\d)/
const dayMonthYear = /^(\d{1,2})(?:st|nd|rd|th)?[ \t.-]*([A-Za-z]{3,9})[ \t.-]*(\d{4})(?!\d)/i
const dayMonth = /^(\d{1,2})(?:st|nd|rd|th)?[ \t.-]*([A-Za-z]{3,9})\b/i
const monthDayYear = /^([A-Za-z]{3,9})[ \t.-]*(\d{1,2})(?:st|nd|rd|th)?[ \t,.-]+(\d{4})(?![\d:])/i
const monthDay = /^([A-Za-z]{3,9})[ \t.-]*(\d{1,2})(?:st|nd|rd|th)?(?![\d:])/i
const yearMonthDay = /^(\d{4})[ \t.-]*([A-Za-z]{3,9})[ \t.-]*(\d{1,2})(?!\d)/i
const time = /^[Tt]?[ \t]*(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,:](\d+))?)?(?:[ \t]*([AaPp])\.?[Mm]\.?)?(?!\d)/
const compactTime = /^[Tt](\d\d)(\d\d)(\d\d)?(?:[.,](\d+))?(?!\d)/
const hourOfDay = /^(\d{1,2})[ \t]*([AaPp])\.?[Mm]\.?(?!\w)/
const dayName = /^(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?\b/i
const year = /^\d{4}(?![\d:])/
const unixTime = /^@(-?\d+)$/
const longestText = 200
/** Around a date; NUL and the no-break space too, and no other of Unicode's spaces. */
const blank = /^[\t-\r \0\u00a0]+|[\t-\r \0\u00a0]+$/g

/** Undefined for what is no date. */
export function readFreeDate(text: string): ReadDate | undefined {
  const date: ReadDate = {}
  let rest = text.replace(blank, '')
  if (rest === '' || rest.length > longestText) return undefined
  const unix = unixTime.exec(rest)
  if (unix !== null) return unixDate(Number(unix[1]))
  while (rest !== '') {
    const length = readToken(rest, date)
    if (length === undefined) return undefined
    rest = rest.slice(length).replace(/^[ \t,]+/, '')
  }
  return date
}

function unixDate(seconds: number): ReadDate | undefined {
  if (!Number.isSafeInteger(seconds)) return undefined
  return { year: 1970, month: 1, day: 1, hour: 0, minute: 0, second: 0, ...splitSeconds(seconds) }
}

function splitSeconds(seconds: number): ReadDate {
  // As a day of the year that may lie far outside the year: it is only counted on from.
  const days = Math.floor(seconds / 86_400)
  const rest = seconds - days * 86_400
  return { dayOfYear: days, hour: Math.floor(rest / 3600), minute: Math.floor(rest / 60) % 60, second: rest % 60 }
}

/** How many characters were taken; undefined for what means nothing, or what has been said before. */
function readToken(text: string, date: ReadDate): number | undefined {
  return readDay(text, date) ?? readTime(text, date) ?? readRest(text, date)
}

function readDay(text: string, date: ReadDate): number | undefined {
  if (date.day !== undefined || date.isoYear !== undefined || date.dayOfYear !== undefined) return undefined
  let match = isoWeek.exec(text)
  if (match !== null) {
    date.isoYear = Number(match[1])
    date.isoWeek = Number(match[2])
    if (match[3] !== undefined) date.isoDay = Number(match[3])
    return match[0].length
  }
  match = iso.exec(text) ?? slashed.exec(text) ?? compactIso.exec(text)
  if (match !== null) return setDay(date, match, match[1], match[2], match[3])
  match = american.exec(text)
  if (match !== null) return setDay(date, match, match[3], match[1], match[2])
  match = dayFirst.exec(text)
  if (match !== null) return setDay(date, match, match[3], match[2], match[1])
  match = ordinalDate.exec(text)
  if (match !== null) {
    date.year = Number(match[1])
    date.dayOfYear = Number(match[2]) - 1
    return match[0].length
  }
  return readNamedMonth(text, date)
}

function readNamedMonth(text: string, date: ReadDate): number | undefined {
  let match = dayMonthYear.exec(text)
  if (match !== null && isMonth(match[2])) return setDay(date, match, match[3], monthText(match[2]), match[1])
  match = monthDayYear.exec(text)
  if (match !== null && isMonth(match[1])) return setDay(date, match, match[3], monthText(match[1]), match[2])
  match = yearMonthDay.exec(text)
  if (match !== null && isMonth(match[2])) return setDay(date, match, match[1], monthText(match[2]), match[3])
  match = monthDay.exec(text)
  if (match !== null && isMonth(match[1])) return setDay(date, match, undefined, monthText(match[1]), match[2])
  match = dayMonth.exec(text)
  if (match !== null && isMonth(match[2])) return setDay(date, match, undefined, monthText(match[2]), match[1])
  return undefined
}

function isMonth(word: string | undefined): boolean {
  return word !== undefined && monthOfName(word) !== undefined
}

function monthText(word: string | undefined): string {
  return String(monthOfName(word ?? ''))
}

function setDay(
  date: ReadDate,
  match: RegExpExecArray,
  yearText: string | undefined,
  month: string | undefined,
  day: string | undefined,
): number {
  if (yearText !== undefined) date.year = Number(yearText)
  date.month = Number(month)
  date.day = Number(day)
  return match[0].length
}

function readTime(text: string, date: ReadDate): number | undefined {
  if (date.hour !== undefined) return undefined
  const match = time.exec(text) ?? compactTime.exec(text)
  if (match !== null) {
    const [whole, hours, minutes, seconds, fraction, half] = match
    date.hour = hourOf(Number(hours), half)
    date.minute = Number(minutes)
    date.second = Number(seconds ?? 0)
    date.ms = Number((fraction ?? '').slice(0, 3).padEnd(3, '0'))
    return whole.length
  }
  const hour = hourOfDay.exec(text)
  if (hour === null) return undefined
  date.hour = hourOf(Number(hour[1]), hour[2])
  return hour[0].length
}

/** `half`: the first letter of am or pm. An hour that a clock of 12 hours does not have becomes one that no clock has. */
function hourOf(hours: number, half: string | undefined): number {
  if (half === undefined) return hours
  if (hours < 1 || hours > 12) return 99
  return (hours % 12) + (half.toLowerCase() === 'p' ? 12 : 0)
}

function readRest(text: string, date: ReadDate): number | undefined {
  const name = dayName.exec(text)
  if (name !== null) return name[0].length
  if (date.year === undefined && date.isoYear === undefined && date.day !== undefined) {
    const match = year.exec(text)
    if (match !== null) {
      date.year = Number(match[0])
      return match[0].length
    }
  }
  if (date.zone !== undefined || (date.hour === undefined && date.day === undefined)) return undefined
  const read = readZone(text)
  if (read === undefined) return undefined
  date.zone = read.zone
  return read.length
}
