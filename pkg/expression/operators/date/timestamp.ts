/** `$tsSecond` and `$tsIncrement`. Errors: 5687301 and 5687302 for what is no timestamp. */
import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { int64Value, nullValue, readUint32 } from '../../../bson/value.ts'
import { isNullish } from '../../expression.ts'
import { fixedOperator, type Operator } from '../operator.ts'
import { shownType } from '../shown-type.ts'

/** `at`: where the half lies that is wanted. */
function halfOperator(name: string, at: number, code: number): Operator {
  return fixedOperator(name, 1, ([operand]) => (context) => {
    const value = operand!(context)
    if (isNullish(value)) return nullValue
    if (value.type !== bsonType.timestamp) {
      throw new DatabaseError(code, `Argument to ${name} must be a timestamp, but is ${shownType(value)}`)
    }
    return int64Value(readUint32(value.bytes, value.start + at))
  })
}

export const tsSecond = halfOperator('$tsSecond', 4, 5687301)
export const tsIncrement = halfOperator('$tsIncrement', 0, 5687302)
