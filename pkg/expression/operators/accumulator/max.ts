import { nullValue, type Value } from '../../../bson/value.ts'
import { isNullish } from '../../expression.ts'
import { gatheringOperator } from './gathering.ts'

/** `{$max: array}` or `{$max: [a, ...]}`: the greatest of the values that are neither null nor missing; null of none. */
export const max = gatheringOperator('$max', (values, { compare }) => {
  let greatest: Value | undefined
  for (const value of values) {
    if (!isNullish(value) && (greatest === undefined || compare(value, greatest) > 0)) greatest = value
  }
  return greatest ?? nullValue
})
