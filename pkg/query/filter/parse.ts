/**
 * Filter documents to trees. Everything that is wrong with a filter is said here, with MongoDB's codes: compiling a
 * parsed filter cannot fail, but for one that asks for what is nearest.
 */

import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import { documentFields, type Value } from '../../bson/value.ts'
import type { Collation } from '../../collation/collation.ts'
import { Scope } from '../../expression/scope.ts'
import { type Path, parsePath } from '../path.ts'
import type { ExpressionOptions, ParseContext } from './operator.ts'
import { isOperatorDocument } from './operator-document.ts'
import { collationOf, comparison } from './operators/comparison.ts'
import { regexValueFilter } from './operators/regex.ts'
import { absentTopLevelOperators, pathOperators, topLevelOperators } from './operators/table.ts'
import { conjunction, type Filter } from './tree.ts'

export type FilterOptions = ExpressionOptions

/**
 * The filter whose document begins at `start`. The tree points into `bytes`. Throws BadValue (2), TypeMismatch (14),
 * FailedToParse (9), the errors of expressions, or NotImplemented (238) for MongoDB's operators that are not there yet.
 */
export function parseFilter(bytes: Uint8Array, start = 0, options: FilterOptions = noOptions): Filter {
  return parseDocument(bytes, start, options === noOptions ? documentContext : contextOf(false, options))
}

const noOptions: FilterOptions = {}

/** For a filter without expressions whose strings compare as a collation says. */
export function collated(collation: Collation | undefined): FilterOptions {
  return collation === undefined ? noOptions : { scope: Scope.outermost().withCollation(collation) }
}
const dollar = 0x24

function parseDocument(bytes: Uint8Array, start: number, context: ParseContext): Filter {
  const filters: Filter[] = []
  for (const field of documentFields(bytes, start)) {
    const filter =
      field.name.charCodeAt(0) === dollar
        ? parseTopLevel(field.name, field, context)
        : parseField(parsePath(field.name), field, context)
    if (filter !== undefined) filters.push(filter)
  }
  return conjunction(filters)
}

function contextOf(inElement: boolean, options: FilterOptions): ParseContext {
  const context: ParseContext = {
    isPathOperator: (name) => pathOperators.has(name),
    parseFilter: ({ bytes, start }) => parseDocument(bytes, start, context),
    parseElementFilter: ({ bytes, start }) =>
      parseDocument(bytes, start, inElement ? context : contextOf(true, options)),
    parseOperators: (path, document) => parseOperators(path, document, context),
    parseEquality: (path, operand) => parseEquality(path, operand, context),
    inElement,
    options,
  }
  return context
}

const documentContext = contextOf(false, noOptions)

function parseTopLevel(name: string, operand: Value, context: ParseContext): Filter | undefined {
  const operator = topLevelOperators.get(name)
  if (operator !== undefined) return operator.parse(operand, context)
  if (absentTopLevelOperators.has(name) && context.inElement) {
    throw new DatabaseError('BadValue', `${name} can only be applied to the top-level document`)
  }
  if (absentTopLevelOperators.has(name)) throw new DatabaseError('NotImplemented', `${name} is not supported yet`)
  const advice =
    name === '$not'
      ? 'If you are trying to negate an entire expression, use $nor.'
      : "If you have a field name that starts with a '$' symbol, consider using $getField or $setField."
  throw new DatabaseError('BadValue', `unknown top level operator: ${name}. ${advice}`)
}

function parseField(path: Path, operand: Value, context: ParseContext): Filter {
  return isOperatorDocument(operand) ? parseOperators(path, operand, context) : parseEquality(path, operand, context)
}

function parseOperators(path: Path, document: Value, context: ParseContext): Filter {
  const filters: Filter[] = []
  for (const field of documentFields(document.bytes, document.start)) {
    const operator = pathOperators.get(field.name)
    if (operator === undefined) throw new DatabaseError('BadValue', `unknown operator: ${field.name}`)
    filters.push(operator.parse(path, field, context, document))
  }
  return conjunction(filters)
}

function parseEquality(path: Path, operand: Value, context: ParseContext): Filter {
  if (operand.type === bsonType.regex) return regexValueFilter(path, operand)
  return comparison(path, 'eq', operand, collationOf(context))
}
