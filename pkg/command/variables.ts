/** What expressions in a command's filters and projections may name besides the document: `let` and `$$NOW`. */
import { DatabaseError } from '../base/errors.ts'
import { bsonType } from '../bson/type.ts'
import { documentFields, getField, type Value } from '../bson/value.ts'
import { ExpressionCompiler } from '../expression/compile.ts'
import { isMissing } from '../expression/expression.ts'
import { parseExpression, readsDocument } from '../expression/parse.ts'
import { refuseUnfitVariableName, Scope } from '../expression/scope.ts'
import type { ExpressionOptions } from '../query/filter/operator.ts'
import type { Operation } from './instance.ts'

/**
 * For the parsers of filters and projections. Throws FailedToParse for a name that no variable may have, 4890500 for a variable
 * that asks for a field of a document, and what its expression throws.
 */
export function expressionOptions(operation: Operation): ExpressionOptions {
  const nowMs = operation.instance.world.clock.nowMs()
  const given = operation.body && getField(operation.body, 'let')
  return given?.type === bsonType.document ? { nowMs, scope: scopeWith(given, nowMs) } : { nowMs }
}

function scopeWith(given: Value, nowMs: number): Scope {
  let scope = Scope.outermost()
  for (const field of documentFields(given.bytes, given.start)) {
    refuseUnfitVariableName(field.name)
    const expression = parseExpression(field, scope)
    if (readsDocument(expression)) {
      throw new DatabaseError(
        4890500,
        'Command let Expression tried to access a field, but this is not allowed because Command let expressions run before the query examines any documents.',
      )
    }
    const compiler = new ExpressionCompiler()
    const evaluate = compiler.compile(expression)
    scope = scope.withConstant(field.name, copied(evaluate(compiler.context(nowMs))))
  }
  return scope
}

/** A cursor may outlive the message that the value lies in. */
function copied(value: Value): Value {
  if (isMissing(value)) return value
  return { type: value.type, bytes: value.bytes.slice(value.start, value.end), start: 0, end: value.end - value.start }
}
