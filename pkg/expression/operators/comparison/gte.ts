import { booleanValue } from '../../../bson/value.ts'
import { fixedOperator } from '../operator.ts'
import { compareAll } from './compare.ts'

/** `{$gte: [a, b]}`: whether a is greater or equal to b in the order over all types. */
export const gte = fixedOperator(
  '$gte',
  2,
  ([left, right], order) =>
    (context) =>
      booleanValue(compareAll(order, left!(context), right!(context)) >= 0),
)
