import { stringValue } from '../../../bson/value.ts'
import { fixedOperator, type Operator } from '../operator.ts'
import { asciiLowerCase, asciiUpperCase } from './ascii-case.ts'
import { textOf } from './text.ts'

/** `{$toLower: text}`: changes the ASCII letters only; '' for null and missing. Errors: 16007. */
export const toLower = caseOperator('$toLower', asciiLowerCase)
/** `{$toUpper: text}`: as `$toLower`. */
export const toUpper = caseOperator('$toUpper', asciiUpperCase)

function caseOperator(name: string, change: (text: string) => string): Operator {
  return fixedOperator(
    name,
    1,
    ([operand]) =>
      (context) =>
        stringValue(change(textOf(operand!(context)))),
  )
}
