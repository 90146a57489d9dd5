/** Sets that are made in slices, beforehand, against those that are made while a filter is parsed. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { inPlace } from '../../base/detour.ts'
import { buildArray, buildDocument } from '../../bson/build.ts'
import { valueArbitrary } from '../../bson/testdata/arbitrary.ts'
import { bsonType } from '../../bson/type.ts'
import { documentFields, regexValue, type Value } from '../../bson/value.ts'
import { parseCollation } from '../../collation/spec.ts'
import { isOperatorDocument } from './operator-document.ts'
import { sortedSet } from './operators/sorted-values.ts'
import { collated, parseFilter } from './parse.ts'
import type { Filter } from './tree.ts'
import { SetInMaking, SetIsDue, type SetOwner, withSets } from './value-sets.ts'

const german = parseCollation(buildDocument({ locale: 'de', strength: 1 }))!

function hexOf(values: readonly Value[] | undefined): string[] | undefined {
  return values?.map(
    ({ type, bytes, start, end }) => `${type} ${Buffer.from(bytes.subarray(start, end)).toString('hex')}`,
  )
}

function isPlain(value: Value): boolean {
  return value.type !== bsonType.undefined && value.type !== bsonType.regex && !isOperatorDocument(value)
}

test.each([
  ['by their bytes', undefined],
  ['as German', german],
])('a set made in slices is the one made at once: %s', (_, collation) => {
  fc.assert(
    fc.property(fc.array(valueArbitrary, { maxLength: 60 }), fc.integer({ min: 1, max: 50 }), (random, budget) => {
      const given = [...random, ...random.slice(10)].filter(isPlain)
      const operand = buildArray([...given, regexValue('^a', 'i')])
      const making = new SetInMaking(operand, collation)
      while (!making.advance(budget));
      const { set, regexes } = making.result!
      const expected = sortedSet([...documentFields(operand)].filter(isPlain), collation)
      expect(hexOf(set.values)).toEqual(hexOf(expected.values))
      expect(hexOf(set.collated?.keyed)).toEqual(hexOf(expected.collated?.keyed))
      expect(set.collated?.collation).toBe(expected.collated?.collation)
      expect(regexes.length).toBe(1)
    }),
  )
})

/** Parses as who can wait does; `dueCount`: how many sets had to be made. */
function parseWaiting(document: Uint8Array, collation = german): { filter: Filter; dueCount: number } {
  const sets: SetInMaking[] = []
  const owner: SetOwner = { sets, mayBeginAgain: true }
  for (;;) {
    try {
      return { filter: withSets(owner, () => parseFilter(document, 0, collated(collation))), dueCount: sets.length }
    } catch (error) {
      if (!(error instanceof SetIsDue)) throw error
      while (!error.set.advance(1000));
      sets.push(error.set)
    }
  }
}

const texts = Array.from({ length: 40_000 }, (_, i) => `Text ${(i * 7919) % 30_011}`)

test('a filter waits for its long sets, once for those that are alike', () => {
  const document = buildDocument({
    a: { $in: texts },
    b: { $nin: texts },
    c: { $in: texts.slice(1) },
    d: { $in: [1, 2] },
  })
  const { filter, dueCount } = parseWaiting(document)
  expect(dueCount).toBe(2)
  const texted = (parsed: Filter): string =>
    JSON.stringify(parsed, (name, value) => (name === 'values' || name === 'keyed' ? hexOf(value) : value))
  expect(texted(filter)).toBe(texted(parseFilter(document, 0, collated(german))))
})

test('what no set may have is refused all the same', () => {
  const parse = (wrong: unknown) => () => parseWaiting(buildDocument({ a: { $in: [...texts, wrong] } }))
  expect(parse({ $gt: 1 })).toThrow('cannot nest $ under $in')
  expect(parse(regexValue('(', ''))).toThrow()
})

test('where nobody waits, or begins again, a set is made at once', () => {
  const document = buildDocument({ a: { $in: texts } })
  const parse = () => parseFilter(document)
  const made = { kind: 'in', values: expect.any(Array) as unknown }
  expect(parse()).toMatchObject(made)
  const owner = { sets: undefined, mayBeginAgain: true }
  expect(() => withSets(owner, parse)).toThrow(SetIsDue)
  expect(withSets({ ...owner, mayBeginAgain: false }, parse)).toMatchObject(made)
  expect(withSets(owner, () => inPlace(parse))).toMatchObject(made)
})
