import { bsonType } from '../../../bson/type.ts'
import { stringValue } from '../../../bson/value.ts'
import { fixedOperator, type Operator } from '../operator.ts'
import { asciiLowerCase, asciiUpperCase } from './ascii-case.ts'
import { stringOfBytes, textEnd, textStart } from './string-result.ts'
import { textOf } from './text.ts'

/** `{$toLower: text}`: changes the ASCII letters only; '' for null and missing. Errors: 16007. */
export const toLower = caseOperator('$toLower', asciiLowerCase)
/** `{$toUpper: text}`: as `$toLower`. */
export const toUpper = caseOperator('$toUpper', asciiUpperCase)

function caseOperator(name: string, change: (bytes: Uint8Array, start: number, end: number) => void): Operator {
  return fixedOperator(name, 1, ([operand]) => (context) => {
    const given = operand!(context)
    const text =
      given.type === bsonType.string
        ? stringOfBytes(given.bytes, textStart(given), textEnd(given))
        : stringValue(textOf(given))
    change(text.bytes, textStart(text), textEnd(text))
    return text
  })
}
