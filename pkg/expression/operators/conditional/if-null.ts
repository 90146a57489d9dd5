import { isNullish } from '../../expression.ts'
import { variadicOperator } from '../operator.ts'

/** `{$ifNull: [a, ..., otherwise]}`: the first that is neither null, undefined nor missing; else the last. */
export const ifNull = variadicOperator(
  '$ifNull',
  (operands) => (context) => {
    const last = operands.length - 1
    for (let i = 0; i < last; i++) {
      const value = operands[i]!(context)
      if (!isNullish(value)) return value
    }
    return operands[last]!(context)
  },
  2,
)
