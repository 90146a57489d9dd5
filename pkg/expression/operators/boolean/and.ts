import { booleanValue, truthy } from '../../../bson/value.ts'
import { missing } from '../../expression.ts'
import { variadicOperator } from '../operator.ts'

/** `{$and: [a, ...]}`: whether all are true; stops at the first that is not. */
export const and = variadicOperator('$and', (operands) => (context) => {
  for (const operand of operands) {
    const value = operand(context)
    if (value === missing || !truthy(value)) return booleanValue(false)
  }
  return booleanValue(true)
})
