import { booleanValue, truthy } from '../../../bson/value.ts'
import { missing } from '../../expression.ts'
import { fixedOperator } from '../operator.ts'

/** `{$not: [a]}` */
export const not = fixedOperator('$not', 1, ([operand]) => (context) => {
  const value = operand!(context)
  return booleanValue(value === missing || !truthy(value))
})
