import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { nullValue } from '../../../bson/value.ts'
import { ArrayResult } from '../../array-result.ts'
import { isNullish } from '../../expression.ts'
import { variadicOperator } from '../operator.ts'
import { shownType } from '../shown-type.ts'

/** `{$concatArrays: [array, ...]}`: null when one is null or missing. Errors: 28664 for what is no array. */
export const concatArrays = variadicOperator('$concatArrays', (operands) => {
  const result = new ArrayResult()
  return (context) => {
    result.reset()
    for (const operand of operands) {
      const array = operand(context)
      if (isNullish(array)) return nullValue
      if (array.type !== bsonType.array) {
        throw new DatabaseError(28664, `$concatArrays only supports arrays, not ${shownType(array)}`)
      }
      result.addAll(array)
    }
    return result.value(context)
  }
})
