import { nullValue } from '../../../bson/value.ts'
import { ElementWalker } from '../../../bson/walk.ts'
import { ArrayResult } from '../../array-result.ts'
import { isNullish } from '../../expression.ts'
import { fixedOperator } from '../operator.ts'
import { requireArray } from './array-operand.ts'
import { setOf } from './set-of.ts'

/**
 * `{$setDifference: [a, b]}`: the elements of a that b has not, once each; null when one is null or missing.
 * Errors: 17048 and 17049 for what is no array.
 */
export const setDifference = fixedOperator('$setDifference', 2, ([left, right], order) => {
  const result = new ArrayResult()
  const walker = new ElementWalker()
  return (context) => {
    const a = left!(context)
    const b = right!(context)
    if (isNullish(a) || isNullish(b)) return nullValue
    requireArray(a, 17048, 'both operands of $setDifference must be arrays. First')
    requireArray(b, 17049, 'both operands of $setDifference must be arrays. Second')
    // What has been given joins b, so that it is not given twice.
    const unwanted = setOf(context, b, order)
    result.reset()
    walker.reset(a.bytes, a.start)
    while (walker.next()) if (unwanted.add(context, walker.type, a.bytes, walker.valueStart)) result.addElement(walker)
    return result.value(context)
  }
})
