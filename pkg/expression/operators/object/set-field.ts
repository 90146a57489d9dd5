import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { utf8Bytes } from '../../../bson/utf8.ts'
import { documentFields, nullValue, readString, type Value } from '../../../bson/value.ts'
import { ElementWalker } from '../../../bson/walk.ts'
import { BsonWriter } from '../../../bson/writer.ts'
import { type Evaluate, type Expression, isNullish, missing } from '../../expression.ts'
import { refuseOversize } from '../../memory-limit.ts'
import { resultOf } from '../../result.ts'
import type { Scope } from '../../scope.ts'
import { namedArguments } from '../named-arguments.ts'
import type { Operator, ParseOperand } from '../operator.ts'
import { shownType } from '../shown-type.ts'

/**
 * `{$setField: {field: name, input: document, value: a}}`: the document with the field set, or without it when the value is
 * missing. The name is a constant, and may hold dots and `$`. Errors: 4161100..4161109, 9534700 for a NUL in the name.
 */
export const setField: Operator = {
  name: '$setField',
  parse(operand, scope, parse) {
    const given = namedArguments('$setField', operand, ['field', 'input', 'value'], codes)
    const field = given.required('field', 4161102)
    const value = given.required('value', 4161103)
    const input = given.required('input', 4161109)
    return setting('$setField', fieldName('$setField', field, scope, parse), [parse(input, scope), parse(value, scope)])
  },
}

/** `{$unsetField: {field: name, input: document}}`: the document without the field. Errors: as `$setField`. */
export const unsetField: Operator = {
  name: '$unsetField',
  parse(operand, scope, parse) {
    const given = namedArguments('$unsetField', operand, ['field', 'input'], codes)
    const field = given.required('field', 4161102)
    const input = given.required('input', 4161109)
    const none: Expression = { kind: 'constant', value: missing }
    return setting('$unsetField', fieldName('$unsetField', field, scope, parse), [parse(input, scope), none])
  },
}

const codes = { notDocument: 4161100, unknown: 4161101 }

function setting(name: string, field: string, operands: readonly Expression[]): Expression {
  return {
    kind: 'operator',
    name,
    operands,
    foldable: true,
    make: ([input, value]) => evaluation(name, field, input!, value!),
  }
}

/** The name must be constant as it is written: nothing is evaluated for it. */
function fieldName(operator: string, source: Value, scope: Scope, parse: ParseOperand): string {
  if (source.type === bsonType.string && readString(source.bytes, source.start).startsWith('$')) {
    throw new DatabaseError(
      4161108,
      `'field' in ${operator} requires a constant, but a field path reference was found. For a name that begins with '$' use $literal`,
    )
  }
  const expression = parse(source, scope)
  if (expression.kind !== 'constant' || isComposed(source)) {
    throw new DatabaseError(
      4161106,
      `${operator} requires 'field' to evaluate to a constant, but got a non-constant argument`,
    )
  }
  const { value } = expression
  if (value.type !== bsonType.string) {
    throw new DatabaseError(
      4161107,
      `${operator} requires 'field' to evaluate to type String, but got ${shownType(value)}`,
    )
  }
  const name = readString(value.bytes, value.start)
  if (name.includes('\0')) {
    throw new DatabaseError(9534700, `${operator} requires 'field' to have no null bytes`)
  }
  return name
}

/** An array or a document with fields: put together each time, even from constants. */
function isComposed(source: Value): boolean {
  if (source.type === bsonType.array) return true
  if (source.type !== bsonType.document) return false
  const [first] = documentFields(source.bytes, source.start)
  return first !== undefined && !first.name.startsWith('$')
}

function evaluation(operator: string, name: string, inputOf: Evaluate, fieldOf: Evaluate): Evaluate {
  const nameBytes = utf8Bytes(name)
  const walker = new ElementWalker()
  const writer = new BsonWriter(128)
  return (context) => {
    const input = inputOf(context)
    const value = fieldOf(context)
    if (isNullish(input)) return nullValue
    if (input.type !== bsonType.document) {
      throw new DatabaseError(
        4161105,
        `${operator} requires 'input' to evaluate to type Object, but got ${shownType(input)}`,
      )
    }
    refuseOversize(input.end - input.start + value.end - value.start)
    writer.reset()
    writer.beginDocument()
    let isSet = value === missing
    walker.reset(input.bytes, input.start)
    while (walker.next()) {
      if (!walker.nameIs(nameBytes)) writer.raw(input.bytes, walker.nameStart - 1, walker.valueEnd)
      else if (!isSet) {
        writer.value(name, value)
        isSet = true
      }
    }
    if (!isSet) writer.value(name, value)
    writer.end()
    return resultOf(context, bsonType.document, writer)
  }
}
