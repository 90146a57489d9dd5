/** `{$convert: {input, to, onError, onNull, format, byteOrder, base}}`; `to` is a type's name or number, or `{type, subtype}`. */
import { DatabaseError } from '../../../base/errors.ts'
import { wholeNumberOf } from '../../../bson/number.ts'
import { bsonType, isBsonType, isNumber, typeOfAlias } from '../../../bson/type.ts'
import { getField, nullValue, readString, type Value } from '../../../bson/value.ts'
import type { EvaluationContext } from '../../context.ts'
import { type Evaluate, isNullish } from '../../expression.ts'
import { absent, namedOperator } from '../named-operator.ts'
import { shownType } from '../shown-type.ts'
import { type TextFormat, textFormats } from './binary-text.ts'
import { convert } from './conversion.ts'

export const convertOperator = namedOperator({
  name: '$convert',
  names: ['input', 'to', 'onError', 'onNull', 'format', 'byteOrder', 'base'],
  required: { input: 9, to: 9 },
  notDocument: 9,
  unknown: 9,
  make({ input = absent, to = absent, onError, onNull = absent, format, byteOrder, base }) {
    return (context) => {
      const value = input(context)
      const target = to(context)
      if (isNullish(value)) return onNull(context)
      if (isNullish(target)) return nullValue
      const { type, subtype } = targetOf(target)
      const options = {
        subtype,
        format: formatOf(format, context),
        littleEndian: isLittleEndian(byteOrder, context),
        base: baseOf(base, context),
      }
      try {
        return convert(value, type, options)
      } catch (error) {
        if (onError !== undefined && error instanceof DatabaseError) return onError(context)
        throw error
      }
    }
  },
})

interface Target {
  readonly type: number
  readonly subtype: number
}

const missingType = 0

/** Errors: BadValue for a name that is none, FailedToParse for all else that names no type. */
function targetOf(to: Value): Target {
  if (to.type !== bsonType.document) return { type: typeOf(to), subtype: 0 }
  const type = getField(to.bytes, 'type', to.start)
  if (type === undefined) {
    throw new DatabaseError('FailedToParse', "$convert's 'to' argument must be an object with a 'type' field")
  }
  const subtype = getField(to.bytes, 'subtype', to.start)
  return { type: typeOf(type), subtype: subtype === undefined ? 0 : subtypeOf(subtype) }
}

function typeOf(value: Value): number {
  if (value.type === bsonType.string) {
    const name = readString(value.bytes, value.start)
    const type = name === 'missing' ? missingType : typeOfAlias(name)
    if (type === undefined) throw new DatabaseError('BadValue', `Unknown type name: ${name.slice(0, 100)}`)
    return type
  }
  const number = isNumber(value.type) ? wholeNumberOf(value) : undefined
  // -1 is MinKey, whose byte is 255.
  const type = number === -1 ? bsonType.minKey : number === bsonType.minKey ? undefined : number
  if (type === undefined || (type !== missingType && !isTypeNumber(type))) {
    throw new DatabaseError('FailedToParse', `$convert's 'to' argument must name a type, but is ${shownType(value)}`)
  }
  return type
}

function isTypeNumber(type: number): boolean {
  return type > 0 && type <= bsonType.minKey && isBsonType(type)
}

/** Errors: 4341108 for what is no number, 4341106 for no integer, 4341107 for one that is no subtype. */
function subtypeOf(value: Value): number {
  if (!isNumber(value.type)) {
    throw new DatabaseError(4341108, `$convert's 'subtype' argument must be a number, but is ${shownType(value)}`)
  }
  const subtype = wholeNumberOf(value)
  if (subtype === undefined) throw new DatabaseError(4341106, "$convert's 'subtype' argument must be an integer")
  const isSubtype = (subtype >= 0 && subtype <= 9) || (subtype >= 128 && subtype <= 255)
  if (!isSubtype)
    throw new DatabaseError(4341107, `$convert's 'subtype' argument is no subtype of binary data: ${subtype}`)
  return subtype + 0
}

function formatOf(operand: Evaluate | undefined, context: EvaluationContext): TextFormat | undefined {
  const text = textOf(operand, context, 'format', 4341114)
  if (text === undefined) return undefined
  const format = textFormats.find((name) => name === text)
  if (format === undefined) throw new DatabaseError(4341125, `Invalid 'format' argument for $convert: ${text}`)
  return format
}

function isLittleEndian(operand: Evaluate | undefined, context: EvaluationContext): boolean {
  const text = textOf(operand, context, 'byteOrder', 9130001)
  if (text === undefined || text === 'little') return true
  if (text !== 'big') throw new DatabaseError(9130002, `Invalid 'byteOrder' argument for $convert: ${text}`)
  return false
}

/** Undefined for null. Errors: `code` for what is no string. */
function textOf(
  operand: Evaluate | undefined,
  context: EvaluationContext,
  name: string,
  code: number,
): string | undefined {
  if (operand === undefined) return undefined
  const value = operand(context)
  if (isNullish(value)) return undefined
  if (value.type !== bsonType.string) {
    throw new DatabaseError(code, `$convert requires that '${name}' be a string, found: ${shownType(value)}`)
  }
  return readString(value.bytes, value.start)
}

function baseOf(operand: Evaluate | undefined, context: EvaluationContext): number | undefined {
  if (operand === undefined) return undefined
  const value = operand(context)
  if (isNullish(value)) return undefined
  const base = isNumber(value.type) ? wholeNumberOf(value) : undefined
  if (base === undefined) {
    throw new DatabaseError(3501300, `$convert requires that 'base' be an integer, found: ${shownType(value)}`)
  }
  if (base !== 2 && base !== 8 && base !== 10 && base !== 16) {
    throw new DatabaseError(3501301, `$convert requires that 'base' be 2, 8, 10 or 16, found: ${base}`)
  }
  return base
}
