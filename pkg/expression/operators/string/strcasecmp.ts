import { compareBytes } from '../../../bson/bytes.ts'
import { utf8Bytes } from '../../../bson/utf8.ts'
import { int32Value, type Value } from '../../../bson/value.ts'
import { fixedOperator } from '../operator.ts'
import { asciiUpperCase } from './ascii-case.ts'
import { textOf } from './text.ts'

/** `{$strcasecmp: [a, b]}`: -1, 0 or 1, ASCII letters in either case being the same. Errors: 16007. */
export const strcasecmp = fixedOperator('$strcasecmp', 2, ([left, right]) => (context) => {
  const a = upperCase(left!(context))
  const b = upperCase(right!(context))
  return int32Value(Math.sign(compareBytes(a, 0, a.length, b, 0, b.length)))
})

function upperCase(value: Value): Uint8Array {
  const bytes = utf8Bytes(textOf(value))
  asciiUpperCase(bytes, 0, bytes.length)
  return bytes
}
