import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { nullValue } from '../../../bson/value.ts'
import { ArrayResult } from '../../array-result.ts'
import { isNullish } from '../../expression.ts'
import { elementsOf } from '../accumulator/gathering.ts'
import { fixedOperator } from '../operator.ts'
import { shownType } from '../shown-type.ts'

/** `{$reverseArray: array}`. Errors: 34435 for what is no array. */
export const reverseArray = fixedOperator('$reverseArray', 1, ([operand]) => {
  const result = new ArrayResult()
  return (context) => {
    const array = operand!(context)
    if (isNullish(array)) return nullValue
    if (array.type !== bsonType.array) {
      throw new DatabaseError(
        34435,
        `The argument to $reverseArray must be an array, but was of type: ${shownType(array)}`,
      )
    }
    const elements = elementsOf(array)
    result.reset()
    for (let i = elements.length - 1; i >= 0; i--) result.add(elements[i]!)
    return result.value(context)
  }
})
