import { booleanValue } from '../../../bson/value.ts'
import { fixedOperator } from '../operator.ts'
import { compareAll } from './compare.ts'

/** `{$lt: [a, b]}`: whether a is less than b in the order over all types. */
export const lt = fixedOperator(
  '$lt',
  2,
  ([left, right], order) =>
    (context) =>
      booleanValue(compareAll(order, left!(context), right!(context)) < 0),
)
