import { expect, test } from 'vitest'
import { timestampOf } from '../../base/timestamp.ts'
import { decodeDocument, encodeDocument } from '../../bson/convert.ts'
import { readInt32 } from '../../bson/value.ts'
import { BsonWriter } from '../../bson/writer.ts'
import { applyUpdate } from './apply.ts'
import { byComparing } from './describe-difference.ts'
import { OperatorDescriber } from './describe-operators.ts'
import { parseUpdate } from './parse.ts'
import type { OperatorUpdate } from './update.ts'

type Document = Record<string, unknown>

function partsOf(out: BsonWriter): Document {
  const parts: Document[] = []
  for (let at = 0; at < out.length; at += readInt32(out.bytes, at)) {
    parts.push(decodeDocument(out.bytes.slice(at, at + readInt32(out.bytes, at))))
  }
  const [updated, removed, truncated, ambiguous] = parts as [Document, Document, Document, Document]
  return { updated, removed: Object.values(removed), truncated: Object.values(truncated), ambiguous }
}

function described(before: Document, update: Document): Document {
  const bytes = encodeDocument(before)
  const parsed = parseUpdate(encodeDocument(update)) as OperatorUpdate
  const { document } = applyUpdate(parsed, bytes, 0, {
    nowMs: 0,
    timestamp: timestampOf(1, 1),
    filter: encodeDocument({ 'a.x': 1 }),
  })
  const out = new BsonWriter()
  new OperatorDescriber(parsed).describe(bytes, 0, document, out)
  return partsOf(out)
}

const nothing = { updated: {}, removed: [], truncated: [], ambiguous: {} }

test.each([
  ['a field that was there', { a: 1 }, { $set: { a: 2 } }, { updated: { a: 2 } }],
  ['a field that was not there', {}, { $set: { a: 2 } }, { updated: { a: 2 } }],
  [
    'what creates documents on its way, from the first of them',
    {},
    { $set: { 'a.b.c': 1 } },
    { updated: { a: { b: { c: 1 } } } },
  ],
  [
    'an embedded document whole when it is set whole',
    { a: { b: 1, c: 1 } },
    { $set: { a: { b: 1, c: 2 } } },
    { updated: { a: { b: 1, c: 2 } } },
  ],
  [
    'a field of an embedded document by its path',
    { a: { b: 1, c: 1 } },
    { $set: { 'a.c': 2 } },
    { updated: { 'a.c': 2 } },
  ],
  ['removed fields', { a: 1, b: { c: 1, d: 1 } }, { $unset: { a: 1, 'b.c': 1 } }, { removed: ['a', 'b.c'] }],
  ['a rename as a removal and a new field', { a: 1 }, { $rename: { a: 'b' } }, { removed: ['a'], updated: { b: 1 } }],
  [
    'pushed elements by their places',
    { a: [1] },
    { $push: { a: { $each: [2, 3] } } },
    { updated: { 'a.1': 2, 'a.2': 3 } },
  ],
  ['a pulled array whole', { a: [1, 2, 3] }, { $pull: { a: 2 } }, { updated: { a: [1, 3] } }],
  ['an array to which a set was added whole', { a: [1] }, { $addToSet: { a: 2 } }, { updated: { a: [1, 2] } }],
  ['an element by its place', { a: [1, { b: 1 }] }, { $set: { 'a.1.b': 2 } }, { updated: { 'a.1.b': 2 } }],
  [
    'an element beyond the end without those that fill the gap',
    { a: [1] },
    { $set: { 'a.3': 1 } },
    { updated: { 'a.3': 1 } },
  ],
  ['every element that $[] changed', { a: [1, 2] }, { $inc: { 'a.$[]': 1 } }, { updated: { 'a.0': 2, 'a.1': 3 } }],
  [
    'the element that the query matched',
    { a: [{ x: 0 }, { x: 1 }] },
    { $set: { 'a.$.x': 5 } },
    { updated: { 'a.1.x': 5 } },
  ],
  ['nothing of what stayed as it was', { a: 1, b: 1 }, { $set: { a: 1, b: 2 } }, { updated: { b: 2 } }],
  ['a value whose type alone changed', { a: 1 }, { $set: { a: 1.5 } }, { updated: { a: 1.5 } }],
  [
    'a number in an object as a name',
    { a: { 1: 1 } },
    { $set: { 'a.1': 2 } },
    { updated: { 'a.1': 2 }, ambiguous: { 'a.1': ['a', '1'] } },
  ],
  [
    'an index and a number as what they are',
    { a: [{ 1: 1 }] },
    { $set: { 'a.0.1': 2 } },
    { updated: { 'a.0.1': 2 }, ambiguous: { 'a.0.1': ['a', 0, '1'] } },
  ],
])('an update with operators shows %s', (_, before, update, expected) => {
  expect(described({ _id: 1, ...before }, update)).toEqual({ ...nothing, ...expected })
})

const filler = { filler: 'x'.repeat(200) }

test.each([
  ['the fields that differ', { a: 1, b: 1 }, { a: 2, b: 1 }, { updated: { a: 2 } }],
  ['fields that went and came', { a: 1 }, { b: 1 }, { removed: ['a'], updated: { b: 1 } }],
  [
    'what differs inside',
    { a: { b: 'y'.repeat(50), c: 1 } },
    { a: { b: 'y'.repeat(50), c: 2 } },
    { updated: { 'a.c': 2 } },
  ],
  [
    'a shorter array as truncated',
    { a: ['long enough', 2, 3] },
    { a: ['long enough'] },
    { truncated: [{ field: 'a', newSize: 1 }] },
  ],
  ['a longer array by its new elements', { a: [1, 2, 3, 4] }, { a: [1, 2, 3, 4, 5] }, { updated: { 'a.4': 5 } }],
])('comparing documents shows %s', (_, before, after, expected) => {
  const out = new BsonWriter()
  const [bytes, made] = [
    encodeDocument({ _id: 1, ...filler, ...before }),
    encodeDocument({ _id: 1, ...filler, ...after }),
  ]
  expect(byComparing.describe(bytes, 0, made, out)).toBe(true)
  expect(partsOf(out)).toEqual({ ...nothing, ...expected })
})

test('a difference as large as the document counts as a replacement', () => {
  const out = new BsonWriter()
  const [before, after] = [encodeDocument({ _id: 1, a: 1 }), encodeDocument({ _id: 1, a: 2 })]
  expect(byComparing.describe(before, 0, after, out)).toBe(false)
  expect(out.length).toBe(0)
})
