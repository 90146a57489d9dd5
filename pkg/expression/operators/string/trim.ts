import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { nullValue, readString, stringValue } from '../../../bson/value.ts'
import { isNullish } from '../../expression.ts'
import { namedArguments } from '../named-arguments.ts'
import type { Operator } from '../operator.ts'
import { shownType } from '../shown-type.ts'

/** What is trimmed when nothing else is asked for. */
const whiteSpace = new Set(
  '\0\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a',
)

/** `{$trim: {input: string, chars: string}}`: without the characters of `chars` at both ends. Errors: 50694..50696, 50699, 50700. */
export const trim = trimOperator('$trim', true, true)
/** `{$ltrim: {input: string, chars: string}}`: as `$trim`, at the beginning only. */
export const trimStart = trimOperator('$ltrim', true, false)
/** `{$rtrim: {input: string, chars: string}}`: as `$trim`, at the end only. */
export const trimEnd = trimOperator('$rtrim', false, true)

function trimOperator(name: string, atStart: boolean, atEnd: boolean): Operator {
  return {
    name,
    parse(operand, scope, parse) {
      const given = namedArguments(name, operand, ['input', 'chars'], { notDocument: 50696, unknown: 50694 })
      const operands = [parse(given.required('input', 50695), scope)]
      const chars = given.get('chars')
      if (chars !== undefined) operands.push(parse(chars, scope))
      return {
        kind: 'operator',
        name,
        operands,
        foldable: true,
        make:
          ([inputOf, charsOf]) =>
          (context) => {
            const input = inputOf!(context)
            if (isNullish(input)) return nullValue
            if (input.type !== bsonType.string) {
              throw new DatabaseError(
                50699,
                `${name} requires its input to be a string, got ${shownType(input)} instead.`,
              )
            }
            let unwanted: ReadonlySet<string> = whiteSpace
            if (charsOf !== undefined) {
              const given = charsOf(context)
              if (isNullish(given)) return nullValue
              if (given.type !== bsonType.string) {
                throw new DatabaseError(
                  50700,
                  `${name} requires 'chars' to be a string, got ${shownType(given)} instead.`,
                )
              }
              unwanted = new Set(readString(given.bytes, given.start))
            }
            return stringValue(trimmed(readString(input.bytes, input.start), unwanted, atStart, atEnd))
          },
      }
    },
  }
}

function trimmed(text: string, unwanted: ReadonlySet<string>, atStart: boolean, atEnd: boolean): string {
  let start = 0
  let end = text.length
  while (atStart && start < end) {
    const character = String.fromCodePoint(text.codePointAt(start)!)
    if (!unwanted.has(character)) break
    start += character.length
  }
  while (atEnd && start < end) {
    const width = end - start > 1 && isLowSurrogate(text.charCodeAt(end - 1)) ? 2 : 1
    if (!unwanted.has(text.slice(end - width, end))) break
    end -= width
  }
  return text.slice(start, end)
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff
}
