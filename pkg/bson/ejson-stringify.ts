/**
 * BSON to Extended JSON version 2, canonical or relaxed, in the order of the bytes.
 * https://github.com/mongodb/specifications/blob/master/source/extended-json/extended-json.md
 */
import { formatDecimal128 } from './decimal128.ts'
import { formatIsoDate, hasIsoForm } from './iso-date.ts'
import { readDouble, readInt32, readInt64, readInt64Number, readUint32 } from './little-endian.ts'
import { objectIdHex } from './objectid.ts'
import { readText } from './short-text.ts'
import { type BsonType, bsonType } from './type.ts'
import { ElementWalker } from './walk.ts'

export interface ExtendedJsonOptions {
  /** Numbers and dates as JSON shows them where that keeps the value, instead of with their exact types. */
  readonly relaxed: boolean
  /** Spaces a level; without it all stands on one line. */
  readonly indent?: number
}

/** `line`, where it is a parameter: the line break and the indentation of what surrounds the value. */
export class ExtendedJsonStringifier {
  readonly #bytes: Uint8Array
  readonly #relaxed: boolean
  /** One level of indentation; undefined for all on one line. */
  readonly #step: string | undefined

  constructor(bytes: Uint8Array, options: ExtendedJsonOptions) {
    this.#bytes = bytes
    this.#relaxed = options.relaxed
    this.#step = options.indent === undefined || options.indent <= 0 ? undefined : ' '.repeat(options.indent)
  }

  container(type: BsonType, start: number, line: string): string {
    const isArray = type === bsonType.array
    const inside = line + (this.#step ?? '')
    const walker = new ElementWalker().reset(this.#bytes, start)
    let text = ''
    while (walker.next()) {
      if (text !== '') text += ','
      if (this.#step !== undefined) text += inside
      if (!isArray) text += this.#name(JSON.stringify(walker.name()))
      text += this.value(walker.type, walker.valueStart, inside)
    }
    if (text !== '' && this.#step !== undefined) text += line
    return isArray ? `[${text}]` : `{${text}}`
  }

  value(type: BsonType, start: number, line: string): string {
    const bytes = this.#bytes
    switch (type) {
      case bsonType.string:
        return this.#string(start)
      case bsonType.document:
      case bsonType.array:
        return this.container(type, start, line)
      case bsonType.int32: {
        const shown = String(readInt32(bytes, start))
        return this.#relaxed ? shown : this.#wrap('$numberInt', `"${shown}"`, line)
      }
      case bsonType.int64: {
        const shown = String(readInt64(bytes, start))
        return this.#relaxed ? shown : this.#wrap('$numberLong', `"${shown}"`, line)
      }
      case bsonType.double:
        return this.#double(readDouble(bytes, start), line)
      case bsonType.boolean:
        return bytes[start] === 1 ? 'true' : 'false'
      case bsonType.null:
        return 'null'
      case bsonType.objectId:
        return this.#wrap('$oid', `"${objectIdHex(bytes, start)}"`, line)
      case bsonType.date:
        return this.#date(start, line)
      default:
        return this.#rare(type, start, line)
    }
  }

  #rare(type: BsonType, start: number, line: string): string {
    const bytes = this.#bytes
    const inside = line + (this.#step ?? '')
    switch (type) {
      case bsonType.decimal128:
        return this.#wrap('$numberDecimal', `"${formatDecimal128(bytes, start)}"`, line)
      case bsonType.binary:
        return this.#wrap('$binary', this.#binary(start, inside), line)
      case bsonType.timestamp: {
        const seconds = String(readUint32(bytes, start + 4))
        const counter = String(readUint32(bytes, start))
        return this.#wrap(
          '$timestamp',
          this.#fields(
            [
              ['t', seconds],
              ['i', counter],
            ],
            inside,
          ),
          line,
        )
      }
      case bsonType.regex:
        return this.#wrap('$regularExpression', this.#regex(start, inside), line)
      case bsonType.code:
        return this.#wrap('$code', this.#string(start), line)
      case bsonType.codeWithScope: {
        const scopeAt = start + 8 + readInt32(bytes, start + 4)
        const scope = this.container(bsonType.document, scopeAt, inside)
        return this.#fields(
          [
            ['$code', this.#string(start + 4)],
            ['$scope', scope],
          ],
          line,
        )
      }
      case bsonType.symbol:
        return this.#wrap('$symbol', this.#string(start), line)
      case bsonType.dbPointer: {
        const idAt = start + 4 + readInt32(bytes, start)
        const id = this.#wrap('$oid', `"${objectIdHex(bytes, idAt)}"`, inside + (this.#step ?? ''))
        return this.#wrap(
          '$dbPointer',
          this.#fields(
            [
              ['$ref', this.#string(start)],
              ['$id', id],
            ],
            inside,
          ),
          line,
        )
      }
      case bsonType.minKey:
        return this.#wrap('$minKey', '1', line)
      case bsonType.maxKey:
        return this.#wrap('$maxKey', '1', line)
      default:
        return this.#wrap('$undefined', 'true', line)
    }
  }

  #double(n: number, line: string): string {
    if (!Number.isFinite(n)) return this.#wrap('$numberDouble', `"${n}"`, line)
    const shortest = Object.is(n, -0) ? '-0' : String(n)
    // Digits alone would read as an integer.
    const shown = /^-?\d+$/.test(shortest) ? shortest + '.0' : shortest
    return this.#relaxed ? shown : this.#wrap('$numberDouble', `"${shown}"`, line)
  }

  #date(start: number, line: string): string {
    const ms = readInt64Number(this.#bytes, start)
    if (this.#relaxed && hasIsoForm(ms)) return this.#wrap('$date', `"${formatIsoDate(ms)}"`, line)
    const exact = `"${readInt64(this.#bytes, start)}"`
    return this.#wrap('$date', this.#wrap('$numberLong', exact, line + (this.#step ?? '')), line)
  }

  #binary(start: number, line: string): string {
    const bytes = this.#bytes
    const subtype = bytes[start + 4]!
    // The old subtype 2 repeats the length inside.
    const contentAt = start + (subtype === 2 ? 9 : 5)
    const end = start + 5 + readInt32(bytes, start)
    const content = Buffer.from(bytes.buffer, bytes.byteOffset + contentAt, end - contentAt)
    const shownSubtype = subtype.toString(16).padStart(2, '0')
    return this.#fields(
      [
        ['base64', `"${content.toString('base64')}"`],
        ['subType', `"${shownSubtype}"`],
      ],
      line,
    )
  }

  #regex(start: number, line: string): string {
    const patternEnd = this.#bytes.indexOf(0, start)
    const optionsEnd = this.#bytes.indexOf(0, patternEnd + 1)
    const pattern = readText(this.#bytes, start, patternEnd)
    const options = [...readText(this.#bytes, patternEnd + 1, optionsEnd)].sort().join('')
    return this.#fields(
      [
        ['pattern', JSON.stringify(pattern)],
        ['options', JSON.stringify(options)],
      ],
      line,
    )
  }

  #string(start: number): string {
    return JSON.stringify(readText(this.#bytes, start + 4, start + 3 + readInt32(this.#bytes, start)))
  }

  #wrap(name: string, text: string, line: string): string {
    if (this.#step === undefined) return `{"${name}":${text}}`
    return `{${line}${this.#step}"${name}": ${text}${line}}`
  }

  #fields(fields: readonly (readonly [string, string])[], line: string): string {
    if (this.#step === undefined) return `{${fields.map(([name, text]) => `"${name}":${text}`).join(',')}}`
    const inside = line + this.#step
    return `{${fields.map(([name, text]) => `${inside}"${name}": ${text}`).join(',')}${line}}`
  }

  #name(shown: string): string {
    return this.#step === undefined ? `${shown}:` : `${shown}: `
  }
}
