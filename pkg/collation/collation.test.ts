/** Values under a collation: keys sort as values compare, and what holds no string is as it is without one. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildDocument } from '../bson/build.ts'
import { compareBytes, KeyWriter } from '../bson/key.ts'
import { compare } from '../bson/order.ts'
import { getField, type Value } from '../bson/value.ts'
import { parseCollation } from './spec.ts'

const collation = parseCollation(buildDocument({ locale: 'en', strength: 2 }))!

function valueFrom(plain: unknown): Value {
  return getField(buildDocument({ v: plain }), 'v')!
}

const text = fc.string({ unit: fc.constantFrom('a', 'A', 'á', 'b', 'B', '1', ' '), maxLength: 3 })
const plain = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 3 },
    text,
    fc.integer({ min: -2, max: 2 }),
    fc.constant(null),
    fc.boolean(),
    fc.array(tie('any'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'A'), tie('any'), { maxKeys: 2 }),
  ),
})).any

function keyOf(value: Value, descending: boolean): Uint8Array {
  const writer = new KeyWriter()
  collation.encodeKey(writer, value.type, value.bytes, value.start, descending)
  return writer.finish()
}

describe('a collation as an order of values', () => {
  it('has keys that sort as it compares', () => {
    fc.assert(
      fc.property(plain, plain, (a, b) => {
        const left = valueFrom(a)
        const right = valueFrom(b)
        const order = Math.sign(collation.compare(left, right))
        const [x, y] = [keyOf(left, false), keyOf(right, false)]
        expect(Math.sign(compareBytes(x, 0, x.length, y, 0, y.length))).toBe(order)
        const [p, q] = [keyOf(left, true), keyOf(right, true)]
        expect(Math.sign(compareBytes(p, 0, p.length, q, 0, q.length))).toBe(order === 0 ? 0 : -order)
        expect(Math.sign(collation.compareToKeyed(left.type, left.bytes, left.start, collation.keyed(right)))).toBe(
          order,
        )
      }),
      { numRuns: 2000 },
    )
  })

  it('finds strings in documents and arrays equal, and names not', () => {
    expect(collation.equal(valueFrom({ a: ['X', { b: 'Y' }] }), valueFrom({ a: ['x', { b: 'y' }] }))).toBe(true)
    expect(collation.equal(valueFrom({ A: 'x' }), valueFrom({ a: 'x' }))).toBe(false)
    expect(compare(valueFrom(['X']), valueFrom(['x']))).not.toBe(0)
  })
})

describe('collation documents', () => {
  const refused: readonly (readonly [Record<string, unknown>, number])[] = [
    [{}, 40414],
    [{ locale: 1 }, 14],
    [{ locale: 'xx' }, 2],
    [{ locale: 'en', strength: 6 }, 2],
    [{ locale: 'en', strength: '2' }, 14],
    [{ locale: 'en', caseLevel: 1 }, 14],
    [{ locale: 'en', caseFirst: 'first' }, 2],
    [{ locale: 'en', odd: 1 }, 40415],
    [{ locale: 'simple', strength: 2 }, 2],
  ]
  it.each(refused)('%j is refused with %i', (document, code) => {
    expect(() => parseCollation(buildDocument(document))).toThrow(expect.objectContaining({ code }))
  })

  it('are the same collation when they say the same', () => {
    expect(parseCollation(buildDocument({ locale: 'en' }))).toBe(
      parseCollation(buildDocument({ strength: 3, locale: 'en', caseLevel: false })),
    )
    expect(parseCollation(buildDocument({ locale: 'simple' }))).toBeUndefined()
  })
})
