/** The DuplicateKey error with MongoDB's wording and fields. */
import { DatabaseError } from '../base/errors.ts'
import { buildDocument } from '../bson/build.ts'
import { bsonType } from '../bson/type.ts'
import type { Value } from '../bson/value.ts'
import {
  documentFields,
  documentOf,
  nullValue,
  numberOf,
  readInt64,
  readString,
  undefinedValue,
} from '../bson/value.ts'
import { valueEnd } from '../bson/walk.ts'
import type { Index } from '../index/index.ts'

/** `document` has, as key `i` of `index.keys`, a value that another record holds. */
export function duplicateKeyError(
  collection: { readonly namespace: string },
  index: Index,
  document: Uint8Array,
  i: number,
): DatabaseError {
  const path = index.keyPaths[0]!.path
  const value = keyValue(index, document, i)
  return new DatabaseError(
    'DuplicateKey',
    `E11000 duplicate key error collection: ${collection.namespace} index: ${index.name} dup key: { ${path}: ${describeValue(value)} }`,
    { keyPattern: index.definition.keyPattern, keyValue: buildDocument({ [path]: value }) },
  )
}

function keyValue(index: Index, document: Uint8Array, i: number): Value {
  const type = index.keys.types[i]!
  const start = index.keys.valueStarts[i]!
  if (start < 0) return type === bsonType.undefined ? undefinedValue : nullValue
  return { type, bytes: document, start, end: valueEnd(document, type, start) }
}

/** A value as MongoDB writes it into messages: `1`, `"text"`, `ObjectId('...')`, `{ a: 1 }`, `[ 1, 2 ]`. */
export function describeValue(value: Value): string {
  const { type, bytes, start } = value
  switch (type) {
    case bsonType.string:
    case bsonType.symbol:
      return JSON.stringify(readString(bytes, start))
    case bsonType.int32:
    case bsonType.double: {
      const number = numberOf(value)
      return type === bsonType.double && Number.isInteger(number) && Math.abs(number) < 1e15
        ? number.toFixed(1)
        : String(number)
    }
    case bsonType.int64:
      return String(readInt64(bytes, start))
    case bsonType.boolean:
      return bytes[start] === 1 ? 'true' : 'false'
    case bsonType.null:
      return 'null'
    case bsonType.undefined:
      return 'undefined'
    case bsonType.minKey:
      return 'MinKey'
    case bsonType.maxKey:
      return 'MaxKey'
    case bsonType.objectId:
      return `ObjectId('${Buffer.from(bytes.buffer, bytes.byteOffset + start, 12).toString('hex')}')`
    case bsonType.date:
      return `new Date(${readInt64(bytes, start)})`
    case bsonType.document:
      return describeFields(value, '{', '}', true)
    case bsonType.array:
      return describeFields(value, '[', ']', false)
    default:
      return String(numberOf(value))
  }
}

function describeFields(value: Value, open: string, close: string, named: boolean): string {
  const parts: string[] = []
  for (const field of documentFields(documentOf(value))) {
    parts.push(named ? `${field.name}: ${describeValue(field)}` : describeValue(field))
  }
  return parts.length === 0 ? `${open}${close}` : `${open} ${parts.join(', ')} ${close}`
}
