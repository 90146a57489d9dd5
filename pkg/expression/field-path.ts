/**
 * Field paths: `a.b.c`. Through an array the rest of the path is taken from each element that is a document, and the values
 * that are there come as an array.
 */
import { DatabaseError } from '../base/errors.ts'
import { pathPartsMax } from '../base/limits.ts'
import { bsonType, type Value } from '../bson/type.ts'
import { utf8Bytes } from '../bson/utf8.ts'
import { arrayValue } from '../bson/value.ts'
import { ElementWalker, valueEnd } from '../bson/walk.ts'
import { BsonWriter, indexName } from '../bson/writer.ts'
import { missing } from './expression.ts'

/**
 * Splits a path as stages and expressions take it.
 * Errors: 40352 empty, 40353 a dot at the end, 15998 an empty part, 16410 a part that begins with `$`, 16411 a NUL, Overflow.
 */
export function splitFieldPath(path: string): string[] {
  if (path === '') throw new DatabaseError(40352, 'FieldPath cannot be constructed with empty string')
  if (path.endsWith('.')) throw new DatabaseError(40353, "FieldPath must not end with a '.'.")
  const names = path.split('.')
  if (names.length > pathPartsMax) throw new DatabaseError('Overflow', 'FieldPath is too long')
  names.forEach(refuseUnfitName)
  return names
}

/** The fields of a DBRef. */
const referenceNames = new Set(['$id', '$ref', '$db'])

function refuseUnfitName(name: string): void {
  if (name === '') throw new DatabaseError(15998, 'FieldPath field names may not be empty strings.')
  if (name.startsWith('$') && !referenceNames.has(name)) {
    throw new DatabaseError(
      16410,
      `FieldPath field names may not start with '$'. Consider using $getField or $setField.`,
    )
  }
  if (name.includes('\0')) throw new DatabaseError(16411, `FieldPath field names may not contain '\\0'.`)
}

/** One field name, as in an object expression. Errors: as `splitFieldPath`, and 16412 for a dot. */
export function refuseUnfitFieldName(name: string): void {
  refuseUnfitName(name)
  if (name.includes('.')) {
    throw new DatabaseError(16412, `FieldPath field names may not contain '.'. Consider using $getField or $setField.`)
  }
}

/** The path from a value. */
export function pathOfValue(names: readonly string[]): (value: Value) => Value {
  const parts = names.map((name) => utf8Bytes(name))
  return (value) => {
    if (value.type === bsonType.document) return pathValue(value.bytes, value.start, parts, 0)
    if (value.type === bsonType.array) return mapArray(value.bytes, value.start, parts, 0)
    return missing
  }
}

/** The field of the document at `start`, or `missing`. */
export function fieldValue(bytes: Uint8Array, start: number, name: Uint8Array): Value {
  const length = name.length
  let at = start + 4
  for (;;) {
    const type = bytes[at]!
    if (type === 0) return missing
    at++
    let same = 0
    while (same < length && bytes[at + same] === name[same]) same++
    at += same
    if (bytes[at] === 0) {
      at++
      if (same === length) return { type, bytes, start: at, end: valueEnd(bytes, type, at) }
    } else {
      while (bytes[at] !== 0) at++
      at++
    }
    at = valueEnd(bytes, type, at)
  }
}

function pathValue(bytes: Uint8Array, start: number, parts: readonly Uint8Array[], index: number): Value {
  for (;;) {
    const value = fieldValue(bytes, start, parts[index]!)
    if (++index === parts.length) return value
    if (value.type === bsonType.array) return mapArray(bytes, value.start, parts, index)
    if (value.type !== bsonType.document) return missing
    start = value.start
  }
}

function mapArray(bytes: Uint8Array, start: number, parts: readonly Uint8Array[], index: number): Value {
  const writer = new BsonWriter(64)
  const walker = new ElementWalker().reset(bytes, start)
  let count = 0
  writer.beginDocument()
  while (walker.next()) {
    if (walker.type !== bsonType.document) continue
    const value = pathValue(bytes, walker.valueStart, parts, index)
    if (value !== missing) writer.value(indexName(count++), value)
  }
  writer.end()
  return arrayValue(writer.finish())
}
