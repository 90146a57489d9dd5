import { compareBytes } from '../../../bson/bytes.ts'
import { utf8Bytes } from '../../../bson/utf8.ts'
import { int32Value } from '../../../bson/value.ts'
import { fixedOperator } from '../operator.ts'
import { asciiUpperCase } from './ascii-case.ts'
import { textOf } from './text.ts'

/** `{$strcasecmp: [a, b]}`: -1, 0 or 1, ASCII letters in either case being the same. Errors: 16007. */
export const strcasecmp = fixedOperator('$strcasecmp', 2, ([left, right]) => (context) => {
  const a = utf8Bytes(asciiUpperCase(textOf(left!(context))))
  const b = utf8Bytes(asciiUpperCase(textOf(right!(context))))
  return int32Value(Math.sign(compareBytes(a, 0, a.length, b, 0, b.length)))
})
