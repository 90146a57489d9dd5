/** `minLength maxLength pattern`: about strings; lengths count code points. */
import { bsonType } from '../../../bson/type.ts'
import { readInt32 } from '../../../bson/value.ts'
import { parseRegexPattern } from '../../filter/operators/regex.ts'
import { countOperand, stringOperand } from '../operands.ts'
import { type Keyword, specified } from '../schema.ts'

export const stringKeywords: readonly Keyword[] = [
  length('minLength', (found, wanted) => found >= wanted),
  length('maxLength', (found, wanted) => found <= wanted),
  {
    name: 'pattern',
    parse: (operand) => {
      const regex = parseRegexPattern(stringOperand('pattern', operand), '')
      return {
        test: (type, bytes, start) =>
          type !== bsonType.string || regex.testUtf8(bytes, start + 4, start + 3 + readInt32(bytes, start)),
        explain: (value) => ({
          ...specified('pattern', operand),
          reason: 'regular expression did not match',
          consideredValue: value,
        }),
      }
    },
  },
]

function length(name: string, holds: (found: number, wanted: number) => boolean): Keyword {
  return {
    name,
    parse: (operand) => {
      const wanted = countOperand(name, operand)
      return {
        test: (type, bytes, start) => type !== bsonType.string || holds(codePoints(bytes, start), wanted),
        explain: (value) => ({
          ...specified(name, operand),
          reason: 'specified string length was not satisfied',
          consideredValue: value,
        }),
      }
    },
  }
}

function codePoints(bytes: Uint8Array, start: number): number {
  const end = start + 3 + readInt32(bytes, start)
  let count = 0
  for (let at = start + 4; at < end; at++) if ((bytes[at]! & 0xc0) !== 0x80) count++
  return count
}
