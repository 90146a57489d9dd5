import { NumberSum } from '../../../bson/number-sum.ts'
import { bsonType } from '../../../bson/type.ts'
import { doubleValue, nullValue, numberOf } from '../../../bson/value.ts'
import { gatheringOperator } from './gathering.ts'

/** `{$avg: array}` or `{$avg: [a, ...]}`: the mean of the numbers among the values; null of none. */
export const avg = gatheringOperator('$avg', (values) => {
  const total = new NumberSum()
  // Unlike a sum, a mean takes int64 as the nearest doubles.
  for (const value of values) {
    total.addValue(value.type === bsonType.int64 ? doubleValue(numberOf(value)) : value)
  }
  return total.average() ?? nullValue
})
