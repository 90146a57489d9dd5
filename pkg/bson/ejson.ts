/** Extended JSON to BSON bytes and back. */
import { ExtendedJsonParser } from './ejson-parse.ts'
import { type ExtendedJsonOptions, ExtendedJsonStringifier } from './ejson-stringify.ts'
import { type BsonType, bsonType } from './type.ts'
import { utf8Bytes } from './utf8.ts'
import { BsonWriter } from './writer.ts'

const parser = new ExtendedJsonParser()

/**
 * The BSON bytes of one document in Extended JSON: canonical, relaxed, or the older form; key order is kept.
 * Throws FailedToParse with line and column, Overflow for what nests too deep.
 */
export function parseExtendedJson(text: string | Uint8Array): Uint8Array {
  const writer = new BsonWriter(1024)
  parser.parse(typeof text === 'string' ? utf8Bytes(text) : text, writer)
  return writer.finish()
}

/** The document that begins at `start`, as text. Trusts validated bytes. */
export function stringifyExtendedJson(bytes: Uint8Array, options: ExtendedJsonOptions, start = 0): string {
  return stringifyExtendedJsonValue(bsonType.document, bytes, start, options)
}

/** One value as text. Trusts validated bytes. */
export function stringifyExtendedJsonValue(
  type: BsonType,
  bytes: Uint8Array,
  start: number,
  options: ExtendedJsonOptions,
): string {
  return new ExtendedJsonStringifier(bytes, options).value(type, start, '\n')
}
