/**
 * Columns of a CSV file: a dotted path and, if the header says so, a type: `name.string(),born.date(2006-01-02)`.
 *
 * mongoimport's types: auto, binary(base64|base32|hex), boolean, date, date_go, date_ms, date_oracle, decimal, double, int32, int64,
 * string; and, so that every value can go out and come back: objectId, and json for whatever extended JSON can say.
 * A column without a type takes the number that the text is, or else the text.
 */
import { DatabaseError } from '../../../pkg/base/errors.ts'
import { decimal128Bytes, parseDecimal } from '../../../pkg/bson/decimal128.ts'
import { stringifyExtendedJsonValue } from '../../../pkg/bson/ejson.ts'
import { ExtendedJsonParser } from '../../../pkg/bson/ejson-parse.ts'
import { formatIsoDate, hasIsoForm, parseIsoDate } from '../../../pkg/bson/iso-date.ts'
import { objectIdHex, parseObjectId } from '../../../pkg/bson/objectid.ts'
import { bsonType } from '../../../pkg/bson/type.ts'
import {
  binaryValue,
  booleanValue,
  dateValue,
  decimal128Value,
  doubleValue,
  getField,
  int32Value,
  int64Value,
  objectIdValue,
  readInt32,
  readInt64Number,
  readString,
  stringValue,
  type Value,
} from '../../../pkg/bson/value.ts'
import { BsonWriter } from '../../../pkg/bson/writer.ts'
import { Refusal } from '../../refusal.ts'
import { type DateLayout, dateLayout } from './date-layout.ts'

export interface Column {
  readonly path: readonly string[]
  /** As written in a header. */
  readonly header: string
  readonly typed: boolean
  /** The value that a cell holds; undefined when the text is not of the column's type. */
  read(text: string): Value | undefined
  /** What a cell shows for a value; undefined when the value is not of the column's type. */
  show(value: Value): string | undefined
}

type ColumnType = Pick<Column, 'read' | 'show'>

const typedForm = /^(.+)\.(\w+)\((.*)\)$/

/** Whether every one of these header cells gives a type. */
export function haveTypes(headers: readonly string[]): boolean {
  return headers.length > 0 && headers.every((header) => Object.hasOwn(types, typedForm.exec(header)?.[2] ?? ''))
}

/** @throws Refusal for an unknown type, an argument that the type does not take, or an empty name. */
export function column(header: string, typed: boolean): Column {
  const match = typed ? typedForm.exec(header) : undefined
  if (match === null) throw new Refusal(`column ${JSON.stringify(header)} gives no type, as name.string() does`)
  const name = match?.[1] ?? header
  const path = name.split('.')
  if (path.includes('')) throw new Refusal(`column ${JSON.stringify(header)} has an empty field name`)
  return { path, header, typed, ...(match === undefined ? auto : typeOf(match[2]!, match[3]!, header)) }
}

/** Cuts a list of columns at the commas that are not within a type's parentheses. */
export function splitColumns(list: string): string[] {
  return list.split(/,(?![^(]*\))/).map((each) => each.trim())
}

function typeOf(name: string, argument: string, header: string): ColumnType {
  const make = Object.hasOwn(types, name) ? types[name] : undefined
  if (make === undefined) throw new Refusal(`column ${JSON.stringify(header)}: there is no type ${name}`)
  return make(argument)
}

const types: Readonly<Record<string, (argument: string) => ColumnType>> = {
  auto: () => auto,
  string: () => ({
    read: stringValue,
    show: (value) => (value.type === bsonType.string ? readString(value.bytes, value.start) : undefined),
  }),
  int32: () => ({
    read: (text) => wholeNumber(text, -(2 ** 31), 2 ** 31 - 1, (n) => int32Value(Number(n))),
    show: (value) => (value.type === bsonType.int32 ? showPlain(value) : undefined),
  }),
  int64: () => ({
    read: (text) => wholeNumber(text, -(2n ** 63n), 2n ** 63n - 1n, int64Value),
    show: (value) => (value.type === bsonType.int64 || value.type === bsonType.int32 ? showPlain(value) : undefined),
  }),
  double: () => ({
    read: (text) => (numberForm.test(text) ? doubleValue(Number(text)) : undefined),
    show: (value) => (value.type === bsonType.double || value.type === bsonType.int32 ? showPlain(value) : undefined),
  }),
  decimal: () => ({
    read: (text) => {
      const parsed = parseDecimal(text)
      return parsed === undefined || !parsed.exact ? undefined : decimal128Value(decimal128Bytes(parsed.decimal))
    },
    show: (value) => (value.type === bsonType.decimal128 ? showPlain(value) : undefined),
  }),
  boolean: () => ({
    read: (text) => {
      const word = text.toLowerCase()
      return ['true', 'false', '1', '0'].includes(word) ? booleanValue(word === 'true' || word === '1') : undefined
    },
    show: (value) => (value.type === bsonType.boolean ? showPlain(value) : undefined),
  }),
  objectId: () => ({
    read: (text) => (/^[0-9a-f]{24}$/i.test(text) ? objectIdValue(parseObjectId(text)) : undefined),
    show: (value) => (value.type === bsonType.objectId ? showPlain(value) : undefined),
  }),
  date: (argument) => date(argument === '' ? isoLayout : dateLayout('date', argument)),
  date_go: (argument) => date(dateLayout('date', argument)),
  date_ms: (argument) => date(dateLayout('date_ms', argument)),
  date_oracle: (argument) => date(dateLayout('date_oracle', argument)),
  binary: (argument) => binary(argument),
  json: () => ({
    read: parseJsonValue,
    show: (value) => stringifyExtendedJsonValue(value.type, value.bytes, value.start, { relaxed: false }),
  }),
}

const numberForm = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$|^[+-]?(?:NaN|Infinity|Inf)$/i

function wholeNumber(
  text: string,
  low: number | bigint,
  high: number | bigint,
  make: (n: bigint) => Value,
): Value | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined
  const n = BigInt(text.replace(/^\+/, ''))
  return n >= low && n <= high ? make(n) : undefined
}

const isoLayout: DateLayout = {
  parse: parseIsoDate,
  format: (ms) => (hasIsoForm(ms) ? formatIsoDate(ms) : new Date(ms).toISOString()),
}

function date(layout: DateLayout): ColumnType {
  return {
    read: (text) => {
      const ms = layout.parse(text)
      return ms === undefined ? undefined : dateValue(ms)
    },
    show: (value) =>
      value.type === bsonType.date ? layout.format(readInt64Number(value.bytes, value.start)) : undefined,
  }
}

function binary(encoding: string): ColumnType {
  if (encoding !== 'base64' && encoding !== 'hex') {
    throw new Refusal(`binary(${encoding}) is not supported: the encodings are base64 and hex`)
  }
  const form =
    encoding === 'hex' ? /^(?:[0-9a-f]{2})*$/i : /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
  return {
    read: (text) => (form.test(text) ? binaryValue(new Uint8Array(Buffer.from(text, encoding))) : undefined),
    show: (value) =>
      value.type === bsonType.binary
        ? Buffer.from(value.bytes.subarray(value.start + 5, value.end)).toString(encoding)
        : undefined,
  }
}

/** A column without a type: numbers are recognised by how they look, all else is text. */
const auto: ColumnType = {
  read: (text) => {
    if (!/^[+-]?(?:\d|\.\d)/.test(text)) return stringValue(text)
    if (/^-?(?:0|[1-9]\d*)$/.test(text)) {
      return types['int32']!('').read(text) ?? types['int64']!('').read(text) ?? stringValue(text)
    }
    // A leading zero or plus means something to who wrote it, as in a telephone number or a postal code.
    return /^-?(?:0|[1-9]\d*)\.\d+(?:[eE][+-]?\d+)?$/.test(text) ? doubleValue(Number(text)) : stringValue(text)
  },
  show: showPlain,
}

/** A value as people write it, without its type. */
function showPlain(value: Value): string {
  const { type, bytes, start } = value
  switch (type) {
    case bsonType.string:
      return readString(bytes, start)
    case bsonType.null:
    case bsonType.undefined:
      return ''
    case bsonType.objectId:
      return objectIdHex(bytes, start)
    case bsonType.date:
      return isoLayout.format(readInt64Number(bytes, start))
    case bsonType.decimal128:
    case bsonType.int64:
    case bsonType.double:
      return unwrapped(stringifyExtendedJsonValue(type, bytes, start, { relaxed: false }))
    default:
      return stringifyExtendedJsonValue(type, bytes, start, { relaxed: true })
  }
}

/** The text in `{"$numberLong":"5"}`. */
function unwrapped(json: string): string {
  return String(Object.values(JSON.parse(json) as Record<string, unknown>)[0])
}

const jsonParser = new ExtendedJsonParser()
const jsonWriter = new BsonWriter(256)

function parseJsonValue(text: string): Value | undefined {
  try {
    jsonParser.parse(new TextEncoder().encode(`{"v":${text}}`), jsonWriter.reset())
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    return undefined
  }
  const document = jsonWriter.finish()
  return readInt32(document, 0) > 5 ? getField(document, 'v') : undefined
}
