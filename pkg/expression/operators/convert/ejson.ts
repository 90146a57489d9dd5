/**
 * `{$serializeEJSON: {input, relaxed, onError}}`: a value with every part that JSON has no type for as the document that Extended JSON
 * writes for it, `{$oid: ...}` and its like; `$deserializeEJSON` turns these back.
 */
import { DatabaseError } from '../../../base/errors.ts'
import { messageDepthMax } from '../../../base/limits.ts'
import { buildDocument } from '../../../bson/build.ts'
import { parseExtendedJson, stringifyExtendedJsonValue } from '../../../bson/ejson.ts'
import { bsonType } from '../../../bson/type.ts'
import { getField, nullValue, truthy, type Value } from '../../../bson/value.ts'
import { ElementWalker } from '../../../bson/walk.ts'
import { BsonWriter } from '../../../bson/writer.ts'
import { type Evaluate, missing } from '../../expression.ts'
import { absent, namedOperator } from '../named-operator.ts'
import type { Operator } from '../operator.ts'

const dollarSign = 0x24
const failedToParse = 9
const plainTypes: readonly number[] = [bsonType.string, bsonType.boolean, bsonType.null]

const serialize = namedOperator({
  name: '$serializeEJSON',
  names: ['input', 'relaxed', 'onError'],
  required: { input: failedToParse },
  notDocument: failedToParse,
  unknown: failedToParse,
  make({ input = absent, relaxed, onError }) {
    return (context) => {
      const value = input(context)
      if (value === missing) return nullValue
      const isRelaxed = relaxed === undefined || isTrue(relaxed(context))
      return orOnError(() => serialized(value, isRelaxed), onError)(context)
    }
  },
})

const deserialize = namedOperator({
  name: '$deserializeEJSON',
  names: ['input', 'onError'],
  required: { input: failedToParse },
  notDocument: failedToParse,
  unknown: failedToParse,
  make({ input = absent, onError }) {
    return (context) => {
      const value = input(context)
      if (value === missing) return nullValue
      return orOnError(() => deserialized(value), onError)(context)
    }
  },
})

function isTrue(relaxed: Value): boolean {
  if (relaxed.type === bsonType.boolean) return truthy(relaxed)
  throw new DatabaseError('BadValue', 'Unexpected value for relaxed: it must be true or false')
}

/** What `compute` refuses becomes a ConversionFailure, or `onError`. */
function orOnError(compute: () => Value, onError: Evaluate | undefined): Evaluate {
  return (context) => {
    try {
      return compute()
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error
      if (onError !== undefined) return onError(context)
      throw new DatabaseError('ConversionFailure', error.message)
    }
  }
}

function serialized(value: Value, relaxed: boolean): Value {
  const writer = new BsonWriter(128)
  writer.beginDocument()
  write(writer, 'value', value, relaxed, 1)
  writer.end()
  return getField(writer.finish(), 'value')!
}

/** Errors: Overflow where a part written as a document would lie too deep. */
function write(writer: BsonWriter, name: string, value: Value, relaxed: boolean, depth: number): void {
  const { type, bytes, start } = value
  if (plainTypes.includes(type)) writer.value(name, value)
  else if (type === bsonType.document || type === bsonType.array) {
    if (type === bsonType.document) writer.beginDocument(name)
    else writer.beginArray(name)
    const walker = new ElementWalker().reset(bytes, start)
    while (walker.next()) write(writer, walker.name(), walker.value(), relaxed, depth + 1)
    writer.end()
  } else {
    const written = JSON.parse(stringifyExtendedJsonValue(type, bytes, start, { relaxed })) as unknown
    // A number that relaxed JSON writes as a number stays the number it is.
    if (typeof written === 'object' && depth + 1 > messageDepthMax) {
      throw new DatabaseError('Overflow', `$serializeEJSON gives more than ${messageDepthMax} levels`)
    }
    writer.value(name, typeof written === 'number' ? value : getField(buildDocument({ written }), 'written')!)
  }
}

function deserialized(value: Value): Value {
  const writer = new BsonWriter(128)
  writer.beginDocument()
  read(writer, 'value', value)
  writer.end()
  return getField(writer.finish(), 'value')!
}

function read(writer: BsonWriter, name: string, value: Value): void {
  const { type, bytes, start } = value
  if (type !== bsonType.document && type !== bsonType.array) writer.value(name, value)
  else if (type === bsonType.document && bytes[start + 5] === dollarSign) {
    const text = stringifyExtendedJsonValue(type, bytes, start, { relaxed: true })
    writer.value(name, getField(parseExtendedJson(`{"value":${text}}`), 'value')!)
  } else {
    if (type === bsonType.document) writer.beginDocument(name)
    else writer.beginArray(name)
    const walker = new ElementWalker().reset(bytes, start)
    while (walker.next()) read(writer, walker.name(), walker.value())
    writer.end()
  }
}

export const ejsonOperators: readonly Operator[] = [deserialize, serialize]
