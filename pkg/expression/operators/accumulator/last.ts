import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { nullValue } from '../../../bson/value.ts'
import { isNullish, missing } from '../../expression.ts'
import { fixedOperator } from '../operator.ts'
import { shownType } from '../shown-type.ts'
import { elementsOf } from './gathering.ts'

/** `{$last: array}`: the last element; missing of an empty array. Errors: 28689 for what is no array. */
export const last = fixedOperator('$last', 1, ([operand]) => (context) => {
  const array = operand!(context)
  if (isNullish(array)) return nullValue
  if (array.type !== bsonType.array) {
    throw new DatabaseError(28689, `$last's argument must be an array, but is ${shownType(array)}`)
  }
  return elementsOf(array).at(-1) ?? missing
})
