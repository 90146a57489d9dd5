import { int32Value } from '../../../bson/value.ts'
import { fixedOperator } from '../operator.ts'
import { compareAll } from './compare.ts'

const less = int32Value(-1)
const same = int32Value(0)
const greater = int32Value(1)

/** `{$cmp: [a, b]}`: -1, 0 or 1 by the order over all types. */
export const cmp = fixedOperator('$cmp', 2, ([left, right], order) => (context) => {
  const outcome = compareAll(order, left!(context), right!(context))
  return outcome < 0 ? less : outcome > 0 ? greater : same
})
