/** Units of time, and the days that weeks may begin with. */
import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { readString, type Value } from '../../../bson/value.ts'
import { shownType } from '../shown-type.ts'

const units = ['year', 'quarter', 'month', 'week', 'day', 'hour', 'minute', 'second', 'millisecond'] as const
export type TimeUnit = (typeof units)[number]

/** Of the units that always are of one length. */
export const unitMs: Readonly<Record<Exclude<TimeUnit, 'year' | 'quarter' | 'month'>, number>> = {
  week: 604_800_000,
  day: 86_400_000,
  hour: 3_600_000,
  minute: 60_000,
  second: 1000,
  millisecond: 1,
}

/** Errors: 5439013 for what is no string, FailedToParse for no unit. */
export function timeUnitOf(operator: string, value: Value): TimeUnit {
  if (value.type !== bsonType.string) {
    throw new DatabaseError(5439013, `${operator} requires 'unit' to be a string, but got ${shownType(value)}`)
  }
  const text = readString(value.bytes, value.start)
  const unit = units.find((name) => name === text)
  if (unit === undefined) throw new DatabaseError('FailedToParse', `unknown time unit value: ${text}`)
  return unit
}

const daysOfWeek = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday']

/** 1 Monday to 7 Sunday, from a name or its first three letters. Errors: 5439015 for what is no string, 5439016 for no day. */
export function startOfWeekOf(operator: string, value: Value): number {
  if (value.type !== bsonType.string) {
    throw new DatabaseError(5439015, `${operator} requires 'startOfWeek' to be a string, but got ${shownType(value)}`)
  }
  const text = readString(value.bytes, value.start)
  const lower = text.toLowerCase()
  const index = daysOfWeek.findIndex((name) => name === lower || name.slice(0, 3) === lower)
  if (index < 0) {
    throw new DatabaseError(
      5439016,
      `${operator} parameter 'startOfWeek' value cannot be recognized as a day of a week: ${text}`,
    )
  }
  return index + 1
}
