import { expect, test } from 'vitest'
import { buildDocument } from '../../bson/build.ts'
import { documentFields } from '../../bson/value.ts'
import { simpleOrder } from '../../bson/value-order.ts'
import { parseCollation } from '../../collation/spec.ts'
import { ValueSorter } from './value-sorter.ts'

test.each([0, 100, 10_000])('%i values come in their order, in slices or not', (count) => {
  const given = Array.from({ length: count }, (_, i) => {
    const n = (i * 7919) % count
    return i % 3 === 0 ? n : i % 3 === 1 ? `Text ${n}` : `text ${n}`
  })
  const values = [...documentFields(buildDocument({ ...given }), 0)]
  for (const order of [simpleOrder, parseCollation(buildDocument({ locale: 'en' }))!]) {
    for (const budget of [100, Number.POSITIVE_INFINITY]) {
      const sorter = new ValueSorter(values, order)
      let slices = 1
      while (!sorter.advance(budget)) slices++
      expect(sorter.values).toEqual(values.toSorted(order.compare))
      expect(slices > 1).toBe(count === 10_000 && budget === 100)
    }
  }
})
