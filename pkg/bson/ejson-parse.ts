/**
 * Extended JSON to BSON bytes, in one pass and in the order of the text: canonical and relaxed form of version 2, and
 * the forms of version 1 that mongoimport takes. Names that occur twice stay twice.
 * https://github.com/mongodb/specifications/blob/master/source/extended-json/extended-json.md
 */

import { DatabaseError } from '../base/errors.ts'
import { messageDepthMax } from '../base/limits.ts'
import { WrapperReader } from './ejson-wrapper.ts'
import { closeBrace, closeBracket, colon, comma, JsonText, openBrace, openBracket, quote } from './json-text.ts'
import { writeDouble, writeInt32, writeInt64 } from './little-endian.ts'
import { readText } from './short-text.ts'
import { bsonType } from './type.ts'
import { type BsonWriter, indexName } from './writer.ts'

const dollar = 0x24
/** Digits that a double holds exactly whatever they are. */
const exactDigitsMax = 15

/** Parses documents one by one into a writer; reusable. */
export class ExtendedJsonParser {
  readonly #text = new JsonText()
  readonly #wrappers = new WrapperReader(this.#text, (writer, depth) => this.#document(writer, depth))

  /**
   * Appends the BSON of the one document that `json` holds from `start` to `end`, and white space around it, to
   * `writer`, which is left as it was after an error.
   * Throws FailedToParse with line and column, Overflow for what nests too deep.
   */
  parse(json: Uint8Array, writer: BsonWriter, start = 0, end = json.length): void {
    const text = this.#text
    text.reset(json, start, end)
    const before = writer.length
    try {
      if (text.take('\u00ef\u00bb\u00bf')) text.reset(json, text.at, end)
      if (text.peek() !== openBrace) throw text.error('expected a document')
      this.#document(writer, 1)
      if (text.peek() !== -1) throw text.error('expected nothing after the document')
    } catch (error) {
      writer.length = before
      throw error
    }
  }

  #document(writer: BsonWriter, depth: number): void {
    const text = this.#text
    const start = this.#begin(writer, depth)
    text.expect(openBrace)
    if (text.peek() === closeBrace) text.at++
    else {
      for (;;) {
        const typeAt = writer.length
        writer.ensure(1)
        writer.length++
        this.#name(writer)
        text.expect(colon)
        // The value may make the writer grow: its bytes are another array only afterwards.
        const type = this.#value(writer, depth)
        writer.bytes[typeAt] = type
        const byte = text.peek()
        text.at++
        if (byte === closeBrace) break
        if (byte !== comma) throw text.error("expected ',' or '}'", text.at - 1)
      }
    }
    this.#finish(writer, start)
  }

  #array(writer: BsonWriter, depth: number): void {
    const text = this.#text
    const start = this.#begin(writer, depth)
    text.expect(openBracket)
    if (text.peek() === closeBracket) text.at++
    else {
      for (let position = 0; ; position++) {
        const typeAt = writer.length
        writer.head(bsonType.null, indexName(position))
        const type = this.#value(writer, depth)
        writer.bytes[typeAt] = type
        const byte = text.peek()
        text.at++
        if (byte === closeBracket) break
        if (byte !== comma) throw text.error("expected ',' or ']'", text.at - 1)
      }
    }
    this.#finish(writer, start)
  }

  #begin(writer: BsonWriter, depth: number): number {
    if (depth > messageDepthMax) {
      throw new DatabaseError(
        'Overflow',
        `${this.#text.error('nesting is too deep').message}, at most ${messageDepthMax} levels`,
      )
    }
    const start = writer.length
    writer.ensure(5)
    writer.length = start + 4
    return start
  }

  #finish(writer: BsonWriter, start: number): void {
    writer.ensure(1)
    writer.bytes[writer.length++] = 0
    writeInt32(writer.bytes, start, writer.length - start)
  }

  #name(writer: BsonWriter): void {
    const text = this.#text
    if (text.peek() !== quote) throw text.error('expected a name in double quotes')
    const textAt = text.at
    const start = writer.length
    if (text.copyString(writer) && writer.bytes.subarray(start, writer.length).includes(0)) {
      throw text.error('a field name must not contain a null byte', textAt)
    }
    writer.ensure(1)
    writer.bytes[writer.length++] = 0
  }

  /** Appends the value that comes next; returns its type. */
  #value(writer: BsonWriter, depth: number): number {
    const text = this.#text
    switch (text.peek()) {
      case quote:
        return this.#string(writer)
      case openBrace:
        return this.#object(writer, depth)
      case openBracket:
        this.#array(writer, depth + 1)
        return bsonType.array
      case 0x74:
        if (!text.take('true')) break
        return this.#boolean(writer, 1)
      case 0x66:
        if (!text.take('false')) break
        return this.#boolean(writer, 0)
      case 0x6e:
        if (!text.take('null')) break
        return bsonType.null
      default:
        return this.#number(writer)
    }
    throw text.error('expected a value')
  }

  #string(writer: BsonWriter): number {
    const start = writer.length
    writer.ensure(5)
    writer.length = start + 4
    this.#text.copyString(writer)
    writer.ensure(1)
    writer.bytes[writer.length++] = 0
    writeInt32(writer.bytes, start, writer.length - start - 4)
    return bsonType.string
  }

  #boolean(writer: BsonWriter, byte: number): number {
    writer.ensure(1)
    writer.bytes[writer.length++] = byte
    return bsonType.boolean
  }

  /** A document, or a value in the form of one. */
  #object(writer: BsonWriter, depth: number): number {
    const text = this.#text
    const start = text.at
    text.at++
    if (text.peek() === quote && text.bytes[text.at + 1] === dollar) {
      const type = this.#wrappers.read(writer, start, depth + 1)
      if (type !== undefined) return type
    }
    text.at = start
    this.#document(writer, depth + 1)
    return bsonType.document
  }

  /** An integer takes the smallest type that holds it, if any does; all else is a double. */
  #number(writer: BsonWriter): number {
    const text = this.#text
    const start = text.at
    const end = text.skipNumber()
    text.at = end
    writer.ensure(8)
    if (text.isInteger) {
      const type = this.#integer(writer, start, end)
      if (type !== undefined) return type
    }
    writeDouble(writer.bytes, writer.length, Number(readText(text.bytes, start, end)))
    writer.length += 8
    return bsonType.double
  }

  #integer(writer: BsonWriter, start: number, end: number): number | undefined {
    const bytes = this.#text.bytes
    const negative = bytes[start] === 0x2d
    const digitsAt = negative ? start + 1 : start
    if (end - digitsAt > exactDigitsMax) return this.#longInteger(writer, start, end)
    let n = 0
    for (let at = digitsAt; at < end; at++) n = 10 * n + bytes[at]! - 0x30
    if (negative) {
      // A double alone has a negative zero.
      if (n === 0) return undefined
      n = -n
    }
    if ((n | 0) === n) {
      writeInt32(writer.bytes, writer.length, n)
      writer.length += 4
      return bsonType.int32
    }
    writeInt64(writer.bytes, writer.length, n)
    writer.length += 8
    return bsonType.int64
  }

  #longInteger(writer: BsonWriter, start: number, end: number): number | undefined {
    if (end - start > 20) return undefined
    const n = BigInt(readText(this.#text.bytes, start, end))
    if (BigInt.asIntN(64, n) !== n) return undefined
    writeInt64(writer.bytes, writer.length, n)
    writer.length += 8
    return bsonType.int64
  }
}
