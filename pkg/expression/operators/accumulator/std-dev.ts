/** `$stdDevPop` and `$stdDevSamp` of the numbers among the values; null of too few (Welford's method). */
import { doubleValue, isNumber, nullValue, numberOf, type Value } from '../../../bson/value.ts'
import { gatheringOperator } from './gathering.ts'

export const stdDevPop = gatheringOperator('$stdDevPop', (values) => deviation(values, 0))
export const stdDevSamp = gatheringOperator('$stdDevSamp', (values) => deviation(values, 1))

/** `fewer`: how much less than the count of numbers the squares are divided by. */
function deviation(values: readonly Value[], fewer: 0 | 1): Value {
  let count = 0
  let mean = 0
  let squares = 0
  for (const value of values) {
    if (!isNumber(value.type)) continue
    const n = numberOf(value)
    count++
    const delta = n - mean
    mean += delta / count
    squares += delta * (n - mean)
  }
  return count <= fewer ? nullValue : doubleValue(Math.sqrt(squares / (count - fewer)))
}
