/**
 * Documents from object literals, for replies and tests: a cold path. User data goes through `convert.ts`.
 */
import { DatabaseError } from '../base/errors.ts'
import type { Value } from './type.ts'
import { BsonWriter, indexName } from './writer.ts'

/** Marks bytes that are a whole document already, so that they are put in as a document. */
export class RawDocument {
  readonly bytes: Uint8Array
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
}

export function rawDocument(bytes: Uint8Array): RawDocument {
  return new RawDocument(bytes)
}

/**
 * An object's fields in their order. number: int32 when it is an integer in that range (and not -0), else double; bigint: int64;
 * string, boolean, null, Date; Uint8Array: binary of subtype 0; `rawDocument(bytes)`; a `Value`; arrays and nested
 * objects of these. A field that is undefined is left out, an array element that is undefined becomes null.
 * Integer-like names change places in JavaScript objects: do not use them here.
 */
export function buildDocument(object: Readonly<Record<string, unknown>>): Uint8Array {
  const writer = new BsonWriter(256)
  writer.beginDocument()
  writeFields(writer, object)
  writer.end()
  return writer.finish()
}

/** An array's elements, as a document named 0, 1, 2 ... */
export function buildArray(elements: readonly unknown[]): Uint8Array {
  const writer = new BsonWriter(256)
  writer.beginDocument()
  writeElements(writer, elements)
  writer.end()
  return writer.finish()
}

/** Writes the fields of `object` into the document that is open in `writer`. */
export function writeFields(writer: BsonWriter, object: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(object)) if (value !== undefined) writeField(writer, name, value)
}

function writeElements(writer: BsonWriter, elements: readonly unknown[]): void {
  elements.forEach((element, index) => {
    writeField(writer, indexName(index), element ?? null)
  })
}

/** Writes one field into the document that is open in `writer`. */
export function writeField(writer: BsonWriter, name: string, value: unknown): void {
  switch (typeof value) {
    case 'number':
      if (Object.is(value | 0, value)) writer.int32(name, value)
      else writer.double(name, value)
      return
    case 'bigint':
      writer.int64(name, value)
      return
    case 'string':
      writer.string(name, value)
      return
    case 'boolean':
      writer.boolean(name, value)
      return
    case 'object':
      writeObject(writer, name, value)
      return
    default:
      throw new DatabaseError('BadValue', `cannot build BSON from a ${typeof value} (field ${name})`)
  }
}

function writeObject(writer: BsonWriter, name: string, value: object | null): void {
  if (value === null) writer.null(name)
  else if (Array.isArray(value)) {
    writer.beginArray(name)
    writeElements(writer, value)
    writer.end()
  } else if (value instanceof Uint8Array) writer.binary(name, value)
  else if (value instanceof RawDocument) writer.document(name, value.bytes)
  else if (value instanceof Date) writer.date(name, value.getTime())
  else if (isValue(value)) writer.value(name, value)
  else {
    writer.beginDocument(name)
    writeFields(writer, value as Record<string, unknown>)
    writer.end()
  }
}

function isValue(object: object): object is Value {
  const value = object as Partial<Value>
  return (
    value.bytes instanceof Uint8Array &&
    typeof value.type === 'number' &&
    typeof value.start === 'number' &&
    typeof value.end === 'number'
  )
}
