/** Parses expressions: paths, variables, literals, objects, arrays, operators. */
import { DatabaseError } from '../base/errors.ts'
import { bsonType } from '../bson/type.ts'
import { documentFields, readString, type Value } from '../bson/value.ts'
import { type Expression, rootVariable } from './expression.ts'
import { refuseUnfitFieldName, splitFieldPath } from './field-path.ts'
import { foldConstants } from './fold.ts'
import { operators } from './operators/table.ts'
import { refuseUnfitCharacters, type Scope } from './scope.ts'
import { noteSource } from './source.ts'
import { refuseLongString } from './string-limit.ts'

/**
 * Parses any value as an expression, and evaluates what is constant in it; the tree points into the value's bytes.
 *
 * Errors: InvalidPipelineOperator for an operator that is not there, 15983 for an operator document of several fields, 16020 for a
 * wrong number of arguments, 17276 for an undefined variable, those of `splitFieldPath`, and whatever evaluating the constant parts
 * gives: all syntax is checked before.
 */
export function parseExpression(value: Value, scope: Scope): Expression {
  const expression = foldConstants(parseUnfolded(value, scope))
  noteSource(expression, { value, scope })
  return expression
}

function parseUnfolded(value: Value, scope: Scope): Expression {
  switch (value.type) {
    case bsonType.string:
      return parseText(readString(value.bytes, value.start), value, scope)
    case bsonType.document:
      return parseDocument(value, scope)
    case bsonType.array:
      return parseArray(value, scope)
    default:
      return { kind: 'constant', value }
  }
}

function parseText(text: string, value: Value, scope: Scope): Expression {
  if (!text.startsWith('$')) {
    refuseLongString(value.end - value.start - 5)
    return { kind: 'constant', value }
  }
  if (text.startsWith('$$')) return parseVariable(text.slice(2), scope)
  if (text === '$') throw new DatabaseError(16872, "'$' by itself is not a valid FieldPath")
  return scope.reference('CURRENT', splitFieldPath(text.slice(1)))
}

function parseVariable(text: string, scope: Scope): Expression {
  const dot = text.indexOf('.')
  const name = dot < 0 ? text : text.slice(0, dot)
  if (name === '') throw new DatabaseError('FailedToParse', 'empty variable names are not allowed')
  refuseUnfitCharacters(name)
  const [, ...names] = splitFieldPath(text)
  return scope.reference(name, names)
}

function parseDocument(value: Value, scope: Scope): Expression {
  const fields = [...documentFields(value.bytes, value.start)]
  const [first] = fields
  if (first?.name.startsWith('$')) {
    if (fields.length > 1) {
      throw new DatabaseError(
        15983,
        `An object representing an expression must have exactly one field: { ${fields.map(({ name }) => name).join(', ')} }`,
      )
    }
    return parseOperator(first.name, first, scope)
  }
  const parsed = fields.map((field) => {
    refuseUnfitFieldName(field.name)
    return { name: field.name, expression: parseUnfolded(field, scope) }
  })
  const isConstant = parsed.every(({ expression }, i) => isItself(expression, fields[i]!))
  return isConstant ? { kind: 'constant', value } : { kind: 'object', fields: parsed }
}

function parseOperator(name: string, operand: Value, scope: Scope): Expression {
  const operator = operators.get(name)
  if (operator === undefined) throw new DatabaseError('InvalidPipelineOperator', `Unrecognized expression '${name}'`)
  return operator.parse(operand, scope, parseUnfolded)
}

function parseArray(value: Value, scope: Scope): Expression {
  const elements = [...documentFields(value.bytes, value.start)]
  const parsed = elements.map((element) => parseUnfolded(element, scope))
  const isConstant = parsed.every((expression, i) => isItself(expression, elements[i]!))
  return isConstant ? { kind: 'constant', value } : { kind: 'array', elements: parsed }
}

/** Whether an expression's value is its own source, so that a document or array of such is its own value too. */
function isItself(expression: Expression, source: Value): boolean {
  return expression.kind === 'constant' && expression.value === source
}

/** Whether the expression reads anything of the document it is evaluated against. */
export function readsDocument(expression: Expression): boolean {
  switch (expression.kind) {
    case 'constant':
      return false
    case 'path':
      return expression.variable === rootVariable
    case 'object':
      return expression.fields.some((field) => readsDocument(field.expression))
    case 'array':
      return expression.elements.some(readsDocument)
    case 'operator':
      return expression.operands.some(readsDocument)
  }
}
