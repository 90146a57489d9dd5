/** Time zones: IANA names, and fixed offsets such as +05:30, +0530 and +05. */
import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { readString, type Value } from '../../../bson/value.ts'
import { shownType } from '../shown-type.ts'
import { type Moment, momentOf, secondsOfMoment } from './moment.ts'

/** Seconds since 1970 between which a zone has one offset: from <= t < to. */
interface Period {
  readonly from: number
  readonly to: number
  readonly offset: number
}

export class TimeZone {
  readonly #name: string
  /** By `from`, those met so far. */
  readonly #periods: Period[] = []
  #last: Period

  constructor(name: string, fixedOffset?: number) {
    this.#name = name
    this.#last =
      fixedOffset === undefined ? { from: 0, to: 0, offset: 0 } : { from: -Infinity, to: Infinity, offset: fixedOffset }
  }

  /** Seconds to be added to UTC. */
  offsetAt(seconds: number): number {
    return this.#periodAt(seconds).offset
  }

  toLocal(moment: Moment): Moment {
    const offset = this.offsetAt(secondsOfMoment(moment))
    return offset === 0 ? moment : momentOf(moment.days, moment.ms + offset * 1000)
  }

  /**
   * Of a local time that a change of clocks leaves out, the one as long after the change; of one that it repeats mostly the first.
   * The rule is that of timelib, which MongoDB uses.
   */
  toUtc(local: Moment): Moment {
    const seconds = secondsOfMoment(local)
    const current = this.#periodAt(seconds).offset
    const after = this.#periodAt(seconds - current)
    const utc = seconds - after.offset
    const isInChange = utc >= after.from + (current - after.offset) && utc < after.from
    const offset = current !== after.offset && !isInChange ? after.offset : current
    return offset === 0 ? local : momentOf(local.days, local.ms - offset * 1000)
  }

  #periodAt(seconds: number): Period {
    const last = this.#last
    if (seconds >= last.from && seconds < last.to) return last
    let low = 0
    let high = this.#periods.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#periods[middle]!.from <= seconds) low = middle + 1
      else high = middle
    }
    let period = this.#periods[low - 1]
    if (period === undefined || seconds >= period.to) {
      period = readPeriod(this.#name, seconds)
      this.#periods.splice(low, 0, period)
    }
    this.#last = period
    return period
  }
}

/** Temporal's range. */
const secondsMax = 8.64e12

function readPeriod(name: string, seconds: number): Period {
  const within = Math.max(-secondsMax, Math.min(secondsMax, seconds))
  const time = Temporal.Instant.fromEpochMilliseconds(within * 1000).toZonedDateTimeISO(name)
  const next = time.getTimeZoneTransition('next')
  const nextSeconds = next === null ? Infinity : next.epochMilliseconds / 1000
  // The transition before the next one, so that the very moment of a transition counts as after it.
  const previous =
    next === null ? time.add({ seconds: 0 }).getTimeZoneTransition('previous') : next.getTimeZoneTransition('previous')
  const from = previous === null ? -Infinity : previous.epochMilliseconds / 1000
  const isOwn = from <= within
  return { from: isOwn ? from : within, to: nextSeconds, offset: time.offsetNanoseconds / 1e9 }
}

export const utc = new TimeZone('UTC', 0)

const offsetForm = /^([+-])(\d\d)(?::?(\d\d))?$/
const zones = new Map<string, TimeZone>([
  ['UTC', utc],
  ['GMT', utc],
])
/** More than there are names; offsets beyond are made anew each time. */
const zonesMax = 2000

/** Errors: 40485 for what is no time zone. Names count upper and lower case. */
export function timeZoneOf(text: string): TimeZone {
  const known = zones.get(text)
  if (known !== undefined) return known
  const zone = readZone(text)
  if (zone === undefined) throw new DatabaseError(40485, `unrecognized time zone identifier: "${text}"`)
  if (zones.size < zonesMax) zones.set(text, zone)
  return zone
}

function readZone(text: string): TimeZone | undefined {
  const offset = offsetForm.exec(text)
  if (offset !== null) {
    const [, sign, hours, minutes] = offset
    const size = Number(hours) * 3600 + Number(minutes ?? 0) * 60
    return new TimeZone(text, sign === '-' ? -size : size)
  }
  if (!/^[A-Za-z]/.test(text) || !isZoneName(text)) return undefined
  return new TimeZone(text)
}

function isZoneName(text: string): boolean {
  try {
    return Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(text).timeZoneId === text
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

/** Errors: 40517 for what is no string, 40485. */
export function timeZoneOfValue(value: Value): TimeZone {
  if (value.type !== bsonType.string) {
    throw new DatabaseError(40517, `timezone must evaluate to a string, found ${shownType(value)}`)
  }
  return timeZoneOf(readString(value.bytes, value.start))
}
