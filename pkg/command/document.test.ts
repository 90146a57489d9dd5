import { Binary, ObjectId, Timestamp } from 'bson'
import { expect, test } from 'vitest'
import { decodeDocument, encodeDocument } from '../bson/convert.ts'
import { ObjectIdGenerator } from '../bson/objectid.ts'
import { SeededRandom } from '../sim/random.ts'
import { idEqualityAt, idValueStart, storedForm } from './document.ts'

const context = {
  objectIds: new ObjectIdGenerator(new SeededRandom(1), () => 1_700_000_000_000),
  nowSeconds: () => 1_700_000_000,
}

function stored(document: object): Record<string, unknown> {
  return decodeDocument(storedForm(encodeDocument(document), context))
}

test('a document that needs no change is kept as it is', () => {
  const bytes = encodeDocument({ _id: 1, a: 2 })
  expect(storedForm(bytes, context)).toBe(bytes)
})

test('_id is made when missing and moved to the front', () => {
  const made = stored({ a: 1 })
  expect(Object.keys(made)).toEqual(['_id', 'a'])
  expect(made['_id']).toBeInstanceOf(ObjectId)
  expect(Object.keys(stored({ a: 1, _id: 7, b: 2 }))).toEqual(['_id', 'a', 'b'])
})

test('an empty timestamp at the top becomes the present time, one inside does not', () => {
  const empty = () => new Timestamp({ t: 0, i: 0 })
  const made = stored({ _id: 1, a: empty(), b: { c: empty() }, d: new Timestamp({ t: 0, i: 5 }) })
  expect((made['a'] as Timestamp).t).toBe(1_700_000_000)
  expect((made['a'] as Timestamp).i).toBeGreaterThan(0)
  expect((made['b'] as { c: Timestamp }).c).toEqual(empty())
  expect((made['d'] as Timestamp).t).toBe(0)
})

test.each([
  [{ _id: [1] }, 53, "The '_id' value cannot be of type array"],
  [{ a: 1, _id: /x/ }, 53, "The '_id' value cannot be of type regex"],
  [{ _id: { $a: 1 } }, 52, "_id fields may not contain '$'-prefixed fields: $a is not valid for storage."],
  [
    { _id: 1, a: 'x'.repeat(17 * 1024 * 1024) },
    2,
    'object to insert too large. size in bytes: 17825814, max size: 16777216',
  ],
])('a document that cannot be stored is refused (%#)', (document, code, message) => {
  expect(() => stored(document)).toThrowError(expect.objectContaining({ code, message }))
})

test.each([
  [{ _id: 1 }, true],
  [{ _id: 'abc' }, true],
  [{ _id: '' }, true],
  [{ _id: new ObjectId() }, true],
  [{ _id: 1.5 }, true],
  [{ _id: new Date() }, true],
  [{ _id: new Binary(new Uint8Array(5)) }, true],
  [{ _id: {} }, true],
  [{ _id: { a: 1 } }, true],
  [{ _id: { $gt: 1 } }, false],
  [{ _id: [1] }, false],
  [{ _id: /a/ }, false],
  [{ _id: null }, false],
  [{ _id: 1, a: 1 }, false],
  [{ _id: 'abc', a: 1 }, false],
  [{ _id: {}, a: 1 }, false],
  [{ a: 1 }, false],
  [{ _ix: 1 }, false],
  [{}, false],
])('%j is a plain equality with one _id: %s', (filter, plain) => {
  const bytes = encodeDocument(filter)
  const at = idEqualityAt(bytes)
  expect(at >= 0).toBe(plain)
  if (plain) expect(bytes[idValueStart - 1]).toBe(0)
})
