/** Does what an `ExpressionsTask` asks for, wherever it is asked. */
import { partsOf } from '../base/detour.ts'
import { DatabaseError } from '../base/errors.ts'
import { ExpressionCompiler } from './compile.ts'
import { randomFrom } from './context.ts'
import { missing } from './expression.ts'
import type { Computed, ExpressionsTask } from './expressions-task.ts'
import { ownedValue } from './owned-value.ts'
import { parseExpression } from './parse.ts'
import { type PortableScope, Scope } from './scope.ts'

/** The values of the expressions, each with bytes of its own, or why there is none. */
export function computeExpressions(task: ExpressionsTask): readonly Computed[] {
  const { document } = task
  const scopes = new Map<PortableScope, Scope>()
  const scopeOf = (portable: PortableScope): Scope => {
    const known = scopes.get(portable) ?? Scope.of(portable)
    scopes.set(portable, known)
    return known
  }
  const compiler = new ExpressionCompiler()
  const evaluates = task.expressions.map(({ value, scope }) => compiler.compile(parseExpression(value, scopeOf(scope))))
  const context = compiler.context(task.nowMs, randomFrom(task.seed))
  context.stepsMax = task.stepsMax
  context.metadata = (name) => task.metadata.get(name)
  task.variables.forEach((value, slot) => {
    context.variables[slot] = value ?? missing
  })
  context.reset(document, 0, document.length)
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
