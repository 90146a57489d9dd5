import { nullValue } from '../../../bson/value.ts'
import { ElementWalker } from '../../../bson/walk.ts'
import { ArrayResult } from '../../array-result.ts'
import { ValueSet } from '../../value-set.ts'
import { variadicOperator } from '../operator.ts'
import { arraysOf } from './array-operand.ts'
import { commuting } from './commuting.ts'
import { setOf } from './set-of.ts'

/**
 * `{$setIntersection: [array, ...]}`: the elements that all have, once each, in the first one's order; null when one is
 * null or missing. Errors: 17047 for what is no array.
 */
export const setIntersection = commuting(
  variadicOperator('$setIntersection', (operands, order) => {
    const result = new ArrayResult()
    const walker = new ElementWalker()
    const seen = new ValueSet(order)
    return (context) => {
      const arrays = arraysOf(operands, context, 17047, 'All operands of $setIntersection must be arrays. One')
      if (arrays === undefined) return nullValue
      result.reset()
      seen.clear()
      const [first, ...others] = arrays
      if (first === undefined) return result.value(context)
      const sets = others.map((other) => setOf(context, other, order))
      walker.reset(first.bytes, first.start)
      while (walker.next()) {
        const { type, valueStart } = walker
        if (
          sets.every((set) => set.has(context, type, first.bytes, valueStart)) &&
          seen.add(context, type, first.bytes, valueStart)
        ) {
          result.addElement(walker)
        }
      }
      return result.value(context)
    }
  }),
)
