import { stringValue } from '../../../bson/value.ts'
import { fixedOperator } from '../operator.ts'
import { textOf } from './text.ts'

/** `{$toUpper: text}`: changes the ASCII letters only; '' for null and missing. */
export const toUpper = fixedOperator(
  '$toUpper',
  1,
  ([operand]) =>
    (context) =>
      stringValue(textOf(operand!(context)).replace(/[a-z]+/g, (letters) => letters.toUpperCase())),
)
