import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { utf8Bytes } from '../../../bson/utf8.ts'
import { documentFields, nullValue, readString, type Value } from '../../../bson/value.ts'
import { type Evaluate, type Expression, missing } from '../../expression.ts'
import { fieldValue } from '../../field-path.ts'
import type { Scope } from '../../scope.ts'
import { namedArguments } from '../named-arguments.ts'
import type { Operator, ParseOperand } from '../operator.ts'
import { shownType } from '../shown-type.ts'

/**
 * `{$getField: name}` of the current document, or `{$getField: {field: name, input: document}}`; the name may hold dots and
 * `$`. Errors: 3041701..3041703 for the arguments, 3041704 for a name that is no string.
 */
export const getField: Operator = {
  name: '$getField',
  parse(operand, scope, parse) {
    const operands = isByName(operand)
      ? parseNamed(operand, scope, parse)
      : [parse(operand, scope), scope.reference('CURRENT', [])]
    return { kind: 'operator', name: '$getField', operands, make, foldable: true }
  },
}

/** Bytes that are looked through in the time of a step. */
const bytesPerStep = 32

/** A document that begins with an operator is an expression for the name. */
function isByName(operand: Value): boolean {
  if (operand.type !== bsonType.document) return false
  const [first] = documentFields(operand.bytes, operand.start)
  return !first?.name.startsWith('$')
}

function parseNamed(operand: Value, scope: Scope, parse: ParseOperand): Expression[] {
  const given = namedArguments('$getField', operand, ['field', 'input'], { notDocument: 3041701, unknown: 3041701 })
  const field = given.required('field', 3041702)
  const input = given.required('input', 3041703)
  return [parse(field, scope), parse(input, scope)]
}

function make([field, input]: readonly Evaluate[]): Evaluate {
  let name = ''
  let nameBytes = utf8Bytes(name)
  return (context) => {
    const given = field!(context)
    if (given.type !== bsonType.string) {
      throw new DatabaseError(
        3041704,
        `$getField requires 'field' to evaluate to type String, but got ${shownType(given)}`,
      )
    }
    const text = readString(given.bytes, given.start)
    if (text !== name) {
      name = text
      nameBytes = utf8Bytes(name)
    }
    const value = input!(context)
    if (value.type === bsonType.document) {
      context.spend((value.end - value.start) / bytesPerStep)
      return name.includes('\0') ? missing : fieldValue(value.bytes, value.start, nameBytes)
    }
    return value.type === bsonType.null || value.type === bsonType.undefined ? nullValue : missing
  }
}
