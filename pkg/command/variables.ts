/** What expressions in a command's filters and projections may name besides the document: `let` and `$$NOW`. */
import { bsonType } from '../bson/type.ts'
import { getField } from '../bson/value.ts'
import { scopeWithLet } from '../expression/command-let.ts'
import { Scope } from '../expression/scope.ts'
import type { ExpressionOptions } from '../query/filter/operator.ts'
import type { Operation } from './instance.ts'

/** For the parsers of filters and projections, with the operation's collation. Errors: those of `scopeWithLet`. */
export function expressionOptions(operation: Operation): ExpressionOptions {
  operation.expressions ??= readOptions(operation)
  const { expressions, collation } = operation
  if (collation === undefined) return expressions
  return { ...expressions, scope: (expressions.scope ?? Scope.outermost()).withCollation(collation) }
}

function readOptions({ body, nowMs }: Operation): ExpressionOptions {
  const given = body && getField(body, 'let')
  if (given?.type !== bsonType.document) return { nowMs }
  return { nowMs, scope: scopeWithLet(Scope.outermost(), given.bytes, given.start) }
}
