/** Sets of many values, whose keys are sorted, against sets of few, which are compared. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { buildDocument } from '../../../bson/build.ts'
import { valueArbitrary } from '../../../bson/testdata/arbitrary.ts'
import { documentFields, type Value } from '../../../bson/value.ts'
import { parseCollation } from '../../../collation/spec.ts'
import { collatedValues, sortedDistinct, sortedSet } from './sorted-values.ts'

const plain = [...documentFields(buildDocument(numbersAndTexts()))]

function numbersAndTexts(): Record<string, unknown> {
  const values: unknown[] = [null, true, -0, 0, 0.5, 1e300, NaN, [], {}, [1, 'a'], ['A'], { a: 'é' }, { a: 'E' }]
  for (let i = 0; i < 400; i++) values.push(((i * 37) % 150) - 50, `text ${(i * 29) % 120}`, `Text ${(i * 31) % 120}`)
  return { ...values }
}

test.each([
  ['by their bytes', undefined],
  ['as English', parseCollation(buildDocument({ locale: 'en' }))],
  ['whatever their case', parseCollation(buildDocument({ locale: 'en', strength: 2, numericOrdering: true }))],
])('a set is the same however it is sorted: %s', (_, collation) => {
  fc.assert(
    fc.property(fc.array(valueArbitrary, { maxLength: 40 }), fc.nat(plain.length - 256), (random, from) => {
      const given: Value[] = [...random, ...plain.slice(from), ...random]
      const { values, collated } = sortedSet([...given], collation)
      const expected = sortedDistinct([...given], collation)
      // The very same ones: of equal values the first.
      expect(values.length).toBe(expected.length)
      expect(values.findIndex((value, i) => value !== expected[i])).toBe(-1)
      expect(collated).toEqual(collatedValues(expected, collation))
    }),
    { numRuns: 60 },
  )
})
