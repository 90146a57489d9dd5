import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { int32Value } from '../../../bson/value.ts'
import { fixedOperator } from '../operator.ts'
import { shownType } from '../shown-type.ts'
import { codePointCount } from './code-points.ts'
import { textEnd, textStart } from './string-result.ts'

/** `{$strLenBytes: string}`. Errors: 34473 for what is no string. */
export const strLenBytes = fixedOperator('$strLenBytes', 1, ([operand]) => (context) => {
  const value = operand!(context)
  if (value.type !== bsonType.string) {
    throw new DatabaseError(34473, `$strLenBytes requires a string argument, found: ${shownType(value)}`)
  }
  return int32Value(textEnd(value) - textStart(value))
})

/** `{$strLenCP: string}`: in code points. Errors: 34471 for what is no string. */
export const strLenCodePoints = fixedOperator('$strLenCP', 1, ([operand]) => (context) => {
  const value = operand!(context)
  if (value.type !== bsonType.string) {
    throw new DatabaseError(34471, `$strLenCP requires a string argument, found: ${shownType(value)}`)
  }
  return int32Value(codePointCount(value.bytes, textStart(value), textEnd(value)))
})
