import type { Expression } from '../../expression.ts'
import type { Operator } from '../operator.ts'

/**
 * An operator whose operands may be taken in any order and in groups: constants are folded into one, which comes last, as MongoDB does
 * it. So an operand of the document that is null or missing decides before a constant that would be an error.
 */
export function commuting(operator: Operator): Operator {
  return {
    name: operator.name,
    parse(operand, scope, parse) {
      const expression = operator.parse(operand, scope, parse)
      if (expression.kind !== 'operator') return expression
      return {
        ...expression,
        simplify(fold) {
          const operands = expression.operands.map(fold)
          const constants = operands.filter(({ kind }) => kind === 'constant')
          const others = operands.filter(({ kind }) => kind !== 'constant')
          const folded: readonly Expression[] =
            constants.length < 2 ? constants : [fold({ ...expression, operands: constants })]
          return others.length === 0 && folded.length === 1 && constants.length > 1
            ? folded[0]!
            : fold({ ...expression, operands: [...others, ...folded] })
        },
      }
    },
  }
}
