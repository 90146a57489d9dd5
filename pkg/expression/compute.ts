/** Does what an `ExpressionsTask` asks for, wherever it is asked. */
import { partsOf } from '../base/detour.ts'
import { DatabaseError } from '../base/errors.ts'
import { ExpressionCompiler } from './compile.ts'
import { type EvaluationContext, randomFrom } from './context.ts'
import { type Evaluate, missing } from './expression.ts'
import type { Computed, Evaluation, ExpressionsTask } from './expressions-task.ts'
import { ownedValue } from './owned-value.ts'
import { parseExpression } from './parse.ts'
import { type PortableScope, Scope } from './scope.ts'

/** The values of the expressions, each with bytes of its own, or why there is none. */
export function computeExpressions(task: ExpressionsTask): readonly Computed[] {
  const { context, evaluates } = received(task)
  return evaluates.map((evaluate): Computed => {
    try {
      const value = evaluate(context)
      return { value: value === missing ? undefined : ownedValue(value) }
    } catch (error) {
      if (error instanceof DatabaseError) return { failure: partsOf(error) }
      throw error
    }
  })
}

/** What was sent, with a context that is on its document. */
export function received(sent: Evaluation): { readonly context: EvaluationContext; readonly evaluates: Evaluate[] } {
  const scopes = new Map<PortableScope, Scope>()
  const scopeOf = (portable: PortableScope): Scope => {
    const known = scopes.get(portable) ?? Scope.of(portable)
    scopes.set(portable, known)
    return known
  }
  const compiler = new ExpressionCompiler()
  const evaluates = sent.expressions.map(({ value, scope }) => compiler.compile(parseExpression(value, scopeOf(scope))))
  const context = compiler.context(sent.nowMs, randomFrom(sent.seed))
  context.stepsMax = sent.stepsMax
  context.metadata = (name) => sent.metadata.get(name)
  sent.variables.forEach((value, slot) => {
    context.variables[slot] = value ?? missing
  })
  context.reset(sent.document, 0, sent.document.length)
  return { context, evaluates }
}
