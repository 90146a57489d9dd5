/** `$expr`: an aggregation expression that must be true of the document. */
import { DatabaseError } from '../../../base/errors.ts'
import { readInt32, truthy } from '../../../bson/value.ts'
import { ExpressionCompiler } from '../../../expression/compile.ts'
import { type Expression, isMissing, rootVariable } from '../../../expression/expression.ts'
import { parseExpression } from '../../../expression/parse.ts'
import { Scope } from '../../../expression/scope.ts'
import type { Predicate, TopLevelOperator } from '../operator.ts'
import type { ExprFilter } from '../tree.ts'

export const exprOperator: TopLevelOperator = {
  name: '$expr',
  parse(operand, context): ExprFilter {
    if (context.inElement) throw new DatabaseError('BadValue', '$expr can only be applied to the top-level document')
    const { nowMs, variables, stepsMax, scope = Scope.outermost() } = context.options
    const timely = nowMs === undefined ? scope.withoutTime() : scope
    const expression = parseExpression(operand, timely)
    const simple = losesCollation(expression) ? parseExpression(operand, timely.withCollation(undefined)) : expression
    return { kind: 'expr', expression: simple, nowMs: nowMs ?? 0, variables: variables ?? [], stepsMax }
  },
}

/**
 * `{$in: ['$path', [values]]}`: MongoDB looks for candidates by a filter that it makes of such an expression, and that filter compares
 * strings by their bytes whatever the collation.
 */
function losesCollation(expression: Expression): boolean {
  if (expression.kind !== 'operator' || expression.name !== '$in') return false
  const [value, list] = expression.operands
  return value?.kind === 'path' && value.variable === rootVariable && list?.kind === 'constant'
}

export function exprPredicate(filter: ExprFilter): Predicate {
  const compiler = new ExpressionCompiler()
  const evaluate = compiler.compile(filter.expression)
  const context = compiler.context(filter.nowMs)
  filter.variables.forEach((value, slot) => {
    if (value !== undefined) context.variables[slot] = value
  })
  // Who tests documents and cannot wait refuses what takes long.
  if (filter.stepsMax !== undefined) context.stepsMax = filter.stepsMax
  else context.allowDetours(() => undefined)
  return (bytes, start) => {
    context.reset(bytes, start, start + readInt32(bytes, start))
    const value = evaluate(context)
    return !isMissing(value) && truthy(value)
  }
}
