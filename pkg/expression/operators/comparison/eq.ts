import { booleanValue } from '../../../bson/value.ts'
import { fixedOperator } from '../operator.ts'
import { compareAll } from './compare.ts'

/** `{$eq: [a, b]}`: whether a is equal to b in the order over all types. */
export const eq = fixedOperator(
  '$eq',
  2,
  ([left, right], order) =>
    (context) =>
      booleanValue(compareAll(order, left!(context), right!(context)) === 0),
)
