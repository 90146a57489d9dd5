import { booleanValue, truthy } from '../../../bson/value.ts'
import { missing } from '../../expression.ts'
import { variadicOperator } from '../operator.ts'

/** `{$or: [a, ...]}`: whether one is true; stops at the first that is. */
export const or = variadicOperator('$or', (operands) => (context) => {
  for (const operand of operands) {
    const value = operand(context)
    if (value !== missing && truthy(value)) return booleanValue(true)
  }
  return booleanValue(false)
})
