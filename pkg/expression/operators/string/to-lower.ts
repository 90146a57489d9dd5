import { stringValue } from '../../../bson/value.ts'
import { fixedOperator } from '../operator.ts'
import { textOf } from './text.ts'

/** `{$toLower: text}`: changes the ASCII letters only; '' for null and missing. */
export const toLower = fixedOperator(
  '$toLower',
  1,
  ([operand]) =>
    (context) =>
      stringValue(textOf(operand!(context)).replace(/[A-Z]+/g, (letters) => letters.toLowerCase())),
)
