import { booleanValue } from '../../bson/value.ts'
import { compareAll } from './compare.ts'
import { fixedOperator } from './operator.ts'

/** `{$ne: [a, b]}`: whether a is not equal to b in the order over all types. */
export const ne = fixedOperator(
  '$ne',
  2,
  ([left, right]) =>
    (context) =>
      booleanValue(compareAll(left!(context), right!(context)) !== 0),
)
