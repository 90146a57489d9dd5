import { nullValue } from '../../../bson/value.ts'
import { ElementWalker } from '../../../bson/walk.ts'
import { ArrayResult } from '../../array-result.ts'
import { ValueSet } from '../../value-set.ts'
import { variadicOperator } from '../operator.ts'
import { arraysOf } from './array-operand.ts'
import { commuting } from './commuting.ts'

/**
 * `{$setUnion: [array, ...]}`: each different element once, in the order they come first, those of
 * constants last; null when one is null or missing.
 * Errors: 17043 for what is no array.
 */
export const setUnion = commuting(
  variadicOperator('$setUnion', (operands, order) => {
    const result = new ArrayResult()
    const walker = new ElementWalker()
    const seen = new ValueSet(order)
    return (context) => {
      const arrays = arraysOf(operands, context, 17043, 'All operands of $setUnion must be arrays. One')
      if (arrays === undefined) return nullValue
      result.reset()
      seen.clear()
      for (const array of arrays) {
        walker.reset(array.bytes, array.start)
        while (walker.next())
          if (seen.add(context, walker.type, array.bytes, walker.valueStart)) result.addElement(walker)
      }
      return result.value(context)
    }
  }),
)
