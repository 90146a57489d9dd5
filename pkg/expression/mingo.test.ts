/** Random expressions of numbers and dates, evaluated by us and by mingo, where mingo follows the reference server. */
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
})
