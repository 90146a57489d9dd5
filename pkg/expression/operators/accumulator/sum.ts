import { NumberSum } from '../../../bson/number-sum.ts'
import { gatheringOperator } from './gathering.ts'

/** `{$sum: array}` or `{$sum: [a, ...]}`: of the numbers among the values. */
export const sum = gatheringOperator('$sum', (values) => {
  const total = new NumberSum()
  for (const value of values) total.addValue(value)
  return total.total()
})
