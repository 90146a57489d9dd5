/** Values of the `bson` package's classes, told apart by `_bsontype` so that another copy of the package works too. */
import { DatabaseError } from '../base/errors.ts'
import { writeDouble, writeInt32 } from './little-endian.ts'
import { parseObjectId } from './objectid.ts'
import { bsonType } from './type.ts'
import { utf8Bytes } from './utf8.ts'
import type { BsonWriter } from './writer.ts'

/** An object that says what it is; its other fields depend on the class. */
export interface TaggedObject {
  readonly _bsontype: unknown
  readonly [field: string]: unknown
}

/** What these classes need of the encoder they are part of. */
export interface DocumentSink {
  readonly writer: BsonWriter
  /** Appends a whole document. `depth` counts the outermost document as one. */
  document(object: object, depth: number): void
}

const fixedRoom = 16

/** Appends the value and sets the type byte at `typeAt`. `depth`: that of a document within the value. Throws BadValue. */
export function encodeClass(sink: DocumentSink, value: TaggedObject, typeAt: number, depth: number): void {
  const writer = sink.writer
  writer.ensure(fixedRoom)
  switch (value._bsontype) {
    case 'ObjectId':
    case 'ObjectID':
      writer.bytes[typeAt] = bsonType.objectId
      writer.append(idBytes(value), 0, 12)
      return
    case 'Int32':
      writer.bytes[typeAt] = bsonType.int32
      appendInt32(writer, numberIn(value, 'value'))
      return
    case 'Double':
      writer.bytes[typeAt] = bsonType.double
      writeDouble(writer.bytes, writer.length, numberIn(value, 'value'))
      writer.length += 8
      return
    case 'Long':
    case 'Timestamp':
      writer.bytes[typeAt] = value._bsontype === 'Long' ? bsonType.int64 : bsonType.timestamp
      appendInt32(writer, numberIn(value, 'low'))
      appendInt32(writer, numberIn(value, 'high'))
      return
    case 'Decimal128':
      writer.bytes[typeAt] = bsonType.decimal128
      writer.append(bytesIn(value, 'bytes', 16), 0, 16)
      return
    case 'Binary':
      writer.bytes[typeAt] = bsonType.binary
      encodeBinary(writer, value)
      return
    case 'BSONRegExp':
      writer.bytes[typeAt] = bsonType.regex
      encodeRegex(writer, stringIn(value, 'pattern'), [...stringIn(value, 'options')].sort().join(''))
      return
    case 'BSONSymbol':
      writer.bytes[typeAt] = bsonType.symbol
      writer.appendString(stringIn(value, 'value'))
      return
    case 'Code':
      encodeCode(sink, value, typeAt, depth)
      return
    case 'DBRef':
      writer.bytes[typeAt] = bsonType.document
      sink.document(referenceDocument(value), depth)
      return
    case 'MinKey':
      writer.bytes[typeAt] = bsonType.minKey
      return
    case 'MaxKey':
      writer.bytes[typeAt] = bsonType.maxKey
      return
    default:
      throw new DatabaseError('BadValue', `unrecognized or invalid _bsontype: ${String(value._bsontype)}`)
  }
}

/** JavaScript's own regular expressions: `g` is stored as `s`, in the order the official driver writes. */
export function encodeRegExp(writer: BsonWriter, value: RegExp): void {
  const options = (value.ignoreCase ? 'i' : '') + (value.global ? 's' : '') + (value.multiline ? 'm' : '')
  encodeRegex(writer, value.source, options)
}

function encodeRegex(writer: BsonWriter, pattern: string, options: string): void {
  for (const part of [pattern, options]) {
    if (part.includes('\0')) {
      throw new DatabaseError('BadValue', `the regular expression ${JSON.stringify(part)} must not contain a null byte`)
    }
    const bytes = utf8Bytes(part + '\0')
    writer.append(bytes, 0, bytes.length)
  }
}

/** Binary data of subtype 0. */
export function encodeBytes(writer: BsonWriter, value: Uint8Array): void {
  appendInt32(writer, value.length)
  writer.ensure(1)
  writer.bytes[writer.length++] = 0
  writer.append(value, 0, value.length)
}

function appendInt32(writer: BsonWriter, n: number): void {
  writer.ensure(4)
  writeInt32(writer.bytes, writer.length, n)
  writer.length += 4
}

const byteArraySubtype = 2

function encodeBinary(writer: BsonWriter, value: TaggedObject): void {
  const length = numberIn(value, 'position')
  const subtype = numberIn(value, 'sub_type')
  const content = bytesIn(value, 'buffer').subarray(0, length)
  // The old subtype 2 repeats the length inside.
  const isByteArray = subtype === byteArraySubtype
  appendInt32(writer, isByteArray ? content.length + 4 : content.length)
  writer.ensure(1)
  writer.bytes[writer.length++] = subtype
  if (isByteArray) appendInt32(writer, content.length)
  writer.append(content, 0, content.length)
}

function encodeCode(sink: DocumentSink, value: TaggedObject, typeAt: number, depth: number): void {
  const writer = sink.writer
  const code = String(value.code)
  const scope = value.scope
  if (typeof scope !== 'object' || scope === null) {
    writer.bytes[typeAt] = bsonType.code
    writer.appendString(code)
    return
  }
  writer.bytes[typeAt] = bsonType.codeWithScope
  const start = writer.length
  writer.length += 4
  writer.appendString(code)
  sink.document(scope, depth)
  writeInt32(writer.bytes, start, writer.length - start)
}

function referenceDocument(value: TaggedObject): object {
  const database = value.db === undefined || value.db === null ? undefined : { $db: value.db }
  return { $ref: value.collection, $id: value.oid, ...database, ...(value.fields as object | undefined) }
}

function idBytes(value: TaggedObject): Uint8Array {
  if (typeof value.toHexString === 'function') return parseObjectId(String(value.toHexString()))
  return bytesIn(value, 'id', 12)
}

function numberIn(value: TaggedObject, field: string): number {
  const found = value[field]
  return typeof found === 'number' ? found : malformed(value, field)
}

function stringIn(value: TaggedObject, field: string): string {
  const found = value[field]
  return typeof found === 'string' ? found : malformed(value, field)
}

function bytesIn(value: TaggedObject, field: string, length?: number): Uint8Array {
  const found = value[field]
  if (!ArrayBuffer.isView(found)) return malformed(value, field)
  if (length !== undefined && found.byteLength !== length) return malformed(value, field)
  return new Uint8Array(found.buffer, found.byteOffset, found.byteLength)
}

function malformed(value: TaggedObject, field: string): never {
  throw new DatabaseError('BadValue', `malformed ${String(value._bsontype)}: its "${field}" is not what it must be`)
}
