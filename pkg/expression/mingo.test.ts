/**
 * Random expressions, evaluated by us and by mingo, where mingo follows the reference server.
 *
 * Left out, since mingo differs from the reference server:
 *   comparisons, $sortArray, $min, $max, sets   of values of different types, and of documents: it has no order of BSON types
 *   $add, $multiply, $sum beyond 2^53           it has doubles alone, and no int64, decimal128 or overflow
 *   $toString, $convert, $type                  of numbers, whose types it does not know
 *   $split, $substr, $toUpper                   of missing operands and of text that is not ASCII
 *   $indexOfCP, $indexOfBytes                   it has none
 *   $zip                                        it goes as far as the longest array, not the shortest
 *   operators of one array, written in brackets   it takes the brackets for the array
 *   $indexOfArray, $in, $slice, $zip            of operands that are null or no array, where the errors differ
 */
import fc from 'fast-check'
import { aggregate } from 'mingo'
import { describe, expect, it } from 'vitest'
import { evaluate } from './testdata/evaluate.ts'

type Json = unknown

const document = { a: 7, b: -2.5, c: 0, d: 1e6, e: 3, z: null, nested: { x: 4 } }

const leaf: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom('$a', '$b', '$c', '$d', '$e', '$z', '$missing', '$nested.x'),
  fc.integer({ min: -50, max: 50 }),
  fc.constantFrom(0.5, -1.25, 2.75),
)

const { number } = fc.letrec<{ number: Json }>((tie) => {
  const operand = tie('number')
  const operation = (name: string, ...operands: fc.Arbitrary<Json>[]) =>
    fc.tuple(...operands).map((values) => ({ [name]: values }) as Json)
  return {
    number: fc.oneof(
      { depthSize: 'small' },
      leaf,
      operation('$add', operand, operand),
      operation('$subtract', operand, operand),
      operation('$multiply', operand, operand),
      operand.map((x) => ({ $abs: x })),
      operand.map((x) => ({ $ceil: x })),
      operand.map((x) => ({ $floor: x })),
      operation('$ifNull', operand, operand),
      operation(
        '$cond',
        operand.map((x) => ({ $gt: [x, 0] })),
        operand,
        operand,
      ),
    ),
  }
})

/** mingo knows no types of numbers and no difference between null and missing at the top; both are taken for what JSON shows. */
function plain(value: Json): Json {
  return value === undefined ? null : (JSON.parse(JSON.stringify(value)) as Json)
}

function byMingo(expression: Json, source: Record<string, Json> = document): Json {
  const [result] = aggregate([source], [{ $project: { _id: 0, v: [expression] } }]) as { v: readonly Json[] }[]
  return plain(result?.v[0])
}

describe('expressions', () => {
  it('of numbers are what mingo makes of them', () => {
    fc.assert(
      fc.property(number, (expression) => {
        const ours = plain(evaluate(JSON.stringify(expression), JSON.stringify(document)))
        const theirs = byMingo(expression)
        if (typeof ours === 'number' && typeof theirs === 'number') {
          expect(Math.abs(ours - theirs)).toBeLessThanOrEqual(Math.abs(theirs) * 1e-12)
        } else expect(ours).toEqual(theirs)
      }),
      { numRuns: 500 },
    )
  })

  it('of parts of dates are what mingo makes of them', () => {
    const names = [
      '$year',
      '$month',
      '$dayOfMonth',
      '$dayOfYear',
      '$dayOfWeek',
      '$isoDayOfWeek',
      '$isoWeek',
      '$hour',
      '$minute',
      '$second',
      '$millisecond',
    ]
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e12 }), fc.constantFrom(...names), (ms, name) => {
        const ours = evaluate(`{"${name}":"$when"}`, `{"when":{"$date":{"$numberLong":"${ms}"}}}`)
        expect(ours).toBe(byMingo({ [name]: '$when' }, { when: new Date(ms) }))
      }),
      { numRuns: 500 },
    )
  })

  const text = fc.oneof(
    fc.constantFrom('$s', '$t'),
    fc.constantFrom('', 'a', 'b', 'ab', 'Hello', 'x,y,z').map((value) => ({ $literal: value })),
  )
  const list = fc.constantFrom('$list', '$other', '$empty')
  const numbers = fc.oneof(list, fc.array(fc.integer({ min: -3, max: 9 }), { maxLength: 6 }))
  const place = fc.integer({ min: -4, max: 4 })
  const families: Readonly<Record<string, fc.Arbitrary<Json>>> = {
    text: fc.oneof(
      fc.array(text, { maxLength: 4 }).map((all) => ({ $concat: all })),
      text.map((one) => ({ $toUpper: one })),
      text.map((one) => ({ $toLower: one })),
      text.map((one) => ({ $strLenCP: one })),
      text.map((one) => ({ $strLenBytes: one })),
      fc.tuple(text, text).map((both) => ({ $strcasecmp: both })),
      fc.tuple(text, fc.constantFrom(',', 'l', 'ab')).map((both) => ({ $split: both })),
      fc.tuple(text, fc.nat(3), fc.nat(4)).map((all) => ({ $substrCP: all })),
      text.map((input) => ({ $trim: { input, chars: 'Ha' } })),
      text.map((input) => ({ $replaceAll: { input, find: 'l', replacement: '-' } })),
      text.map((input) => ({ $regexMatch: { input, regex: '[a-l]+' } })),
    ),
    arrays: fc.oneof(
      list.map((all) => ({ $size: all })),
      list.map((all) => ({ $reverseArray: all })),
      fc.tuple(numbers, place).map((both) => ({ $arrayElemAt: both })),
      fc.tuple(numbers, place).map((both) => ({ $slice: both })),
      fc.tuple(numbers, numbers).map((both) => ({ $concatArrays: both })),
      fc.tuple(place, numbers).map((both) => ({ $in: both })),
      fc.tuple(numbers, place).map((both) => ({ $indexOfArray: both })),
      fc.tuple(place, place).map((both) => ({ $range: both })),
      numbers.map((input) => ({ $filter: { input, as: 'x', cond: { $gt: ['$$x', 1] } } })),
      numbers.map((input) => ({ $map: { input, as: 'x', in: { $add: ['$$x', 1] } } })),
      numbers.map((input) => ({ $reduce: { input, initialValue: 0, in: { $subtract: ['$$this', '$$value'] } } })),
      numbers.map((input) => ({ $sortArray: { input, sortBy: -1 } })),
      list.map((all) => ({ $sum: all })),
      list.map((all) => ({ $max: all })),
    ),
    sets: fc.oneof(
      fc.tuple(numbers, numbers).map((both) => ({ $setEquals: both })),
      fc.tuple(numbers, numbers).map((both) => ({ $setIsSubset: both })),
      fc.tuple(numbers, numbers).map((both) => ({ $sortArray: { input: { $setUnion: both }, sortBy: 1 } })),
      fc.tuple(numbers, numbers).map((both) => ({ $sortArray: { input: { $setIntersection: both }, sortBy: 1 } })),
      fc.tuple(numbers, numbers).map((both) => ({ $sortArray: { input: { $setDifference: both }, sortBy: 1 } })),
      numbers.map((all) => ({ $anyElementTrue: [all] })),
      numbers.map((all) => ({ $allElementsTrue: [all] })),
    ),
    objects: fc.oneof(
      fc.constant<Json>({ $objectToArray: '$nested' }),
      fc.constant<Json>({ $mergeObjects: ['$nested', { y: 1 }, null] }),
      fc.constant<Json>({ $arrayToObject: '$pairs' }),
      place.map((value) => ({ $setField: { field: 'y', input: '$nested', value } })),
      fc.constant<Json>({ $getField: { field: 'x', input: '$nested' } }),
    ),
  }
  const source = {
    nested: { x: 4 },
    s: 'Hello',
    t: 'ab,l',
    list: [5, 1, 5, 0],
    other: [1, 2],
    empty: [],
    pairs: [
      { k: 'a', v: 1 },
      { k: 'b', v: 2 },
    ],
  }

  it.each(Object.entries(families))('of %s are what mingo makes of them', (_, family) => {
    fc.assert(
      fc.property(family, (expression) => {
        const ours = plain(evaluate(JSON.stringify(expression), JSON.stringify(source)))
        expect(ours).toEqual(byMingo(expression, source))
      }),
      { numRuns: 400 },
    )
  })
})
