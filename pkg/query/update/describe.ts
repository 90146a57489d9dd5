/** Values in the shell's notation, as MongoDB quotes them in error messages: `{a: [ 1, "x" ]}`. */
import { bsonType } from '../../bson/type.ts'
import { documentFields, readDouble, readInt32, readInt64, readString, type Value } from '../../bson/value.ts'

/** Longest string that is quoted whole, in characters. */
const stringLengthMax = 160

/** `{name: value}` */
export function describeElement(name: string, value: Value): string {
  return `{${name}: ${describeValue(value)}}`
}

export function describeValue(value: Value): string {
  const { type, bytes, start } = value
  switch (type) {
    case bsonType.double:
      return describeDouble(readDouble(bytes, start))
    case bsonType.string:
    case bsonType.symbol:
    case bsonType.code:
      return quote(readString(bytes, start))
    case bsonType.document: {
      const fields = [...documentFields(bytes, start)].map((field) => `${field.name}: ${describeValue(field)}`)
      return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`
    }
    case bsonType.array: {
      const elements = [...documentFields(bytes, start)].map(describeValue)
      return elements.length === 0 ? '[]' : `[ ${elements.join(', ')} ]`
    }
    case bsonType.binary:
      return `BinData(${bytes[start + 4]!}, ${hex(bytes, start + 5, start + 5 + readInt32(bytes, start)).toUpperCase()})`
    case bsonType.undefined:
      return 'undefined'
    case bsonType.objectId:
      return `ObjectId('${hex(bytes, start, start + 12)}')`
    case bsonType.boolean:
      return bytes[start] === 1 ? 'true' : 'false'
    case bsonType.date:
      return `new Date(${readInt64(bytes, start)})`
    case bsonType.null:
      return 'null'
    case bsonType.int32:
      return String(readInt32(bytes, start))
    case bsonType.int64:
      return String(readInt64(bytes, start))
    case bsonType.timestamp:
      return `Timestamp(${readInt32(bytes, start + 4) >>> 0}, ${readInt32(bytes, start) >>> 0})`
    case bsonType.minKey:
      return 'MinKey'
    case bsonType.maxKey:
      return 'MaxKey'
    case bsonType.regex:
      return describeRegex(bytes, start)
    default:
      return `<${hex(bytes, start, value.end)}>`
  }
}

function describeDouble(number: number): string {
  if (Number.isNaN(number)) return 'nan.0'
  if (!Number.isFinite(number)) return number > 0 ? 'inf.0' : '-inf.0'
  const text = String(number)
  return Number.isInteger(number) && !text.includes('e') ? text + '.0' : text
}

function quote(text: string): string {
  return text.length > stringLengthMax ? `"${text.slice(0, stringLengthMax - 10)}..."` : `"${text}"`
}

function describeRegex(bytes: Uint8Array, start: number): string {
  const decoder = new TextDecoder()
  const patternEnd = bytes.indexOf(0, start)
  const pattern = decoder.decode(bytes.subarray(start, patternEnd))
  const options = decoder.decode(bytes.subarray(patternEnd + 1, bytes.indexOf(0, patternEnd + 1)))
  return `/${pattern}/${options}`
}

function hex(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let i = start; i < end; i++) text += bytes[i]!.toString(16).padStart(2, '0')
  return text
}
