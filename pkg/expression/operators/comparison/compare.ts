import type { Value } from '../../../bson/value.ts'
import type { ValueOrder } from '../../../bson/value-order.ts'
import { missing } from '../../expression.ts'

/** As the order has it, over missing too: it is less than every value but MinKey. */
export function compareAll({ compare }: ValueOrder, a: Value, b: Value): number {
  if (a === missing || b === missing) {
    if (a === b) return 0
    const other = a === missing ? b : a
    const missingIsGreater = other.type === minKey
    return (a === missing) === missingIsGreater ? 1 : -1
  }
  return compare(a, b)
}

const minKey = 255
