import { compare } from '../../../bson/order.ts'
import type { Value } from '../../../bson/value.ts'
import { missing } from '../../expression.ts'

/** As `compare`, over missing too: it is less than every value but MinKey. */
export function compareAll(a: Value, b: Value): number {
  if (a === missing || b === missing) {
    if (a === b) return 0
    const other = a === missing ? b : a
    const missingIsGreater = other.type === minKey
    return (a === missing) === missingIsGreater ? 1 : -1
  }
  return compare(a, b)
}

const minKey = 255
