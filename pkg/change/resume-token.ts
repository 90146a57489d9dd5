/**
 * Resume tokens: where in the log a change stream stands, as the hex string that clients keep. They sort, as strings, in the order of
 * the events.
 *
 *   82 | seconds u32 | counter u32 | log index u48 | number of the event in its entry u32 | fragment u16 | kind u8
 *
 * All big endian. The time is that of the entry. The number of an event counts the events of an entry from 0 in the order of its
 * operations, whoever watches.
 *
 *   kind 0  the event of that number (fragment n > 0: that part of an event that was split)
 *   kind 1  the invalidate event that follows it
 *   kind 2  every event of the entry, and of those before, has been passed: a high water mark
 */
import { DatabaseError } from '../base/errors.ts'
import type { LogIndex } from '../base/ids.ts'
import { counterOf, secondsOf, type Timestamp, timestampOf } from '../base/timestamp.ts'
import { buildDocument } from '../bson/build.ts'
import { bsonType, typeAlias } from '../bson/type.ts'
import { getField, readString, type Value } from '../bson/value.ts'

export const tokenKind = { event: 0, invalidate: 1, passed: 2 } as const

export interface ResumeToken {
  readonly timestamp: Timestamp
  readonly index: LogIndex
  readonly number: number
  readonly fragment: number
  readonly kind: number
}

const tokenLength = 22
const lead = 0x82
const afterAll = 0xffffffff

/** Everything up to the entry `index`, made at `timestamp`, has been passed. */
export function highWaterMark(timestamp: Timestamp, index: LogIndex): ResumeToken {
  return { timestamp, index, number: afterAll, fragment: 0, kind: tokenKind.passed }
}

export function tokenText({ timestamp, index, number, fragment, kind }: ResumeToken): string {
  return (
    hex(lead, 2) +
    hex(secondsOf(timestamp), 8) +
    hex(counterOf(timestamp), 8) +
    hex(index, 12) +
    hex(number, 8) +
    hex(fragment, 4) +
    hex(kind, 2)
  ).toUpperCase()
}

/** `{_data: ...}`. */
export function tokenDocument(token: ResumeToken): Uint8Array {
  return buildDocument({ _data: tokenText(token) })
}

/** Reads `{_data: ...}`. Errors: 40647, 40648 for fields of the wrong type, and those of `readToken`. */
export function parseToken(bytes: Uint8Array, start: number): ResumeToken {
  const data: Value | undefined = getField(bytes, '_data', start)
  if (data?.type !== bsonType.string)
    throw new DatabaseError(
      40647,
      `Bad resume token: _data of missing or of wrong type: ${data === undefined ? 'missing' : typeAlias(data.type)}`,
    )
  const typeBits = getField(bytes, '_typeBits', start)
  if (typeBits !== undefined && typeBits.type !== bsonType.binary)
    throw new DatabaseError(40648, `Bad resume token: _typeBits of wrong type: ${typeAlias(typeBits.type)}`)
  return readToken(readString(data.bytes, data.start))
}

/** The first bytes that a token of MongoDB may have: the type of what it is made of. */
const keyTypes: ReadonlySet<number> = new Set([
  10, 15, 20, 60, 70, 80, 90, 100, 110, 111, 120, 130, 140, 150, 160, 170, 240,
])

/** Errors: FailedToParse for what is not hex, 40649 for nothing, 50811 for what is no key, InvalidResumeToken for what is no token of ours. */
export function readToken(text: string): ResumeToken {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text))
    throw new DatabaseError('FailedToParse', 'resume token string was not a valid hex string')
  if (text === '') throw new DatabaseError(40649, 'Failed to parse resume token: it is empty')
  const number = (from: number, length: number): number => Number.parseInt(text.slice(from, from + length), 16)
  if (!keyTypes.has(number(0, 2))) throw new DatabaseError(50811, `Unknown type: ${number(0, 2)}`)
  const kind = number(42, 2)
  if (text.length !== tokenLength * 2 || number(0, 2) !== lead || kind > tokenKind.passed)
    throw new DatabaseError('InvalidResumeToken', `Invalid resume token: ${text}`)
  return {
    timestamp: timestampOf(number(2, 8), number(10, 8)),
    index: number(18, 12) as LogIndex,
    number: number(30, 8),
    fragment: number(38, 4),
    kind,
  }
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}
