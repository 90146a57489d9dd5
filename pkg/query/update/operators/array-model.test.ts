/** Operators on arrays, on elements of all types and under collations, against what each does when it compares one element after the other. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Timestamp } from '../../../base/timestamp.ts'
import { buildDocument } from '../../../bson/build.ts'
import { valueArbitrary } from '../../../bson/testdata/arbitrary.ts'
import { documentValue, getField, int32Value, stringValue, type Value } from '../../../bson/value.ts'
import { simpleOrder, type ValueOrder } from '../../../bson/value-order.ts'
import { BsonWriter } from '../../../bson/writer.ts'
import type { Collation } from '../../../collation/collation.ts'
import { parseCollation } from '../../../collation/spec.ts'
import { applyUpdate } from '../apply.ts'
import { parseUpdate } from '../parse.ts'
import { arrayOf, elementsOf } from './elements.ts'

const context = { nowMs: 0, timestamp: 0 as Timestamp }
type Order = readonly [name: string, collation: Collation | undefined]

const collations: readonly Order[] = [
  ['by bytes', undefined],
  ['as English', parseCollation(buildDocument({ locale: 'en', strength: 2, numericOrdering: true }))],
]

const word = fc.constantFrom('a', 'A', 'b', 'B', 'ä', 'a1', 'a01', 'a10', '').map(stringValue)
const elements = fc.array(fc.oneof(valueArbitrary, word), { maxLength: 14 })

function documentOf(...fields: readonly (readonly [string, Value])[]): Uint8Array {
  const writer = new BsonWriter()
  writer.beginDocument()
  for (const [name, value] of fields) writer.value(name, value)
  writer.end()
  return writer.finish()
}

function nested(name: string, value: Value): Value {
  return documentValue(documentOf([name, value]))
}

/** The array `a` after `{[operator]: {a: operand}}`. */
function arrayAfter(operator: string, before: readonly Value[], operand: Value, collation: Collation | undefined) {
  const update = parseUpdate(documentOf([operator, nested('a', operand)]), [], 0, collation)
  const { document } = applyUpdate(update, documentOf(['a', arrayOf(before)]), 0, context)
  return bytesOf(elementsOf(getField(document, 'a')!))
}

function bytesOf(values: readonly Value[]) {
  return values.map(({ type, bytes, start, end }) => [type, bytes.slice(start, end)])
}

function holds(values: readonly Value[], { equal }: ValueOrder, value: Value): boolean {
  return values.some((other) => equal(other, value))
}

test.each<Order>(collations)('$addToSet appends what no element and no value before it equals (%s)', (_, collation) => {
  const order = collation ?? simpleOrder
  fc.assert(
    fc.property(elements, elements, (before, values) => {
      const after = [...before]
      for (const value of values) if (!holds(after, order, value)) after.push(value)
      const operand = nested('$each', arrayOf(values))
      expect(arrayAfter('$addToSet', before, operand, collation)).toEqual(bytesOf(after))
    }),
    { numRuns: 200 },
  )
})

test.each<Order>(collations)('$pullAll leaves what none of the values equals (%s)', (_, collation) => {
  const order = collation ?? simpleOrder
  fc.assert(
    fc.property(elements, elements, (before, values) => {
      const left = before.filter((element) => !holds(values, order, element))
      expect(arrayAfter('$pullAll', before, arrayOf(values), collation)).toEqual(bytesOf(left))
    }),
    { numRuns: 200 },
  )
})

test.each<Order>(collations)('$push with $sort sorts as by comparing, equal ones as they come (%s)', (_, collation) => {
  const { compare } = collation ?? simpleOrder
  const many = fc.array(fc.oneof(valueArbitrary, word), { maxLength: 80 })
  const direction = fc.constantFrom(1 as const, -1 as const)
  fc.assert(
    fc.property(many, elements, direction, direction, (before, values, bySelf, byField) => {
      const sort = (sorting: Value) => [['$each', arrayOf(values)] as const, ['$sort', sorting] as const]
      const after = [...before, ...values].sort((a, b) => bySelf * compare(a, b))
      const operand = documentValue(documentOf(...sort(int32Value(bySelf))))
      expect(arrayAfter('$push', before, operand, collation)).toEqual(bytesOf(after))

      const wrap = (value: Value) => documentValue(documentOf(['x', int32Value(value.type % 2)], ['y', value]))
      const parts = documentValue(documentOf(['x', int32Value(bySelf)], ['y', int32Value(byField)]))
      const wrapped = [...before, ...values].sort(
        (a, b) => bySelf * ((a.type % 2) - (b.type % 2)) || byField * compare(a, b),
      )
      const byParts = documentValue(documentOf(['$each', arrayOf(values.map(wrap))], ['$sort', parts]))
      expect(arrayAfter('$push', before.map(wrap), byParts, collation)).toEqual(bytesOf(wrapped.map(wrap)))
    }),
    { numRuns: 100 },
  )
})
