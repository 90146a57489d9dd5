/**
 * Filter documents to trees. Everything that is wrong with a filter is said here, with MongoDB's codes: compiling a
 * parsed filter cannot fail.
 */

import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import { documentFields, type Value } from '../../bson/value.ts'
import { type Path, parsePath } from '../path.ts'
import type { ParseContext } from './operator.ts'
import { isOperatorDocument } from './operator-document.ts'
import { comparison } from './operators/comparison.ts'
import { refuseRegex } from './operators/regex.ts'
import { absentPathOperators, absentTopLevelOperators, pathOperators, topLevelOperators } from './operators/table.ts'
import { conjunction, type Filter } from './tree.ts'

/**
 * The filter whose document begins at `start`. The tree points into `bytes`. Throws BadValue (2), TypeMismatch (14),
 * FailedToParse (9), or NotImplemented (238) for MongoDB's operators that are not there yet.
 */
export function parseFilter(bytes: Uint8Array, start = 0): Filter {
  const filters: Filter[] = []
  for (const field of documentFields(bytes, start)) {
    const filter =
      field.name.charCodeAt(0) === dollar ? parseTopLevel(field.name, field) : parseField(parsePath(field.name), field)
    if (filter !== undefined) filters.push(filter)
  }
  return conjunction(filters)
}

const dollar = 0x24

const context: ParseContext = {
  parseFilter: (document) => parseFilter(document.bytes, document.start),
  parseOperators,
  parseEquality,
}

function parseTopLevel(name: string, operand: Value): Filter | undefined {
  const operator = topLevelOperators.get(name)
  if (operator !== undefined) return operator.parse(operand, context)
  if (absentTopLevelOperators.has(name)) throw new DatabaseError('NotImplemented', `${name} is not supported yet`)
  const advice =
    name === '$not'
      ? 'If you are trying to negate an entire expression, use $nor.'
      : "If you have a field name that starts with a '$' symbol, consider using $getField or $setField."
  throw new DatabaseError('BadValue', `unknown top level operator: ${name}. ${advice}`)
}

function parseField(path: Path, operand: Value): Filter {
  return isOperatorDocument(operand) ? parseOperators(path, operand) : parseEquality(path, operand)
}

function parseOperators(path: Path, document: Value): Filter {
  const filters: Filter[] = []
  for (const field of documentFields(document.bytes, document.start)) {
    const operator = pathOperators.get(field.name)
    if (operator === undefined) {
      if (absentPathOperators.has(field.name)) {
        throw new DatabaseError('NotImplemented', `${field.name} is not supported yet`)
      }
      throw new DatabaseError('BadValue', `unknown operator: ${field.name}`)
    }
    filters.push(operator.parse(path, field, context))
  }
  return conjunction(filters)
}

function parseEquality(path: Path, operand: Value): Filter {
  if (operand.type === bsonType.regex) refuseRegex(path)
  return comparison(path, 'eq', operand)
}
