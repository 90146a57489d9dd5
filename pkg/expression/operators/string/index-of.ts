import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { int32Value, nullValue, type Value } from '../../../bson/value.ts'
import type { EvaluationContext } from '../../context.ts'
import { type Evaluate, isNullish } from '../../expression.ts'
import { int32Of } from '../int32.ts'
import { type Operator, rangedOperator } from '../operator.ts'
import { shownType } from '../shown-type.ts'
import { ByteSearch } from './byte-search.ts'
import { codePointCount, skipCodePoints } from './code-points.ts'
import { textEnd, textStart } from './string-result.ts'

/**
 * `{$indexOfBytes: [string, part, start?, end?]}`: the byte at which the part comes first, within start and end, or -1.
 * Errors: 40091 and 40092 for what is no string, 40096 and 40097 for bounds that are no int32 or negative.
 */
export const indexOfBytes = indexOperator('$indexOfBytes', 40091, 40092, (search, text, bounds) => {
  const start = textStart(text)
  const size = textEnd(text) - start
  const end = Math.min(size, bounds.end)
  if (bounds.start > size || end < bounds.start) return -1
  const at = search.find(text.bytes, start + bounds.start, start + end)
  return at < 0 ? -1 : at - start
})

/**
 * `{$indexOfCP: [string, part, start?, end?]}`: as `$indexOfBytes`, but by code points, and the part need only begin before the
 * end. Errors: 40093, 40094, 40096, 40097.
 */
export const indexOfCodePoint = indexOperator('$indexOfCP', 40093, 40094, (search, text, bounds, partSize) => {
  const { bytes } = text
  const start = textStart(text)
  const stop = textEnd(text)
  if (start === stop && partSize === 0) return 0
  const from = skipCodePoints(bytes, start, stop, bounds.start)
  const until = skipCodePoints(bytes, start, stop, bounds.end)
  if (from >= until) return -1
  const at = search.find(bytes, from, stop)
  return at < 0 || at >= until ? -1 : bounds.start + codePointCount(bytes, from, at)
})

interface Bounds {
  readonly start: number
  readonly end: number
}

type Find = (search: ByteSearch, text: Value, bounds: Bounds, partSize: number) => number

function indexOperator(name: string, textCode: number, partCode: number, find: Find): Operator {
  return rangedOperator(name, 2, 4, ([textOf, partOf, startOf, endOf]) => {
    const search = new ByteSearch()
    return (context) => {
      const text = textOf!(context)
      if (isNullish(text)) return nullValue
      if (text.type !== bsonType.string) {
        throw new DatabaseError(textCode, `${name} requires a string as the first argument, found: ${shownType(text)}`)
      }
      const part = partOf!(context)
      if (part.type !== bsonType.string) {
        throw new DatabaseError(partCode, `${name} requires a string as the second argument, found: ${shownType(part)}`)
      }
      const start = startOf === undefined ? 0 : bound(name, 'starting', startOf, context)
      const end = endOf === undefined ? Number.POSITIVE_INFINITY : bound(name, 'ending', endOf, context)
      search.lookFor(part.bytes, textStart(part), textEnd(part))
      return int32Value(find(search, text, { start, end }, textEnd(part) - textStart(part)))
    }
  })
}

function bound(name: string, which: string, boundOf: Evaluate, context: EvaluationContext): number {
  const value = boundOf(context)
  const index = int32Of(value)
  if (index === undefined) {
    throw new DatabaseError(
      40096,
      `${name} requires an integral ${which} index, found a value of type: ${shownType(value)}`,
    )
  }
  if (index < 0) throw new DatabaseError(40097, `${name} requires a nonnegative ${which} index, found: ${index}`)
  return index
}
