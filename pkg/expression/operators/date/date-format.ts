/** Dates written and read by a format such as `%Y-%m-%d`. */
import { DatabaseError } from '../../../base/errors.ts'
import { calendarDayOf, dayOfYear, daysOf, firstIsoMonday, isoDayOfWeek, isoWeekOf, sundayWeekOf } from './calendar.ts'
import { type Moment, momentOf, secondsOfMoment } from './moment.ts'
import { type TimeZone, timeZoneOf, utc } from './time-zone.ts'

export const monthNames = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]

const writtenLetters = 'bBdGHjLmMSuUVwYzZ%'
const readLetters = 'bBdGHjLmMSuVYzZ%'

/** Errors: 18535 for a `%` at the end, 18536 for a letter that there is not. */
export function checkFormat(format: string, use: 'write' | 'read'): void {
  const letters = use === 'write' ? writtenLetters : readLetters
  for (let i = 0; i < format.length; i++) {
    if (format[i] !== '%') continue
    const letter = format[++i]
    if (letter === undefined) throw new DatabaseError(18535, "Unmatched '%' at end of format string")
    if (!letters.includes(letter)) {
      throw new DatabaseError(18536, `Invalid format character '%${letter}' in format string`)
    }
  }
}

/** Errors: 18537 for a year beyond 0 to 9999. The format has been checked. */
export function writeDate(moment: Moment, zone: TimeZone, format: string): string {
  const local = zone.toLocal(moment)
  const offsetMinutes = Math.trunc(zone.offsetAt(secondsOfMoment(moment)) / 60)
  let text = ''
  for (let i = 0; i < format.length; i++) {
    text += format[i] === '%' ? writePart(format[++i]!, local, offsetMinutes) : format[i]
  }
  return text
}

function writePart(letter: string, { days, ms }: Moment, offsetMinutes: number): string {
  switch (letter) {
    case 'b':
      return monthNames[calendarDayOf(days).month - 1]!.slice(0, 3)
    case 'B':
      return monthNames[calendarDayOf(days).month - 1]!
    case 'd':
      return pad(calendarDayOf(days).day, 2)
    case 'G':
      return pad(checkedYear(isoWeekOf(days).year), 4)
    case 'H':
      return pad(Math.floor(ms / 3_600_000), 2)
    case 'j':
      return pad(dayOfYear(days), 3)
    case 'L':
      return pad(ms % 1000, 3)
    case 'm':
      return pad(calendarDayOf(days).month, 2)
    case 'M':
      return pad(Math.floor(ms / 60_000) % 60, 2)
    case 'S':
      return pad(Math.floor(ms / 1000) % 60, 2)
    case 'u':
      return String(isoDayOfWeek(days))
    case 'U':
      return pad(sundayWeekOf(days), 2)
    case 'V':
      return pad(isoWeekOf(days).week, 2)
    case 'w':
      return String((isoDayOfWeek(days) % 7) + 1)
    case 'Y':
      return pad(checkedYear(calendarDayOf(days).year), 4)
    case 'z': {
      const size = Math.abs(offsetMinutes)
      return `${offsetMinutes < 0 ? '-' : '+'}${pad(Math.floor(size / 60), 2)}${pad(size % 60, 2)}`
    }
    case 'Z':
      return String(offsetMinutes)
    default:
      return '%'
  }
}

function checkedYear(year: number): number {
  if (year < 0 || year > 9999) {
    throw new DatabaseError(
      18537,
      `Could not convert date to string: date component was outside the supported range of 0-9999: ${year}`,
    )
  }
  return year
}

export function pad(n: number, digits: number): string {
  return String(n).padStart(digits, '0')
}

/** What was read of a date: parts, and the zone if the text names one. */
export interface ReadDate {
  year?: number
  month?: number
  day?: number
  isoYear?: number
  isoWeek?: number
  isoDay?: number
  dayOfYear?: number
  hour?: number
  minute?: number
  second?: number
  ms?: number
  zone?: TimeZone
}

/** Undefined when the text does not have the format. The format has been checked. */
export function readByFormat(text: string, format: string): ReadDate | undefined {
  const date: ReadDate = {}
  let at = 0
  for (let i = 0; i < format.length; i++) {
    if (format[i] !== '%') {
      if (text[at++] !== format[i]) return undefined
      continue
    }
    const length = readPart(format[++i]!, text.slice(at, at + 40), date)
    if (length === undefined) return undefined
    at += length
  }
  return at === text.length ? date : undefined
}

/** How many characters were taken. */
function readPart(letter: string, text: string, date: ReadDate): number | undefined {
  const take = (pattern: RegExp, use: (n: number) => void): number | undefined => {
    const match = pattern.exec(text)
    if (match === null) return undefined
    use(Number(match[0]))
    return match[0].length
  }
  switch (letter) {
    case 'b':
    case 'B': {
      const word = /^[A-Za-z]+/.exec(text)?.[0]
      const month = word === undefined ? undefined : monthOfName(word)
      if (month === undefined) return undefined
      date.month = month
      return word!.length
    }
    case 'Y':
      return take(/^\d{4}/, (n) => {
        date.year = n
      })
    case 'G':
      return take(/^\d{4}/, (n) => {
        date.isoYear = n
      })
    case 'm':
      return take(/^\d{1,2}/, (n) => {
        date.month = n
      })
    case 'd':
      return take(/^\d{1,2}/, (n) => {
        date.day = n
      })
    case 'H':
      return take(/^\d{1,2}/, (n) => {
        date.hour = n
      })
    case 'M':
      return take(/^\d{1,2}/, (n) => {
        date.minute = n
      })
    case 'S':
      return take(/^\d{1,2}/, (n) => {
        date.second = n
      })
    case 'j':
      return take(/^\d{1,3}/, (n) => {
        date.dayOfYear = n
      })
    case 'u':
      return take(/^\d/, (n) => {
        date.isoDay = n
      })
    case 'V':
      return take(/^\d{1,2}/, (n) => {
        date.isoWeek = n
      })
    case 'L': {
      const digits = /^\d{1,3}/.exec(text)?.[0]
      if (digits === undefined) return undefined
      date.ms = Number(digits.padEnd(3, '0'))
      return digits.length
    }
    case 'z': {
      const read = readZone(text)
      if (read === undefined) return undefined
      date.zone = read.zone
      return read.length
    }
    case 'Z':
      return take(/^[+-]\d+/, (n) => {
        date.zone = fixedZone(n * 60)
      })
    default:
      return text[0] === '%' ? 1 : undefined
  }
}

/** `z`, `+05:30`, `GMT`, `EST`, `Europe/London` at the beginning of a text. */
export function readZone(text: string): { zone: TimeZone; length: number } | undefined {
  const offset = /^(?:GMT|UTC)?([+-])(\d{1,2})(?::?(\d\d))?/i.exec(text)
  if (offset !== null) {
    const size = Number(offset[2]) * 3600 + Number(offset[3] ?? 0) * 60
    return { zone: fixedZone(offset[1] === '-' ? -size : size), length: offset[0].length }
  }
  const name = /^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+)*/.exec(text)?.[0]
  if (name === undefined) return undefined
  const hours = abbreviations.get(name.toUpperCase())
  if (hours !== undefined) return { zone: fixedZone(hours * 3600), length: name.length }
  try {
    return { zone: timeZoneOf(name), length: name.length }
  } catch (error) {
    if (error instanceof DatabaseError) return undefined
    throw error
  }
}

/** In hours. */
const abbreviations: ReadonlyMap<string, number> = new Map([
  ['Z', 0],
  ['UTC', 0],
  ['GMT', 0],
  ['EST', -5],
  ['EDT', -4],
  ['CST', -6],
  ['CDT', -5],
  ['MST', -7],
  ['MDT', -6],
  ['PST', -8],
  ['PDT', -7],
  ['BST', 1],
  ['CET', 1],
  ['CEST', 2],
  ['EET', 2],
  ['EEST', 3],
  ['WET', 0],
  ['WEST', 1],
  ['MSK', 3],
  ['JST', 9],
])

function fixedZone(offset: number): TimeZone {
  return offset === 0 ? utc : timeZoneOfOffset(offset)
}

function timeZoneOfOffset(offset: number): TimeZone {
  const minutes = Math.abs(offset) / 60
  return timeZoneOf(`${offset < 0 ? '-' : '+'}${pad(Math.floor(minutes / 60), 2)}:${pad(minutes % 60, 2)}`)
}

/** 1 to 12, from a name or its first three letters (and Sept). */
export function monthOfName(word: string): number | undefined {
  const lower = word.toLowerCase()
  if (lower === 'sept') return 9
  const index = monthNames.findIndex((name) => name.toLowerCase() === lower || name.slice(0, 3).toLowerCase() === lower)
  return index < 0 ? undefined : index + 1
}

/** The local time; undefined for parts out of bounds or too few of them. */
export function localTimeOf(date: ReadDate): Moment | undefined {
  const { hour = 0, minute = 0, second = 0, ms = 0 } = date
  if (hour > 24 || minute > 59 || second > 59 || (hour === 24 && (minute > 0 || second > 0 || ms > 0))) return undefined
  const days = daysOfRead(date)
  return days === undefined ? undefined : momentOf(days, ((hour * 60 + minute) * 60 + second) * 1000 + ms)
}

function daysOfRead({
  year,
  month,
  day,
  isoYear,
  isoWeek = 1,
  isoDay = 1,
  dayOfYear: ordinal,
}: ReadDate): number | undefined {
  if (isoYear !== undefined) {
    if (isoWeek < 1 || isoWeek > 53 || isoDay < 1 || isoDay > 7) return undefined
    return firstIsoMonday(isoYear) + (isoWeek - 1) * 7 + isoDay - 1
  }
  if (year === undefined) return undefined
  // The reference server counts days of the year from 0 when it reads them.
  if (ordinal !== undefined) return daysOf(year, 1, 1) + ordinal
  if (month === undefined || day === undefined || month < 1 || month > 12 || day < 1) return undefined
  const days = daysOf(year, month, day)
  return calendarDayOf(days).month === month ? days : undefined
}
