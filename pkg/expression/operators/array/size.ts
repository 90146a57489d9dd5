import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { int32Value } from '../../../bson/value.ts'
import { ElementWalker } from '../../../bson/walk.ts'
import { fixedOperator } from '../operator.ts'
import { shownType } from '../shown-type.ts'

/** `{$size: array}`: how many elements. Errors: 17124 for what is no array. */
export const size = fixedOperator('$size', 1, ([operand]) => (context) => {
  const value = operand!(context)
  if (value.type !== bsonType.array) {
    throw new DatabaseError(17124, `The argument to $size must be an array, but was of type: ${shownType(value)}`)
  }
  const walker = new ElementWalker().reset(value.bytes, value.start)
  let count = 0
  while (walker.next()) count++
  return int32Value(count)
})
