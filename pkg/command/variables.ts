/** What expressions in a command's filters and projections may name besides the document: `let` and `$$NOW`. */
import { bsonType } from '../bson/type.ts'
import { getField } from '../bson/value.ts'
import { scopeWithLet } from '../expression/command-let.ts'
import { Scope } from '../expression/scope.ts'
import type { ExpressionOptions } from '../query/filter/operator.ts'
import type { Operation } from './instance.ts'

/** For the parsers of filters and projections. Errors: those of `scopeWithLet`. */
export function expressionOptions(operation: Operation): ExpressionOptions {
  operation.expressions ??= readOptions(operation)
  return operation.expressions
}

function readOptions({ body, nowMs }: Operation): ExpressionOptions {
  const given = body && getField(body, 'let')
  if (given?.type !== bsonType.document) return { nowMs }
  return { nowMs, scope: scopeWithLet(Scope.outermost(), given.bytes, given.start) }
}
