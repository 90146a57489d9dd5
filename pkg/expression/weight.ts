import type { Expression } from './expression.ts'

/** How much evaluating it once counts for, of the steps that a document may take: an operator is one. At least 1. */
export function weightOf(expression: Expression): number {
  return Math.max(1, operatorsIn(expression))
}

function operatorsIn(expression: Expression): number {
  switch (expression.kind) {
    case 'constant':
    case 'path':
      return 0
    case 'object':
      return expression.fields.reduce((sum, field) => sum + 1 + operatorsIn(field.expression), 1)
    case 'array':
      return expression.elements.reduce((sum, element) => sum + operatorsIn(element), 1)
    case 'operator':
      return expression.operands.reduce((sum, operand) => sum + operatorsIn(operand), 1)
  }
}
