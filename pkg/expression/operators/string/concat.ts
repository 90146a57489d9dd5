import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { nullValue } from '../../../bson/value.ts'
import { isNullish } from '../../expression.ts'
import { variadicOperator } from '../operator.ts'
import { shownType } from '../shown-type.ts'
import { StringResult, textEnd, textStart } from './string-result.ts'

/** `{$concat: [string, ...]}`: null when one is null or missing. Errors: 16702 for what is no string, 16493 beyond 16 MB. */
export const concat = variadicOperator('$concat', (operands) => {
  const result = new StringResult()
  return (context) => {
    result.reset()
    for (const operand of operands) {
      const value = operand(context)
      if (isNullish(value)) return nullValue
      if (value.type !== bsonType.string) {
        throw new DatabaseError(16702, `$concat only supports strings, not ${shownType(value)}`)
      }
      result.append(value.bytes, textStart(value), textEnd(value))
    }
    return result.value(context)
  }
})
