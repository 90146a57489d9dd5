import { booleanValue } from '../../../bson/value.ts'
import { fixedOperator } from '../operator.ts'
import { compareAll } from './compare.ts'

/** `{$gt: [a, b]}`: whether a is greater than b in the order over all types. */
export const gt = fixedOperator(
  '$gt',
  2,
  ([left, right], order) =>
    (context) =>
      booleanValue(compareAll(order, left!(context), right!(context)) > 0),
)
