/** A point in time, or a local date and time: whole days since 1970-01-01 and milliseconds of the day. All of int64 is exact. */
import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { dateValue, readInt64, readInt64Number, readUint32, type Value } from '../../../bson/value.ts'
import { shownType } from '../shown-type.ts'

export interface Moment {
  readonly days: number
  /** 0 to 86,399,999. */
  readonly ms: number
}

export const dayMs = 86_400_000

/** `ms` may be of any size that a double holds exactly. */
export function momentOf(days: number, ms: number): Moment {
  const carried = Math.floor(ms / dayMs)
  return { days: days + carried, ms: ms - carried * dayMs }
}

export function momentOfMs(ms: bigint): Moment {
  const days = ms / 86_400_000n
  return momentOf(Number(days), Number(ms - days * 86_400_000n))
}

export function msOfMoment({ days, ms }: Moment): bigint {
  return BigInt(days) * 86_400_000n + BigInt(ms)
}

/** Whole seconds since 1970. */
export function secondsOfMoment({ days, ms }: Moment): number {
  return days * 86_400 + Math.floor(ms / 1000)
}

/** Undefined beyond int64 milliseconds. */
export function dateOfMoment(moment: Moment): Value | undefined {
  const near = moment.days * dayMs + moment.ms
  if (Number.isSafeInteger(near)) return dateValue(near)
  const ms = msOfMoment(moment)
  return BigInt.asIntN(64, ms) === ms ? dateValue(ms) : undefined
}

/** Undefined for what is no date, timestamp or ObjectId. */
export function momentOfValue({ type, bytes, start }: Value): Moment | undefined {
  switch (type) {
    case bsonType.date: {
      const near = readInt64Number(bytes, start)
      return Number.isSafeInteger(near) ? momentOf(0, near) : momentOfMs(readInt64(bytes, start))
    }
    case bsonType.timestamp:
      return momentOf(0, readUint32(bytes, start + 4) * 1000)
    case bsonType.objectId:
      return momentOf(0, bigEndianInt32(bytes, start) * 1000)
    default:
      return undefined
  }
}

/** The seconds of an ObjectId, with a sign, as MongoDB takes them. */
function bigEndianInt32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
}

/** Errors: `code` (16006 of most operators) for what is no date, timestamp or ObjectId. */
export function requireMoment(value: Value, code = 16006): Moment {
  const moment = momentOfValue(value)
  if (moment !== undefined) return moment
  throw new DatabaseError(code, `can't convert from BSON type ${shownType(value)} to Date`)
}
