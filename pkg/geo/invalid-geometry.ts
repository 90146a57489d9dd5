/** What is no geometry. In a query that is an error; a document that holds such a value does not match. */

import { formatDecimal, readDecimal128 } from '../bson/decimal128.ts'
import { bsonType, typeAlias, type Value } from '../bson/type.ts'
import { documentFields, numberOf, readInt64, readString } from '../bson/value.ts'

export class InvalidGeometry extends Error {
  /** Values that the message ends with, shown when it is asked for. */
  readonly #shown: readonly (string | Value)[]

  constructor(...message: readonly (string | Value)[]) {
    super()
    this.#shown = message
  }

  get description(): string {
    return this.#shown.map((part) => (typeof part === 'string' ? part : shown(part))).join('')
  }
}

/** No message is so much longer. */
const shownMax = 4000

/** A field with its name. */
export function shownField(field: { readonly name: string } & Value): string {
  return `${field.name}: ${shown(field)}`
}

/** As MongoDB shows values in messages: `[ [ 0, 0 ], { a: "x" } ]`. */
export function shown(value: Value): string {
  return new Shower().show(value).text
}

class Shower {
  text = ''

  show(value: Value): this {
    if (value.type === bsonType.array) this.#showElements(value, '[', ']')
    else if (value.type === bsonType.document) this.#showElements(value, '{', '}')
    else this.text += shownScalar(value)
    return this
  }

  #showElements({ type, bytes, start }: Value, open: string, close: string): void {
    let separator = ' '
    this.text += open
    for (const field of documentFields(bytes, start)) {
      if (this.text.length > shownMax) {
        this.text += ' ...'
        break
      }
      this.text += type === bsonType.array ? separator : `${separator}${field.name}: `
      this.show(field)
      separator = ', '
    }
    this.text += separator === ' ' ? close : ` ${close}`
  }
}

function shownScalar(value: Value): string {
  switch (value.type) {
    case bsonType.string:
      return `"${readString(value.bytes, value.start)}"`
    case bsonType.double: {
      const number = numberOf(value)
      return Number.isInteger(number) && Math.abs(number) < 1e15 ? number.toFixed(1) : String(number)
    }
    case bsonType.int32:
      return String(numberOf(value))
    case bsonType.int64:
      return String(readInt64(value.bytes, value.start))
    case bsonType.decimal128:
      return formatDecimal(readDecimal128(value.bytes, value.start))
    case bsonType.boolean:
      return String(value.bytes[value.start] === 1)
    case bsonType.null:
      return 'null'
    default:
      return typeAlias(value.type)
  }
}
