import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { nullValue } from '../../../bson/value.ts'
import { ArrayResult } from '../../array-result.ts'
import { isNullish } from '../../expression.ts'
import { fixedOperator } from '../operator.ts'
import { shownType } from '../shown-type.ts'
import { ByteSearch } from './byte-search.ts'
import { textEnd, textStart } from './string-result.ts'

/**
 * `{$split: [string, delimiter]}`: the parts between delimiters; null when one is null or missing.
 * Errors: 40085 and 10503900 for what is no string, 40087 for an empty delimiter.
 */
export const split = fixedOperator('$split', 2, ([textOf, delimiterOf]) => {
  const search = new ByteSearch()
  const result = new ArrayResult()
  return (context) => {
    const text = textOf!(context)
    const delimiter = delimiterOf!(context)
    if (isNullish(text) || isNullish(delimiter)) return nullValue
    if (text.type !== bsonType.string) {
      throw new DatabaseError(
        40085,
        `$split requires an expression that evaluates to a string as a first argument, found: ${shownType(text)}`,
      )
    }
    if (delimiter.type !== bsonType.string) {
      throw new DatabaseError(
        10503900,
        `$split requires an expression that evaluates to a string as a second argument, found: ${shownType(delimiter)}`,
      )
    }
    const width = textEnd(delimiter) - textStart(delimiter)
    if (width === 0) throw new DatabaseError(40087, '$split requires a non-empty separator')
    search.lookFor(delimiter.bytes, textStart(delimiter), textEnd(delimiter))
    const end = textEnd(text)
    result.reset()
    for (let start = textStart(text); ; ) {
      const found = search.find(text.bytes, start, end)
      result.addText(text.bytes, start, found < 0 ? end : found)
      if (found < 0) return result.value(context)
      start = found + width
    }
  }
})
