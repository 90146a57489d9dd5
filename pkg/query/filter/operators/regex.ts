/** `$regex` with `$options`, and regular expressions where a value could stand. */
import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { readUtf8 } from '../../../bson/utf8.ts'
import { getField, readInt32, readString, type Value } from '../../../bson/value.ts'
import { compileRegex, type Regex, RegexSyntaxError, unfitOption } from '../../../regex/regex.ts'
import type { Path } from '../../path.ts'
import type { PathOperator, ValueTest } from '../operator.ts'
import type { RegexFilter } from '../tree.ts'

export const regexOperator: PathOperator = {
  name: '$regex',
  parse(path, operand, _context, siblings) {
    const given = getField(siblings.bytes, '$options', siblings.start)
    const options = given && optionsText(given)
    if (operand.type === bsonType.string) {
      return regexFilter(path, readString(operand.bytes, operand.start), options ?? '')
    }
    if (operand.type !== bsonType.regex) throw new DatabaseError('BadValue', '$regex has to be a string')
    const [pattern, flags] = regexParts(operand)
    if (flags === '') return regexFilter(path, pattern, options ?? '')
    if (given !== undefined) {
      if (given.start > operand.start) throw new DatabaseError(51075, 'options set in both $regex and $options')
      if (options !== '') throw new DatabaseError(51074, 'options set in both $regex and $options')
    }
    return regexFilter(path, pattern, flags)
  },
}

/** Says what `$regex` beside it means; nothing by itself. */
export const optionsOperator: PathOperator = {
  name: '$options',
  parse(_path, operand, _context, siblings) {
    if (getField(siblings.bytes, '$regex', siblings.start) === undefined) {
      throw new DatabaseError('BadValue', '$options needs a $regex')
    }
    optionsText(operand)
    return { kind: 'and', filters: [] }
  },
}

function optionsText(value: Value): string {
  if (value.type !== bsonType.string) throw new DatabaseError('BadValue', '$options has to be a string')
  return readString(value.bytes, value.start)
}

/** What `{path: /pattern/options}` means. */
export function regexValueFilter(path: Path, value: Value): RegexFilter {
  const [pattern, options] = regexParts(value)
  return regexFilter(path, pattern, options)
}

function regexParts({ bytes, start }: Value): [pattern: string, options: string] {
  const patternEnd = bytes.indexOf(0, start)
  return [readUtf8(bytes, start, patternEnd), readUtf8(bytes, patternEnd + 1, bytes.indexOf(0, patternEnd + 1))]
}

function regexFilter(path: Path, pattern: string, options: string): RegexFilter {
  return { kind: 'regex', path, pattern, options, regex: parseRegexPattern(pattern, options) }
}

/** Throws BadValue (a NUL), 51108 (an unknown option), 51091 (a pattern that is none). */
export function parseRegexPattern(pattern: string, options: string): Regex {
  if (pattern.includes('\0')) {
    throw new DatabaseError('BadValue', 'Regular expression cannot contain an embedded null byte')
  }
  if (options.includes('\0')) {
    throw new DatabaseError('BadValue', 'Regular expression options string cannot contain an embedded null byte')
  }
  const unfit = unfitOption(options)
  if (unfit !== undefined) throw new DatabaseError(51108, `invalid flag in regex options: ${unfit}`)
  try {
    return compileRegex(pattern, options)
  } catch (error) {
    if (!(error instanceof RegexSyntaxError)) throw error
    throw new DatabaseError(51091, `Regular expression is invalid: ${error.message} (at offset ${error.offset})`)
  }
}

/** A string that matches, or the same regular expression. */
export function regexTest({ regex, pattern, options }: RegexFilter): ValueTest {
  const flags = sorted(options)
  return (type, bytes, start) => {
    if (type === bsonType.string || type === bsonType.symbol) {
      return regex.testUtf8(bytes, start + 4, start + 3 + readInt32(bytes, start))
    }
    if (type !== bsonType.regex) return false
    const [otherPattern, otherOptions] = regexParts({ type, bytes, start, end: start })
    return otherPattern === pattern && sorted(otherOptions) === flags
  }
}

function sorted(options: string): string {
  return [...options].sort().join('')
}
