/** The `let` of a command: variables for every expression in it. */
import { DatabaseError } from '../base/errors.ts'
import { documentFields, type Value } from '../bson/value.ts'
import { ExpressionCompiler } from './compile.ts'
import type { EvaluationContext } from './context.ts'
import type { Evaluate } from './expression.ts'
import { ownedValue } from './owned-value.ts'
import { parseExpression, readsDocument } from './parse.ts'
import { refuseUnfitVariableName, type Scope } from './scope.ts'

/** Not the user's to define. */
const ofTheSystem = new Set(['NOW', 'CLUSTER_TIME', 'USER_ROLES'])

interface LetVariable {
  readonly evaluate: Evaluate
  readonly context: EvaluationContext
}

/** The variables of one `let` whose evaluation has begun, in their order: for who begins again with the same. */
export type BegunLet = LetVariable[]

/**
 * The scope with the variables that the document at `start` defines, each by an expression over those before it.
 *
 * Errors: 4738901 for a name of the system's, FailedToParse for one that is none, 4890500 for an expression that reads a document,
 * 51144 for `$$NOW`, which is not known yet, and those of parsing and evaluating. Throws a `Detour` where that takes long: after it, `begun` has
 * what came back.
 */
export function scopeWithLet(outer: Scope, bytes: Uint8Array, start = 0, begun: BegunLet = []): Scope {
  let scope = outer
  let at = 0
  // Only the commands' own expressions know the time.
  let timeless = outer.withoutTime()
  for (const field of documentFields(bytes, start)) {
    if (ofTheSystem.has(field.name)) {
      throw new DatabaseError(4738901, `Attempt to set internal constant: ${field.name}`)
    }
    refuseUnfitVariableName(field.name)
    if (at === begun.length) begun.push(variableOf(field, timeless))
    const { evaluate, context } = begun[at++]!
    context.reset(context.bytes, context.start, context.end)
    // The message in which it lies may be gone before the last batch.
    const value = ownedValue(evaluate(context))
    scope = scope.withConstant(field.name, value)
    timeless = timeless.withConstant(field.name, value)
  }
  return scope
}

/** Errors: 4890500. */
function variableOf(field: Value & { readonly name: string }, scope: Scope): LetVariable {
  const expression = parseExpression(field, scope)
  if (readsDocument(expression)) {
    throw new DatabaseError(
      4890500,
      `Command let Expression tried to access a field, but this is not allowed because Command let Expressions run before the query examines any documents: ${field.name}`,
    )
  }
  const compiler = new ExpressionCompiler()
  const evaluate = compiler.compile(expression)
  const context = compiler.context(0)
  context.allowDetours(() => undefined)
  return { evaluate, context }
}
