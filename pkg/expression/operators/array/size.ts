import { DatabaseError } from '../../../base/errors.ts'
import { writeInt32 } from '../../../bson/little-endian.ts'
import { bsonType } from '../../../bson/type.ts'
import { int32Value } from '../../../bson/value.ts'
import { fixedOperator } from '../operator.ts'
import { shownType } from '../shown-type.ts'
import { elementCount } from './element-count.ts'

/** `{$size: array}`: how many elements. Errors: 17124 for what is no array. */
export const size = fixedOperator('$size', 1, ([operand]) => {
  // A value is valid until the next evaluation only: one serves all.
  const count = int32Value(0)
  return (context) => {
    const value = operand!(context)
    if (value.type !== bsonType.array) {
      throw new DatabaseError(17124, `The argument to $size must be an array, but was of type: ${shownType(value)}`)
    }
    writeInt32(count.bytes, 0, elementCount(value))
    return count
  }
})
