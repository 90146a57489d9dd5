/**
 * Dotted paths and finding a field by name in document bytes: shared by filters, sorts, projections, distinct and updates.
 */
import { DatabaseError } from '../base/errors.ts'
import { readInt32 } from '../bson/little-endian.ts'
import { bsonType } from '../bson/type.ts'
import { utf8Bytes } from '../bson/utf8.ts'
import { valueEnd } from '../bson/walk.ts'

export interface PathPart {
  readonly name: string
  /** UTF-8, without the NUL. */
  readonly bytes: Uint8Array
  /** The array position that the part also names, or -1: only the plain decimal form ("0", "12", not "00") names one. */
  readonly position: number
}

export interface Path {
  readonly text: string
  /** Empty only for the path of a value tested in place (inside `$elemMatch`). */
  readonly parts: readonly PathPart[]
}

/** The path of "this very value": no field is looked up. */
export const valueItself: Path = { text: '', parts: [] }

/** Paths parsed before: the same few come again with every query. */
const parsed = new Map<string, Path>()
const parsedMax = 1000

/** Splits at every dot; what is no valid path for its use (empty parts, `$`) is for the caller to refuse. */
export function parsePath(text: string): Path {
  let path = parsed.get(text)
  if (path === undefined) {
    path = { text, parts: text.includes('.') ? text.split('.').map(pathPart) : [pathPart(text)] }
    if (parsed.size === parsedMax) parsed.clear()
    parsed.set(text, path)
  }
  return path
}

function pathPart(name: string): PathPart {
  return { name, bytes: utf8Bytes(name), position: positionOf(name) }
}

function positionOf(name: string): number {
  const length = name.length
  if (length === 0 || length > 9) return -1
  for (let i = 0; i < length; i++) {
    const code = name.charCodeAt(i)
    if (code < 0x30 || code > 0x39) return -1
  }
  return length > 1 && name.charCodeAt(0) === 0x30 ? -1 : Number(name)
}

/**
 * How many bytes follow a value's start, by type: 0..16 for types of one size; `lengthPrefixed` + n for those that begin
 * with an int32 length, which n more bytes go with; `irregular` for the rest.
 */
export const lengthPrefixed = 32
export const irregular = 255
export const valueSizes = new Uint8Array(256).fill(irregular)
for (const [type, size] of [
  [bsonType.double, 8],
  [bsonType.string, lengthPrefixed + 4],
  [bsonType.document, lengthPrefixed],
  [bsonType.array, lengthPrefixed],
  [bsonType.binary, lengthPrefixed + 5],
  [bsonType.undefined, 0],
  [bsonType.objectId, 12],
  [bsonType.boolean, 1],
  [bsonType.date, 8],
  [bsonType.null, 0],
  [bsonType.code, lengthPrefixed + 4],
  [bsonType.symbol, lengthPrefixed + 4],
  [bsonType.codeWithScope, lengthPrefixed],
  [bsonType.int32, 4],
  [bsonType.timestamp, 8],
  [bsonType.int64, 8],
  [bsonType.decimal128, 16],
  [bsonType.maxKey, 0],
  [bsonType.minKey, 0],
] as const) {
  valueSizes[type] = size
}

/** As `valueEnd`, by table: faster where the types of neighbouring elements differ and each is met once. */
export function skipValue(bytes: Uint8Array, type: number, at: number): number {
  const size = valueSizes[type]!
  if (size < lengthPrefixed) return at + size
  if (size === irregular) return valueEnd(bytes, type, at)
  return at + size - lengthPrefixed + readInt32(bytes, at)
}

/**
 * The offset of the first element called `name` (of its type byte) in the document or array at `start`, or -1. The
 * element's value starts at that offset + `name.length` + 2.
 */
export function findElement(bytes: Uint8Array, start: number, name: Uint8Array): number {
  const length = name.length
  let at = start + 4
  for (;;) {
    const type = bytes[at]!
    if (type === 0) return -1
    const nameStart = at + 1
    let i = 0
    while (i < length && bytes[nameStart + i] === name[i]) i++
    // Names hold no NUL, so a part that matched whole ended before the element's own NUL.
    let nameEnd = nameStart + i
    if (bytes[nameEnd] === 0) {
      if (i === length) return at
    } else {
      while (bytes[++nameEnd] !== 0);
    }
    at = skipValue(bytes, type, nameEnd + 1)
  }
}

/**
 * Refuses what cannot be a path of a projection or sort: empty (40352), ending in a dot (40353), an empty part (15998),
 * a part that begins with `$` (16410).
 */
export function checkFieldPath(text: string): void {
  if (text !== '' && !text.includes('.') && !text.startsWith('$')) return
  if (text === '') throw new DatabaseError(40352, 'FieldPath cannot be constructed with empty string')
  if (text.endsWith('.')) throw new DatabaseError(40353, "FieldPath must not end with a '.'.")
  for (const part of text.split('.')) {
    if (part === '') throw new DatabaseError(15998, 'FieldPath field names may not be empty strings.')
    if (part.startsWith('$')) {
      throw new DatabaseError(
        16410,
        `FieldPath field names may not start with '$'. Consider using $getField or $setField. Found: ${part}`,
      )
    }
  }
}
