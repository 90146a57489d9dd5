/** What expressions in a command's filters and projections may name besides the document: `let` and the times. */
import { bsonType } from '../bson/type.ts'
import { getField, timestampValue } from '../bson/value.ts'
import { scopeWithLet } from '../expression/command-let.ts'
import { Scope } from '../expression/scope.ts'
import type { ExpressionOptions } from '../query/filter/operator.ts'
import type { Instance } from './instance.ts'
import type { Operation } from './operation.ts'

/** For the parsers of filters and projections, with the operation's collation. Errors: those of `scopeWithLet`. */
export function expressionOptions(operation: Operation): ExpressionOptions {
  operation.expressions ??= readOptions(operation)
  const { expressions, collation } = operation
  if (collation === undefined) return expressions
  return { ...expressions, scope: (expressions.scope ?? Scope.outermost()).withCollation(collation) }
}

/** ROOT, CURRENT, `$$NOW`, and the cluster time where the node is one of a replica set. */
export function outermostScope({ replicaSet, engine }: Instance): Scope {
  return replicaSet === undefined ? Scope.outermost() : Scope.outermost(timestampValue(engine.clusterTime))
}

function readOptions(operation: Operation): ExpressionOptions {
  const { body, nowMs, instance } = operation
  const given = body && getField(body, 'let')
  if (given?.type === bsonType.document) {
    operation.begunLet ??= []
    return { nowMs, scope: scopeWithLet(outermostScope(instance), given.bytes, given.start, operation.begunLet) }
  }
  return instance.replicaSet === undefined ? { nowMs } : { nowMs, scope: outermostScope(instance) }
}
