import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { nullValue } from '../../../bson/value.ts'
import { ElementWalker } from '../../../bson/walk.ts'
import { isNullish, missing } from '../../expression.ts'
import { fixedOperator } from '../operator.ts'
import { shownType } from '../shown-type.ts'

/** `{$first: array}`: the first element; missing of an empty array. Errors: 28689 for what is no array. */
export const first = fixedOperator('$first', 1, ([operand]) => (context) => {
  const array = operand!(context)
  if (isNullish(array)) return nullValue
  if (array.type !== bsonType.array) {
    throw new DatabaseError(28689, `$first's argument must be an array, but is ${shownType(array)}`)
  }
  const walker = new ElementWalker().reset(array.bytes, array.start)
  return walker.next() ? walker.value() : missing
})
