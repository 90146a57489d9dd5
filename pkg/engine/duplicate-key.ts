/** The DuplicateKey error with MongoDB's wording and fields. */
import { DatabaseError } from '../base/errors.ts'
import { formatDecimal, readDecimal128 } from '../bson/decimal128.ts'
import { bsonType, typeAlias } from '../bson/type.ts'
import type { Value } from '../bson/value.ts'
import {
  documentFields,
  documentOf,
  nullValue,
  numberOf,
  readInt64,
  readString,
  readUint32,
  undefinedValue,
} from '../bson/value.ts'
import { valueEnd } from '../bson/walk.ts'
import { BsonWriter } from '../bson/writer.ts'
import type { Index } from '../index/index.ts'

/** `document` has, as key `i` of `index.keys`, a value that another record holds. */
export function duplicateKeyError(
  collection: { readonly namespace: string },
  index: Index,
  document: Uint8Array,
  i: number,
): DatabaseError {
  const parts = index.keys.partCount
  const names = [...documentFields(index.definition.keyPattern)].map(({ name }) => name)
  const values = names.map((_, f) => keyValue(index, document, i * parts + f))
  const writer = new BsonWriter()
  writer.beginDocument()
  names.forEach((name, f) => {
    writer.value(name, values[f]!)
  })
  writer.end()
  const shown = names.map((name, f) => `${name}: ${describeValue(values[f]!)}`).join(', ')
  return new DatabaseError(
    'DuplicateKey',
    `E11000 duplicate key error collection: ${collection.namespace} index: ${index.name} dup key: { ${shown} }`,
    { keyPattern: index.definition.keyPattern, keyValue: writer.finish() },
  )
}

function keyValue(index: Index, document: Uint8Array, at: number): Value {
  const type = index.keys.types[at]!
  const start = index.keys.valueStarts[at]!
  if (start < 0 || type === bsonType.undefined) return type === bsonType.undefined ? undefinedValue : nullValue
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
    case bsonType.decimal128:
      return formatDecimal(readDecimal128(bytes, start))
    case bsonType.timestamp:
      return `Timestamp(${readUint32(bytes, start + 4)}, ${readUint32(bytes, start)})`
    case bsonType.binary:
      return `BinData(${bytes[start + 4]!}, ${Buffer.from(bytes.subarray(start + 5, value.end))
        .toString('hex')
        .toUpperCase()})`
    case bsonType.regex: {
      const [pattern, flags] = Buffer.from(bytes.subarray(start, value.end)).toString('utf8').split('\0')
      return `/${pattern}/${flags}`
    }
    default:
      return typeAlias(type)
  }
}

function describeFields(value: Value, open: string, close: string, named: boolean): string {
  const parts: string[] = []
  for (const field of documentFields(documentOf(value))) {
    parts.push(named ? `${field.name}: ${describeValue(field)}` : describeValue(field))
  }
  return parts.length === 0 ? `${open}${close}` : `${open} ${parts.join(', ')} ${close}`
}
