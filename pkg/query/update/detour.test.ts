import { expect, test } from 'vitest'
import { Detour } from '../../base/detour.ts'
import { timestampOf } from '../../base/timestamp.ts'
import { decodeDocument, encodeDocument } from '../../bson/convert.ts'
import { documentValue } from '../../bson/value.ts'
import { parseCollation } from '../../collation/spec.ts'
import { applyUpdate } from './apply.ts'
import { computeUpdate, DetouringUpdate, type UpdateTask } from './detour.ts'
import { parseUpdateValue } from './parse.ts'

const count = 30_000
const texts = Array.from({ length: count }, (_, i) => `text ${(i * 7919) % count}`)
const document = encodeDocument({
  _id: 1,
  texts,
  numbers: texts.map((_, i) => i),
  items: Array.from({ length: 2000 }, (_, i) => ({ at: i, label: `item ${i}` })),
})
const swedish = parseCollation(encodeDocument({ locale: 'sv', strength: 1 }))

test.each<[string, object, object[]]>([
  ['$addToSet', { $addToSet: { texts: { $each: ['text 1', 'TEXT 2', 'new'] } } }, []],
  ['$pullAll', { $pullAll: { texts: texts.slice(0, 500) } }, []],
  ['$pull of values', { $pull: { texts: { $in: texts.slice(0, 500) } } }, []],
  ['$pull of numbers', { $pull: { numbers: { $gte: 100 } } }, []],
  ['$push in order', { $push: { texts: { $each: ['a'], $sort: -1, $slice: 1000 } } }, []],
  ['$[]', { $inc: { 'numbers.$[]': 1 } }, []],
  [
    'arrayFilters',
    { $set: { 'items.$[low].label': 'low', 'items.$[named].at': -1 } },
    [{ 'low.at': { $lt: 10 } }, { 'named.label': { $in: ['ITEM 77', 'item 78'] } }],
  ],
  ['what fails', { $addToSet: { _id: 1 } }, []],
])('%s of a large document gives elsewhere what it gives in place', (_, update, filters) => {
  const arrayFilters = filters.map((filter) => encodeDocument(filter))
  const source = { update: documentValue(encodeDocument(update)), arrayFilters }
  for (const collation of [undefined, swedish]) {
    const context = { nowMs: 5, timestamp: timestampOf(5, 1), collation }
    const parsed = parseUpdateValue(source.update, arrayFilters, collation)
    const detouring = new DetouringUpdate(parsed, source)
    const attempt = (apply: () => { document: Uint8Array; changed: boolean }) => {
      try {
        const { document: after, changed } = apply()
        return { after: Buffer.from(after), changed }
      } catch (error) {
        if (error instanceof Detour) throw error
        return (error as Error).message
      }
    }
    let detour: Detour | undefined
    try {
      detouring.apply(document, 0, context)
    } catch (error) {
      detour = error as Detour
    }
    expect(detour).toBeInstanceOf(Detour)
    try {
      detour!.keep({ result: computeUpdate(structuredClone(detour!.task) as UpdateTask) })
    } catch (error) {
      detour!.keep({ error: error as never })
    }
    const inPlace = attempt(() => applyUpdate(parsed, document, 0, context))
    expect(attempt(() => detouring.apply(document, 0, context))).toEqual(inPlace)
    // What was computed counts for that document alone.
    const other = encodeDocument({ ...decodeDocument(document), _id: 2 })
    expect(() => detouring.apply(other, 0, context)).toThrow(Detour)
  }
})

test('what takes little time is done at once', () => {
  const context = { nowMs: 5, timestamp: timestampOf(5, 1) }
  for (const update of [
    { $set: { a: 1 } },
    { $inc: { _id: 0 } },
    { $push: { texts: 'one more' } },
    { $unset: { texts: 1 } },
  ]) {
    const source = { update: documentValue(encodeDocument(update)), arrayFilters: [] }
    const parsed = parseUpdateValue(source.update)
    expect(new DetouringUpdate(parsed, source).apply(document, 0, context)).toEqual(
      applyUpdate(parsed, document, 0, context),
    )
  }
})
