import { bsonType } from '../../../bson/type.ts'
import { booleanValue, nullValue, type Value } from '../../../bson/value.ts'
import { BsonWriter, indexName } from '../../../bson/writer.ts'
import type { Regex, RegexMatch } from '../../../regex/regex.ts'
import { ArrayResult } from '../../array-result.ts'
import type { EvaluationContext } from '../../context.ts'
import { refuseOversize } from '../../memory-limit.ts'
import { resultOf } from '../../result.ts'
import { regexOperator } from './regex-arguments.ts'

/** `{$regexMatch: {input: string, regex: pattern, options: letters}}`: whether there is a match; false of null. */
export const regexMatch = regexOperator(
  '$regexMatch',
  () => (_, regex, input) => booleanValue(regex !== undefined && input !== undefined && regex.test(input)),
)

/** `{$regexFind: ...}`: the first match as `{match, idx: code point, captures}`, or null. */
export const regexFind = regexOperator('$regexFind', () => {
  const writer = new BsonWriter(128)
  return (context, regex, input) => {
    if (regex === undefined || input === undefined) return nullValue
    const match = regex.exec(input)
    if (match === undefined) return nullValue
    writer.reset()
    writer.beginDocument()
    writeMatch(writer, input, match, codePointsBetween(input, 0, match.start))
    writer.end()
    return resultOf(context, bsonType.document, writer)
  }
})

/** `{$regexFindAll: ...}`: all matches that do not overlap, as `$regexFind` gives them. */
export const regexFindAll = regexOperator('$regexFindAll', () => {
  const result = new ArrayResult()
  return (context, regex, input) => {
    result.reset()
    return regex === undefined || input === undefined ? result.value(context) : findAll(context, regex, input, result)
  }
})

function findAll(context: EvaluationContext, regex: Regex, input: string, result: ArrayResult): Value {
  const { writer } = result
  let from = 0
  let counted = 0
  let codePoint = 0
  do {
    const match = regex.exec(input, from)
    if (match === undefined) break
    codePoint += codePointsBetween(input, counted, match.start)
    counted = match.start
    refuseOversize(writer.length)
    result.beginDocument()
    writeMatch(writer, input, match, codePoint)
    writer.end()
    // After an empty match the character there is passed over, or it would be found again.
    from = match.end > match.start ? match.end : match.end + widthAt(input, match.end)
  } while (from < input.length)
  return result.value(context)
}

function writeMatch(writer: BsonWriter, input: string, { start, end, captures }: RegexMatch, codePoint: number): void {
  writer.string('match', input.slice(start, end))
  writer.int32('idx', codePoint)
  writer.beginArray('captures')
  captures.forEach((capture, i) => {
    if (capture === undefined) writer.null(indexName(i))
    else writer.string(indexName(i), capture)
  })
  writer.end()
}

/** UTF-16 units of the character at `at`. */
function widthAt(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1
}

function codePointsBetween(text: string, start: number, end: number): number {
  let count = 0
  for (let at = start; at < end; at += widthAt(text, at)) count++
  return count
}
