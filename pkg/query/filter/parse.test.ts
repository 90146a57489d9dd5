import { describe, expect, test } from 'vitest'
import { DatabaseError } from '../../base/errors.ts'
import { buildDocument } from '../../bson/build.ts'
import { regexValue, undefinedValue } from '../../bson/value.ts'
import { compileFilter } from './compile.ts'
import { parseFilter } from './parse.ts'

function refusal(filter: Record<string, unknown>): string {
  try {
    parseFilter(buildDocument(filter))
  } catch (error) {
    if (error instanceof DatabaseError) return `${error.code} ${error.message}`
    throw error
  }
  return 'accepted'
}

const matches = (filter: Record<string, unknown>, document: Record<string, unknown>) =>
  compileFilter(parseFilter(buildDocument(filter)))(buildDocument(document), 0)

describe('a filter that is wrong', () => {
  const cases: readonly (readonly [Record<string, unknown>, string])[] = [
    [{ $foo: 1 }, '2 unknown top level operator: $foo. '],
    [
      { $not: { a: 1 } },
      '2 unknown top level operator: $not. If you are trying to negate an entire expression, use $nor.',
    ],
    [{ a: { $foo: 1 } }, '2 unknown operator: $foo'],
    [{ a: { $gt: 1, b: 2 } }, '2 unknown operator: b'],
    [{ $and: 1 }, '2 $and must be an array'],
    [{ $or: [] }, '2 $and/$or/$nor must be a nonempty array'],
    [{ $nor: [1] }, '2 $or/$and/$nor entries need to be full objects'],
    [{ a: { $in: 1 } }, '2 $in needs an array'],
    [{ a: { $nin: [{ $gt: 1 }] } }, '2 cannot nest $ under $nin'],
    [{ a: { $not: 1 } }, '2 $not needs a regex or a document'],
    [{ a: { $not: {} } }, '2 $not cannot be empty'],
    [{ a: { $type: 'intt' } }, '2 Unknown type name alias: intt'],
    [{ a: { $type: true } }, '14 type must be represented as a number or a string'],
    [{ a: { $type: [] } }, '9 a must match at least one type'],
    [{ a: { $type: 1.5 } }, '2 Invalid numerical type code: 1.5'],
    [{ a: { $size: -1 } }, '2 Failed to parse $size. Expected a non-negative number'],
    [{ a: { $all: 1 } }, '2 $all needs an array'],
    [{ a: { $all: [1, { $gt: 1 }] } }, '2 no $ expressions in $all'],
    [{ a: { $elemMatch: 1 } }, '2 $elemMatch needs an Object'],
    [{ a: { $mod: [0, 0] } }, '2 divisor cannot be 0'],
    [{ a: { $eq: undefinedValue } }, '2 cannot compare to undefined'],
    [{ a: { $regex: 1 } }, '2 $regex has to be a string'],
    [{ a: { $options: 'i' } }, '2 $options needs a $regex'],
    [{ a: { $regex: 'x', $options: 1 } }, '2 $options has to be a string'],
    [{ a: { $regex: 'x', $options: 'q' } }, '51108 invalid flag in regex options: q'],
    [{ a: { $regex: regexValue('x', 'i'), $options: 's' } }, '51075 options set in both $regex and $options'],
    [{ a: { $options: 's', $regex: regexValue('x', 'i') } }, '51074 options set in both $regex and $options'],
    [{ a: { $regex: 'x\0' } }, '2 Regular expression cannot contain an embedded null byte'],
    [{ a: { $ne: regexValue('x', '') } }, "2 Can't have regex as arg to $ne."],
    [{ $alwaysTrue: 2 }, '9 $alwaysTrue must be an integer value of 1'],
  ]
  for (const [filter, expected] of cases) {
    test(`is refused: ${JSON.stringify(filter)}`, () => expect(refusal(filter)).toContain(expected))
  }

  test('names the operators that are not there yet', () => {
    expect(refusal({ $where: '1' })).toContain('238 $where is not supported')
  })
})

describe('what a filter means', () => {
  test('a document of operators tests, any other is a value with its fields in order', () => {
    expect(matches({ a: { $gte: 1, $lt: 3 } }, { a: 2 })).toBe(true)
    expect(matches({ a: { x: 1, y: 2 } }, { a: { x: 1, y: 2 } })).toBe(true)
    expect(matches({ a: { x: 1, y: 2 } }, { a: { y: 2, x: 1 } })).toBe(false)
    expect(matches({ a: { x: 1 } }, { a: { x: 1, y: 2 } })).toBe(false)
    expect(matches({ a: { $ref: 'c', $id: 1 } }, { a: { $ref: 'c', $id: 1 } })).toBe(true)
  })

  test('null is a missing field too, undefined is neither', () => {
    expect(matches({ a: null }, {})).toBe(true)
    expect(matches({ a: null }, { a: null })).toBe(true)
    expect(matches({ a: null }, { a: undefinedValue })).toBe(false)
    expect(matches({ 'a.b': null }, { a: 1 })).toBe(true)
    expect(matches({ 'a.b': null }, { a: [1, 2] })).toBe(false)
    expect(matches({ a: { $exists: true } }, { a: null })).toBe(true)
  })

  test('numbers compare across their types, beyond what a double holds exactly', () => {
    expect(matches({ a: 2 ** 53 }, { a: 2n ** 53n })).toBe(true)
    expect(matches({ a: 2 ** 53 }, { a: 2n ** 53n + 1n })).toBe(false)
    expect(matches({ a: { $gt: 2 ** 53 } }, { a: 2n ** 53n + 1n })).toBe(true)
    expect(matches({ a: { $in: [2n ** 60n] } }, { a: 2n ** 60n + 1n })).toBe(false)
    expect(matches({ a: { $lt: Number.NaN } }, { a: 1 })).toBe(false)
    expect(matches({ a: { $lte: Number.NaN } }, { a: Number.NaN })).toBe(true)
  })

  test('$expr sees the whole document, and no element of an array', () => {
    expect(matches({ $expr: { $gt: ['$a', '$b'] } }, { a: 2, b: 1 })).toBe(true)
    expect(matches({ b: 2, $expr: { $gt: ['$a', '$b'] } }, { a: 2, b: 2 })).toBe(false)
    expect(matches({ $or: [{ c: 1 }, { $expr: '$a' }] }, { a: 2 })).toBe(true)
    expect(matches({ $expr: '$missing' }, { a: 2 })).toBe(false)
    expect(refusal({ a: { $elemMatch: { $expr: true } } })).toBe(
      '2 $expr can only be applied to the top-level document',
    )
    expect(refusal({ $expr: { $gt: ['$$NOW', '$a'] } })).toContain('51144 ')
    const filter = parseFilter(buildDocument({ $expr: { $gt: ['$$NOW', '$at'] } }), 0, { nowMs: 1000 })
    expect(compileFilter(filter)(buildDocument({ at: new Date(999) }), 0)).toBe(true)
    expect(compileFilter(filter)(buildDocument({ at: new Date(1000) }), 0)).toBe(false)
  })

  test('$comment and the constants', () => {
    expect(matches({ $comment: 'why', a: 1 }, { a: 1 })).toBe(true)
    expect(matches({ $alwaysFalse: 1 }, { a: 1 })).toBe(false)
    expect(matches({ $alwaysTrue: 1, a: 1 }, { a: 2 })).toBe(false)
  })

  test('a conjunction of two thousand values of one field', () => {
    const all = Array.from({ length: 2000 }, (_, i) => i)
    expect(matches({ a: { $all: all } }, { a: all })).toBe(true)
    expect(matches({ a: { $all: all } }, { a: all.slice(1) })).toBe(false)
  })
})
