import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { nullValue, type Value } from '../../../bson/value.ts'
import { type Evaluate, isNullish } from '../../expression.ts'
import { namedArguments } from '../named-arguments.ts'
import type { Operator } from '../operator.ts'
import { shownType } from '../shown-type.ts'
import { ByteSearch } from './byte-search.ts'
import { skipCodePoints } from './code-points.ts'
import { StringResult, textEnd, textStart } from './string-result.ts'

/**
 * `{$replaceOne: {input: string, find: string, replacement: string}}`: with the first `find` replaced; null when one is null
 * or missing. Errors: 51747..51751 for the arguments, 10503901, 10503902 and 10503904 for what is no string, 16493 beyond 16 MB.
 */
export const replaceOne = replaceOperator('$replaceOne', false)
/** `{$replaceAll: ...}`: as `$replaceOne`, every `find`; an empty one is found before each character and at the end. */
export const replaceAll = replaceOperator('$replaceAll', true)

function replaceOperator(name: string, all: boolean): Operator {
  return {
    name,
    parse(operand, scope, parse) {
      const given = namedArguments(name, operand, ['input', 'find', 'replacement'], {
        notDocument: 51751,
        unknown: 51750,
      })
      const input = given.required('input', 51749)
      const find = given.required('find', 51748)
      const replacement = given.required('replacement', 51747)
      return {
        kind: 'operator',
        name,
        operands: [parse(input, scope), parse(find, scope), parse(replacement, scope)],
        foldable: true,
        make: ([inputOf, findOf, replacementOf]) => replacing(name, inputOf!, findOf!, replacementOf!, all),
      }
    },
  }
}

function replacing(name: string, inputOf: Evaluate, findOf: Evaluate, replacementOf: Evaluate, all: boolean): Evaluate {
  const search = new ByteSearch()
  const result = new StringResult()
  return (context) => {
    const input = inputOf(context)
    const find = findOf(context)
    const replacement = replacementOf(context)
    refuseUnlessString(name, 'input', input, 10503904)
    refuseUnlessString(name, 'find', find, 10503901)
    refuseUnlessString(name, 'replacement', replacement, 10503902)
    if (isNullish(input) || isNullish(find) || isNullish(replacement)) return nullValue
    const { bytes } = input
    const isEmpty = textStart(find) === textEnd(find)
    const end = textEnd(input)
    let done = textStart(input)
    search.lookFor(find.bytes, textStart(find), textEnd(find))
    result.reset()
    do {
      const found = search.find(bytes, done, end)
      if (found < 0) break
      result.append(bytes, done, found)
      result.append(replacement.bytes, textStart(replacement), textEnd(replacement))
      done = found + textEnd(find) - textStart(find)
      if (!isEmpty || !all) continue
      if (done === end) break
      const next = skipCodePoints(bytes, done, end, 1)
      result.append(bytes, done, next)
      done = next
    } while (all)
    result.append(bytes, done, end)
    return result.value(context)
  }
}

/** Null and missing may stand for any of them. */
function refuseUnlessString(name: string, which: string, value: Value, code: number): void {
  if (value.type === bsonType.string || isNullish(value)) return
  throw new DatabaseError(code, `${name} requires that '${which}' be a string, found: ${shownType(value)}`)
}
