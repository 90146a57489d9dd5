import { booleanValue } from '../../../bson/value.ts'
import { ElementWalker } from '../../../bson/walk.ts'
import { fixedOperator } from '../operator.ts'
import { requireArray } from './array-operand.ts'
import { setOf } from './set-of.ts'

/** `{$setIsSubset: [a, b]}`: whether b has all elements of a. Errors: 17046 and 17042 for what is no array. */
export const setIsSubset = fixedOperator('$setIsSubset', 2, ([left, right], order) => {
  const walker = new ElementWalker()
  return (context) => {
    const a = left!(context)
    const b = right!(context)
    requireArray(a, 17046, 'both operands of $setIsSubset must be arrays. First')
    requireArray(b, 17042, 'both operands of $setIsSubset must be arrays. Second')
    const set = setOf(context, b, order)
    walker.reset(a.bytes, a.start)
    while (walker.next()) if (!set.has(context, walker.type, a.bytes, walker.valueStart)) return booleanValue(false)
    return booleanValue(true)
  }
})
