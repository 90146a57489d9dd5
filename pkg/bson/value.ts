/**
 * One BSON value in place: a type and where its bytes lie. Making one allocates a small object; hot loops pass
 * (type, bytes, start) instead.
 */
import { counterOf, secondsOf, type Timestamp, timestampOf } from '../base/timestamp.ts'
import { decimal128ToNumber, isDecimal128Zero } from './decimal128.ts'
import {
  readDouble,
  readInt32,
  readInt64Number,
  readUint32,
  writeDouble,
  writeInt32,
  writeInt64,
} from './little-endian.ts'
import { bsonType, isNumber, typeAlias, type Value } from './type.ts'
import { readUtf8, utf8Bytes, writeUtf8 } from './utf8.ts'
import { ElementWalker, findField } from './walk.ts'

export { readDouble, readInt32, readInt64, readInt64Number, readUint32 } from './little-endian.ts'
export { isNumber, type Value } from './type.ts'

/** A value that lies in `bytes` from `start` to `end`; nothing is copied. */
export function valueAt(type: number, bytes: Uint8Array, start: number, end: number): Value {
  return { type, bytes, start, end }
}

function whole(type: number, bytes: Uint8Array): Value {
  return valueAt(type, bytes, 0, bytes.length)
}

const none = new Uint8Array(0)
export const nullValue: Value = whole(bsonType.null, none)
export const undefinedValue: Value = whole(bsonType.undefined, none)
export const minKeyValue: Value = whole(bsonType.minKey, none)
export const maxKeyValue: Value = whole(bsonType.maxKey, none)
export const trueValue: Value = whole(bsonType.boolean, new Uint8Array([1]))
export const falseValue: Value = whole(bsonType.boolean, new Uint8Array([0]))

/** `n`: an integer within int32. */
export function int32Value(n: number): Value {
  const bytes = new Uint8Array(4)
  writeInt32(bytes, 0, n)
  return whole(bsonType.int32, bytes)
}

/** `n`: an integer within int64. */
export function int64Value(n: bigint | number): Value {
  const bytes = new Uint8Array(8)
  writeInt64(bytes, 0, n)
  return whole(bsonType.int64, bytes)
}

export function doubleValue(n: number): Value {
  const bytes = new Uint8Array(8)
  writeDouble(bytes, 0, n)
  return whole(bsonType.double, bytes)
}

export function booleanValue(b: boolean): Value {
  return b ? trueValue : falseValue
}

export function stringValue(text: string): Value {
  return whole(bsonType.string, stringBytes(text))
}

/** A string value's bytes: length with the NUL, text, NUL. */
function stringBytes(text: string): Uint8Array {
  const room = new Uint8Array(4 + text.length * 3 + 1)
  const end = writeUtf8(room, 4, text)
  writeInt32(room, 0, end - 3)
  return room.subarray(0, end + 1)
}

/** `bytes`: a whole document. */
export function documentValue(bytes: Uint8Array): Value {
  return whole(bsonType.document, bytes)
}

/** `bytes`: a whole document whose names are 0, 1, 2 ... */
export function arrayValue(bytes: Uint8Array): Value {
  return whole(bsonType.array, bytes)
}

/** `ms`: whole milliseconds since 1970. */
export function dateValue(ms: number | bigint): Value {
  const bytes = new Uint8Array(8)
  writeInt64(bytes, 0, ms)
  return whole(bsonType.date, bytes)
}

export function objectIdValue(bytes12: Uint8Array): Value {
  return whole(bsonType.objectId, bytes12)
}

export function timestampValue(timestamp: Timestamp): Value {
  const bytes = new Uint8Array(8)
  writeInt32(bytes, 0, counterOf(timestamp))
  writeInt32(bytes, 4, secondsOf(timestamp))
  return whole(bsonType.timestamp, bytes)
}

/** `bytes16`: as BSON stores it (see `decimal128.ts` for making them). */
export function decimal128Value(bytes16: Uint8Array): Value {
  return whole(bsonType.decimal128, bytes16)
}

/** `subtype` 2 (the old one with a length inside) is the caller's to lay out. */
export function binaryValue(content: Uint8Array, subtype = 0): Value {
  const bytes = new Uint8Array(5 + content.length)
  writeInt32(bytes, 0, content.length)
  bytes[4] = subtype
  bytes.set(content, 5)
  return whole(bsonType.binary, bytes)
}

/** Neither `pattern` nor `flags` may hold a NUL. */
export function regexValue(pattern: string, flags: string): Value {
  return whole(bsonType.regex, utf8Bytes(`${pattern}\0${flags}\0`))
}

/** The text of a string, symbol or code value; `start` is of its length. */
export function readString(bytes: Uint8Array, start: number): string {
  return readUtf8(bytes, start + 4, start + 3 + readInt32(bytes, start))
}

/** A BSON timestamp as our own; a counter beyond 20 bits is cut to the largest. */
export function readTimestamp(bytes: Uint8Array, start: number): Timestamp {
  return timestampOf(readUint32(bytes, start + 4), Math.min(readUint32(bytes, start), 2 ** 20 - 1))
}

/** The elements of a document or array, for parsers and other cold paths. */
export function* documentFields(bytes: Uint8Array, start = 0): Generator<{ readonly name: string } & Value> {
  const walker = new ElementWalker().reset(bytes, start)
  while (walker.next()) {
    yield { name: walker.name(), type: walker.type, bytes, start: walker.valueStart, end: walker.valueEnd }
  }
}

/** The first field called `name`; for cold paths. */
export function getField(bytes: Uint8Array, name: string, start = 0): Value | undefined {
  const walker = new ElementWalker()
  return findField(walker, bytes, start, utf8Bytes(name)) ? walker.value() : undefined
}

/** The bytes of a document or array value, not copied. */
export function documentOf(value: Value): Uint8Array {
  if (value.start === 0 && value.end === value.bytes.length) return value.bytes
  return value.bytes.subarray(value.start, value.end)
}

/** Any numeric value as the nearest double; NaN for what is not a number. */
export function numberOf(value: Value): number {
  switch (value.type) {
    case bsonType.int32:
      return readInt32(value.bytes, value.start)
    case bsonType.double:
      return readDouble(value.bytes, value.start)
    case bsonType.int64:
      return readInt64Number(value.bytes, value.start)
    case bsonType.decimal128:
      return decimal128ToNumber(value.bytes, value.start)
    default:
      return Number.NaN
  }
}

/** MongoDB's truth: all but false, null, undefined and a zero of any numeric type (NaN is true). */
export function truthy(value: Value): boolean {
  switch (value.type) {
    case bsonType.boolean:
      return value.bytes[value.start] !== 0
    case bsonType.null:
    case bsonType.undefined:
      return false
    case bsonType.decimal128:
      return !isDecimal128Zero(value.bytes, value.start)
    default:
      return !isNumber(value.type) || numberOf(value) !== 0
  }
}

/** Of a string, symbol or code value. */
export function stringOf(value: Value): string {
  return readString(value.bytes, value.start)
}

/** For messages: what kind of value this is, by MongoDB's alias. */
export function typeNameOf(value: Value): string {
  return typeAlias(value.type)
}
