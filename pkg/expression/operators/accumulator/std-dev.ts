/** `$stdDevPop` and `$stdDevSamp` of the numbers among the values; null of too few. */
import { doubleValue, isNumber, nullValue, numberOf, type Value } from '../../../bson/value.ts'
import { Deviation } from './deviation.ts'
import { gatheringOperator } from './gathering.ts'

export const stdDevPop = gatheringOperator('$stdDevPop', (values) => deviationOf(values, false))
export const stdDevSamp = gatheringOperator('$stdDevSamp', (values) => deviationOf(values, true))

function deviationOf(values: readonly Value[], sample: boolean): Value {
  const deviation = new Deviation()
  for (const value of values) if (isNumber(value.type)) deviation.add(numberOf(value))
  const result = deviation.result(sample)
  return result === undefined ? nullValue : doubleValue(result)
}
