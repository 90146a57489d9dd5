/** `$expr`: an aggregation expression that must be true of the document. */
import { DatabaseError } from '../../../base/errors.ts'
import { readInt32, truthy } from '../../../bson/value.ts'
import { ExpressionCompiler } from '../../../expression/compile.ts'
import { type Expression, isMissing } from '../../../expression/expression.ts'
import { parseExpression } from '../../../expression/parse.ts'
import { Scope } from '../../../expression/scope.ts'
import type { Predicate, TopLevelOperator } from '../operator.ts'
import type { ExprFilter } from '../tree.ts'

export const exprOperator: TopLevelOperator = {
  name: '$expr',
  parse(operand, context): ExprFilter {
    if (context.inElement) throw new DatabaseError('BadValue', '$expr can only be applied to the top-level document')
    const expression = parseExpression(operand, context.options.scope ?? Scope.outermost())
    const { nowMs, variables } = context.options
    if (nowMs === undefined && usesNow(expression)) {
      throw new DatabaseError('NotImplemented', '$$NOW is not supported in this filter')
    }
    return { kind: 'expr', expression, nowMs: nowMs ?? 0, variables: variables ?? [] }
  },
}

function usesNow(expression: Expression): boolean {
  switch (expression.kind) {
    case 'constant':
    case 'path':
      return false
    case 'object':
      return expression.fields.some((field) => usesNow(field.expression))
    case 'array':
      return expression.elements.some(usesNow)
    case 'operator':
      return expression.name === '$$NOW' || expression.operands.some(usesNow)
  }
}

export function exprPredicate(filter: ExprFilter): Predicate {
  const compiler = new ExpressionCompiler()
  const evaluate = compiler.compile(filter.expression)
  const context = compiler.context(filter.nowMs)
  filter.variables.forEach((value, slot) => {
    if (value !== undefined) context.variables[slot] = value
  })
  return (bytes, start) => {
    context.reset(bytes, start, start + readInt32(bytes, start))
    const value = evaluate(context)
    return !isMissing(value) && truthy(value)
  }
}
