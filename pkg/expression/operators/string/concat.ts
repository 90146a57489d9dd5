import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { nullValue, readString, stringValue } from '../../../bson/value.ts'
import { isNullish } from '../../expression.ts'
import { variadicOperator } from '../operator.ts'
import { shownType } from '../shown-type.ts'

/** `{$concat: [string, ...]}`: null when one is null or missing. Errors: 16702 for what is no string. */
export const concat = variadicOperator('$concat', (operands) => (context) => {
  let text = ''
  for (const operand of operands) {
    const value = operand(context)
    if (isNullish(value)) return nullValue
    if (value.type !== bsonType.string) {
      throw new DatabaseError(16702, `$concat only supports strings, not ${shownType(value)}`)
    }
    text += readString(value.bytes, value.start)
  }
  return stringValue(text)
})
