/**
 * The values that Extended JSON shows as documents with a name in `$`: { "$oid": "…" } and kin.
 *
 * $regex, $options and $type are query operators too: without the form of a value they are left to be plain
 * documents, as is $scope without $code. All other names must have their form.
 */
import type { DatabaseError } from '../base/errors.ts'
import { decimal128Bytes, parseDecimal } from './decimal128.ts'
import { parseIsoDate } from './iso-date.ts'
import { closeBrace, colon, comma, type JsonText, openBrace, quote } from './json-text.ts'
import { writeDouble, writeInt32, writeInt64 } from './little-endian.ts'
import { isObjectIdHex, objectIdLength, writeObjectId } from './objectid.ts'
import { readText } from './short-text.ts'
import { type BsonType, bsonType } from './type.ts'
import { utf8Bytes } from './utf8.ts'
import type { BsonWriter } from './writer.ts'

/** Where a member's value begins in the text, by the member's name. */
type Members = ReadonlyMap<string, number>

const integerForm = /^[+-]?\d+$/
const doubleForm = /^(?:NaN|[+-]?(?:Infinity|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?))$/
const uuidForm = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i
const subtypeForm = /^[0-9a-f]{1,2}$/i
const base64Form = /^[A-Za-z0-9+/]*={0,2}$/

const byteArraySubtype = 2
const uuidSubtype = 4
const uint32Max = 4294967295

/** Names that make a value, and with which others they may stand. */
const companions: ReadonlyMap<string, string | undefined> = new Map([
  ['$oid', undefined],
  ['$date', undefined],
  ['$numberInt', undefined],
  ['$numberLong', undefined],
  ['$numberDouble', undefined],
  ['$numberDecimal', undefined],
  ['$binary', '$type'],
  ['$uuid', undefined],
  ['$timestamp', undefined],
  ['$regularExpression', undefined],
  ['$regex', '$options'],
  ['$symbol', undefined],
  ['$code', '$scope'],
  ['$dbPointer', undefined],
  ['$minKey', undefined],
  ['$maxKey', undefined],
  ['$undefined', undefined],
])
/** The companion may come first: { "$type": "00", "$binary": "" }. */
const mainNames: ReadonlyMap<string, string> = new Map(
  [...companions].flatMap(([name, companion]): [string, string][] =>
    companion === undefined
      ? [[name, name]]
      : [
          [name, name],
          [companion, name],
        ],
  ),
)

export class WrapperReader {
  readonly #text: JsonText
  readonly #document: (writer: BsonWriter, depth: number) => void

  /** `document`: appends the document that comes next in `text`. */
  constructor(text: JsonText, document: (writer: BsonWriter, depth: number) => void) {
    this.#text = text
    this.#document = document
  }

  /**
   * Appends the value that the object at `start` is and leaves the text behind it; undefined (and the text anywhere)
   * when it is a plain document. The text must be at the object's first name. `depth`: that of a document in the value.
   */
  read(writer: BsonWriter, start: number, depth: number): BsonType | undefined {
    const text = this.#text
    const first = text.readString()
    const name = mainNames.get(first)
    if (name === undefined) return undefined
    text.expect(colon)
    text.peek()
    let at: number | undefined = text.at
    let companionAt: number | undefined
    text.skipValue()
    if (first === name && text.peek() === closeBrace) text.at++
    else {
      const members = this.#members(start)
      at = members.get(name)
      if (at === undefined) return undefined
      const companion = companions.get(name)
      companionAt = companion === undefined ? undefined : members.get(companion)
      if (members.size > (companionAt === undefined ? 1 : 2)) {
        if (name === '$regex') return undefined
        throw text.error(`a ${name} with further fields`, start)
      }
    }
    const end = text.at
    const type = this.#append(writer, name, at, companionAt, depth)
    text.at = end
    return type
  }

  #append(
    writer: BsonWriter,
    name: string,
    at: number,
    companionAt: number | undefined,
    depth: number,
  ): BsonType | undefined {
    writer.ensure(16)
    switch (name) {
      case '$oid':
        return this.#objectId(writer, at)
      case '$date':
        return this.#date(writer, at)
      case '$numberInt':
        writeInt32(writer.bytes, writer.length, Number(this.#integer(at, name, -0x80000000n, 0x7fffffffn)))
        writer.length += 4
        return bsonType.int32
      case '$numberLong':
        return this.#eight(writer, this.#integer(at, name, int64Min, int64Max), bsonType.int64)
      case '$numberDouble':
        return this.#double(writer, at)
      case '$numberDecimal':
        return this.#decimal(writer, at)
      case '$binary':
        return this.#binary(writer, at, companionAt)
      case '$uuid':
        return this.#uuid(writer, at)
      case '$timestamp':
        return this.#timestamp(writer, at)
      case '$regularExpression':
        return this.#regularExpression(writer, at)
      case '$regex':
        return this.#regex(writer, at, companionAt)
      case '$symbol':
        writer.appendString(this.#requiredString(at, name))
        return bsonType.symbol
      case '$code':
        return this.#code(writer, at, companionAt, depth)
      case '$dbPointer':
        return this.#dbPointer(writer, at)
      case '$minKey':
      case '$maxKey':
        if (this.#literal(at) !== '1') throw this.#malformed(name, at, '1')
        return name === '$minKey' ? bsonType.minKey : bsonType.maxKey
      default:
        if (this.#literal(at) !== 'true') throw this.#malformed(name, at, 'true')
        return bsonType.undefined
    }
  }

  #objectId(writer: BsonWriter, at: number): BsonType {
    const hex = this.#string(at)
    if (hex === undefined || !isObjectIdHex(hex)) throw this.#malformed('$oid', at, '24 hex digits in a string')
    writer.ensure(objectIdLength)
    writeObjectId(hex, writer.bytes, writer.length)
    writer.length += objectIdLength
    return bsonType.objectId
  }

  #date(writer: BsonWriter, at: number): BsonType {
    const byte = this.#text.bytes[at]
    if (byte === quote) {
      const ms = parseIsoDate(this.#string(at)!)
      if (ms === undefined) throw this.#malformed('$date', at, 'a date in the form of ISO 8601')
      return this.#eight(writer, ms, bsonType.date)
    }
    const numberAt = byte === openBrace ? this.#only(at, '$date', '$numberLong') : at
    return this.#eight(writer, this.#integer(numberAt, '$date', int64Min, int64Max), bsonType.date)
  }

  #double(writer: BsonWriter, at: number): BsonType {
    const shown = this.#string(at) ?? this.#literal(at)
    if (!doubleForm.test(shown)) throw this.#malformed('$numberDouble', at, 'a number in a string')
    writeDouble(writer.bytes, writer.length, Number(shown))
    writer.length += 8
    return bsonType.double
  }

  #decimal(writer: BsonWriter, at: number): BsonType {
    const parsed = parseDecimal(this.#requiredString(at, '$numberDecimal'))
    if (parsed === undefined || !parsed.exact) {
      throw this.#malformed('$numberDecimal', at, 'a decimal number of at most 34 digits in a string')
    }
    writer.append(decimal128Bytes(parsed.decimal), 0, 16)
    return bsonType.decimal128
  }

  #binary(writer: BsonWriter, at: number, typeAt: number | undefined): BsonType {
    let contentAt = at
    let subtypeAt = typeAt
    if (typeAt === undefined && this.#text.bytes[at] === openBrace) {
      const members = this.#members(at)
      contentAt = members.get('base64') ?? -1
      subtypeAt = members.get('subType')
      if (members.size !== 2 || contentAt < 0 || subtypeAt === undefined) {
        throw this.#malformed('$binary', at, '{ "base64": string, "subType": string }')
      }
    }
    const base64 = this.#string(contentAt)
    if (base64 === undefined || !base64Form.test(base64)) throw this.#malformed('$binary', at, 'base64 in a string')
    const subtype = subtypeAt === undefined ? '00' : (this.#string(subtypeAt) ?? this.#literal(subtypeAt))
    if (!subtypeForm.test(subtype)) throw this.#malformed('$binary', at, 'a subtype of two hex digits')
    appendBinary(writer, Buffer.from(base64, 'base64'), Number.parseInt(subtype, 16))
    return bsonType.binary
  }

  #uuid(writer: BsonWriter, at: number): BsonType {
    const uuid = this.#string(at)
    if (uuid === undefined || !uuidForm.test(uuid)) throw this.#malformed('$uuid', at, 'a UUID in a string')
    appendBinary(writer, Buffer.from(uuid.replaceAll('-', ''), 'hex'), uuidSubtype)
    return bsonType.binary
  }

  #timestamp(writer: BsonWriter, at: number): BsonType {
    const members = this.#membersOf(at, '$timestamp', ['t', 'i'])
    const seconds = this.#uint32(members.get('t')!)
    const counter = this.#uint32(members.get('i')!)
    writeInt32(writer.bytes, writer.length, counter)
    writeInt32(writer.bytes, writer.length + 4, seconds)
    writer.length += 8
    return bsonType.timestamp
  }

  #uint32(at: number): number {
    const members = this.#text.bytes[at] === openBrace ? this.#members(at) : undefined
    const numberAt = members?.get('$numberInt') ?? members?.get('$numberLong') ?? at
    return Number(this.#integer(numberAt, '$timestamp', 0n, BigInt(uint32Max)))
  }

  #regularExpression(writer: BsonWriter, at: number): BsonType {
    const members = this.#membersOf(at, '$regularExpression', ['pattern', 'options'])
    return this.#regexOf(writer, members.get('pattern')!, members.get('options')!)
  }

  /** A value only with two strings; otherwise the query operator, which may have any value and no options. */
  #regex(writer: BsonWriter, at: number, optionsAt: number | undefined): BsonType | undefined {
    const { bytes } = this.#text
    if (optionsAt === undefined || bytes[at] !== quote || bytes[optionsAt] !== quote) return undefined
    return this.#regexOf(writer, at, optionsAt)
  }

  #regexOf(writer: BsonWriter, patternAt: number, optionsAt: number): BsonType {
    const options = [...this.#requiredString(optionsAt, '$regularExpression')].sort().join('')
    for (const part of [this.#requiredString(patternAt, '$regularExpression'), options]) {
      if (part.includes('\0')) throw this.#malformed('$regularExpression', patternAt, 'text without null bytes')
      const bytes = utf8Bytes(part + '\0')
      writer.append(bytes, 0, bytes.length)
    }
    return bsonType.regex
  }

  #code(writer: BsonWriter, at: number, scopeAt: number | undefined, depth: number): BsonType {
    const code = this.#requiredString(at, '$code')
    if (scopeAt === undefined) {
      writer.appendString(code)
      return bsonType.code
    }
    if (this.#text.bytes[scopeAt] !== openBrace) throw this.#malformed('$scope', scopeAt, 'a document')
    const start = writer.length
    writer.length += 4
    writer.appendString(code)
    this.#text.at = scopeAt
    this.#document(writer, depth)
    writeInt32(writer.bytes, start, writer.length - start)
    return bsonType.codeWithScope
  }

  #dbPointer(writer: BsonWriter, at: number): BsonType {
    const members = this.#membersOf(at, '$dbPointer', ['$ref', '$id'])
    writer.appendString(this.#requiredString(members.get('$ref')!, '$dbPointer'))
    this.#objectId(writer, this.#only(members.get('$id')!, '$dbPointer', '$oid'))
    return bsonType.dbPointer
  }

  #eight(writer: BsonWriter, n: bigint | number, type: BsonType): BsonType {
    writeInt64(writer.bytes, writer.length, n)
    writer.length += 8
    return type
  }

  /** An integer in a string, or bare. */
  #integer(at: number, name: string, min: bigint, max: bigint): bigint | number {
    const shown = this.#string(at) ?? this.#literal(at)
    if (shown.length < 16 && min <= -0x80000000n && integerForm.test(shown)) {
      const n = Number(shown)
      if (n >= Number(min) && n <= Number(max)) return n
    }
    // A longer text is out of range, and takes time to read.
    const n = integerForm.test(shown) && shown.length <= 40 ? BigInt(shown.replace('+', '')) : max + 1n
    if (n < min || n > max) throw this.#malformed(name, at, `an integer from ${min} to ${max}`)
    return n
  }

  /** The members of the object at `at`; the last of those that have one name. Leaves the text behind the object. */
  #members(at: number): Members {
    const text = this.#text
    const members = new Map<string, number>()
    text.at = at + 1
    if (text.peek() === closeBrace) text.at++
    else {
      for (;;) {
        if (text.peek() !== quote) throw text.error('expected a name in double quotes')
        const name = this.#string(text.at)!
        text.expect(colon)
        text.peek()
        members.set(name, text.at)
        text.skipValue()
        const byte = text.peek()
        text.at++
        if (byte === closeBrace) break
        if (byte !== comma) throw text.error("expected ',' or '}'", text.at - 1)
      }
    }
    return members
  }

  /** The members of an object that must have just these. */
  #membersOf(at: number, name: string, names: readonly string[]): Members {
    const members = this.#text.bytes[at] === openBrace ? this.#members(at) : undefined
    if (members?.size !== names.length || !names.every((each) => members.has(each))) {
      throw this.#malformed(name, at, `a document of ${names.join(' and ')}`)
    }
    return members
  }

  #only(at: number, name: string, member: string): number {
    return this.#membersOf(at, name, [member]).get(member)!
  }

  /** The string at `at`, and the text left behind it; undefined when it is none. */
  #string(at: number): string | undefined {
    const text = this.#text
    if (text.bytes[at] !== quote) return undefined
    text.at = at
    return text.readString()
  }

  #requiredString(at: number, name: string): string {
    const found = this.#string(at)
    if (found === undefined) throw this.#malformed(name, at, 'a string')
    return found
  }

  /** A number or word as it stands in the text. */
  #literal(at: number): string {
    const text = this.#text
    text.at = at
    text.skipValue()
    return readText(text.bytes, at, text.at)
  }

  #malformed(name: string, at: number, what: string): DatabaseError {
    return this.#text.error(`a ${name} that is not ${what}`, at)
  }
}

const int64Min = -(2n ** 63n)
const int64Max = 2n ** 63n - 1n

function appendBinary(writer: BsonWriter, content: Uint8Array, subtype: number): void {
  // The old subtype 2 repeats the length inside.
  const isByteArray = subtype === byteArraySubtype
  writer.ensure(9)
  writeInt32(writer.bytes, writer.length, isByteArray ? content.length + 4 : content.length)
  writer.bytes[writer.length + 4] = subtype
  writer.length += 5
  if (isByteArray) {
    writeInt32(writer.bytes, writer.length, content.length)
    writer.length += 4
  }
  writer.append(content, 0, content.length)
}
