import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { documentFields, nullValue, truthy, type Value } from '../../../bson/value.ts'
import { indexName } from '../../../bson/writer.ts'
import { ArrayResult } from '../../array-result.ts'
import { type Evaluate, isNullish, missing } from '../../expression.ts'
import { refuseOversize } from '../../memory-limit.ts'
import { elementsOf } from '../accumulator/gathering.ts'
import { namedArguments } from '../named-arguments.ts'
import type { Operator } from '../operator.ts'
import { shownType } from '../shown-type.ts'

/**
 * `{$zip: {inputs: [array, ...], useLongestLength: boolean, defaults: [a, ...]}}`: an array of the first elements, one of the
 * second ones and so on, as far as the shortest reaches or the longest, whose default, or null, stands for what the
 * others lack. Errors: 34460..34468.
 */
export const zip: Operator = {
  name: '$zip',
  parse(operand, scope, parse) {
    const given = namedArguments('$zip', operand, ['inputs', 'defaults', 'useLongestLength'], {
      notDocument: 34460,
      unknown: 34464,
    })
    const inputs = listOf(given.get('inputs'), 'inputs', 34461)
    const defaults = listOf(given.get('defaults'), 'defaults', 34462)
    const longest = given.get('useLongestLength')
    if (longest !== undefined && longest.type !== bsonType.boolean) {
      throw new DatabaseError(34463, `useLongestLength must be a bool, found ${shownType(longest)}`)
    }
    if (inputs.length === 0) throw new DatabaseError(34465, '$zip requires at least one input array')
    const toLongest = longest !== undefined && truthy(longest)
    if (defaults.length > 0 && !toLongest) {
      throw new DatabaseError(34466, 'cannot specify defaults unless useLongestLength is true')
    }
    if (defaults.length > 0 && defaults.length !== inputs.length) {
      throw new DatabaseError(34467, 'defaults and inputs must have the same length')
    }
    return {
      kind: 'operator',
      name: '$zip',
      operands: [...inputs, ...defaults].map((value) => parse(value, scope)),
      foldable: true,
      make: (operands) => zipped(operands.slice(0, inputs.length), operands.slice(inputs.length), toLongest),
    }
  },
}

/** Empty when it was not given. */
function listOf(value: Value | undefined, name: string, code: number): readonly Value[] {
  if (value === undefined) return []
  if (value.type !== bsonType.array) {
    throw new DatabaseError(code, `${name} must be an array of expressions, found ${shownType(value)}`)
  }
  return [...documentFields(value.bytes, value.start)]
}

function zipped(arraysOf: readonly Evaluate[], defaultsOf: readonly Evaluate[], toLongest: boolean): Evaluate {
  const result = new ArrayResult()
  return (context) => {
    const columns: Value[][] = []
    for (const arrayOf of arraysOf) {
      const array = arrayOf(context)
      if (isNullish(array)) return nullValue
      if (array.type !== bsonType.array) {
        throw new DatabaseError(34468, `$zip found a non-array expression in input: ${shownType(array)}`)
      }
      columns.push(elementsOf(array))
    }
    const defaults = columns.map((_, i) => defaultsOf[i]?.(context) ?? nullValue)
    const { writer } = result.reset()
    const rowCount = columns.reduce(
      (count, { length }) => (toLongest ? Math.max(count, length) : Math.min(count, length)),
      columns[0]!.length,
    )
    for (let row = 0; row < rowCount; row++) {
      result.beginArray()
      columns.forEach((column, i) => {
        const value = column[row] ?? defaults[i]!
        refuseOversize(writer.length + value.end - value.start)
        writer.value(indexName(i), value === missing ? nullValue : value)
      })
      writer.end()
    }
    return result.value(context)
  }
}
