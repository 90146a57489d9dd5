import { nullValue, type Value } from '../../../bson/value.ts'
import { isNullish } from '../../expression.ts'
import { gatheringOperator } from './gathering.ts'

/** `{$min: array}` or `{$min: [a, ...]}`: the least of the values that are neither null nor missing; null of none. */
export const min = gatheringOperator('$min', (values, { compare }) => {
  let least: Value | undefined
  for (const value of values) {
    if (!isNullish(value) && (least === undefined || compare(value, least) < 0)) least = value
  }
  return least ?? nullValue
})
