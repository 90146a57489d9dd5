import { booleanValue } from '../../../bson/value.ts'
import { fixedOperator } from '../operator.ts'
import { compareAll } from './compare.ts'

/** `{$ne: [a, b]}`: whether a is not equal to b in the order over all types. */
export const ne = fixedOperator(
  '$ne',
  2,
  ([left, right], order) =>
    (context) =>
      booleanValue(compareAll(order, left!(context), right!(context)) !== 0),
)
