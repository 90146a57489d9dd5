import { NumberSum } from '../../../bson/number-sum.ts'
import { nullValue } from '../../../bson/value.ts'
import { gatheringOperator } from './gathering.ts'

/** `{$avg: array}` or `{$avg: [a, ...]}`: the mean of the numbers among the values; null of none. */
export const avg = gatheringOperator('$avg', (values) => {
  const total = new NumberSum()
  for (const value of values) total.addValue(value)
  return total.average() ?? nullValue
})
