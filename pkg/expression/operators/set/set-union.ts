import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { nullValue } from '../../../bson/value.ts'
import { ElementWalker } from '../../../bson/walk.ts'
import { ArrayResult } from '../../array-result.ts'
import { isNullish } from '../../expression.ts'
import { ValueSet } from '../../value-set.ts'
import { variadicOperator } from '../operator.ts'
import { shownType } from '../shown-type.ts'
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
      result.reset()
      seen.clear()
      for (const operand of operands) {
        const array = operand(context)
        if (isNullish(array)) return nullValue
        if (array.type !== bsonType.array) {
          throw new DatabaseError(
            17043,
            `All operands of $setUnion must be arrays. One argument is of type: ${shownType(array)}`,
          )
        }
        walker.reset(array.bytes, array.start)
        while (walker.next()) if (seen.add(walker.type, array.bytes, walker.valueStart)) result.addElement(walker)
      }
      return result.value(context)
    }
  }),
)
