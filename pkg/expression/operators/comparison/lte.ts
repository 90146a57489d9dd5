import { booleanValue } from '../../../bson/value.ts'
import { fixedOperator } from '../operator.ts'
import { compareAll } from './compare.ts'

/** `{$lte: [a, b]}`: whether a is less or equal to b in the order over all types. */
export const lte = fixedOperator(
  '$lte',
  2,
  ([left, right], order) =>
    (context) =>
      booleanValue(compareAll(order, left!(context), right!(context)) <= 0),
)
