/** Updates parsed by templates against those that are parsed anew, applied to the same documents. */
import { Double, Long, ObjectId } from 'bson'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { timestampMin } from '../../base/timestamp.ts'
import { decodeDocument, encodeDocument } from '../../bson/convert.ts'
import { documentValue, type Value } from '../../bson/value.ts'
import { applyUpdate } from './apply.ts'
import { parseUpdate } from './parse.ts'
import { UpdateTemplates } from './templates.ts'
import type { Update } from './update.ts'

type Document = Record<string, unknown>

const context = { nowMs: 0, timestamp: timestampMin }
const document = encodeDocument({ _id: 1, a: 1, b: 2.5, c: { d: 3 }, e: 'text', f: [1, 2], g: new Date(5), h: true })

function made(update: Update): Document {
  return decodeDocument(applyUpdate(update, document, 0, context).document)
}

const value = fc.oneof(
  fc.integer({ min: -3, max: 1000 }),
  fc.double({ noNaN: true }).map((n) => new Double(n)),
  fc.bigInt({ min: -5n, max: 2n ** 60n }).map((n) => Long.fromBigInt(n)),
  fc.boolean(),
  fc.date({ noInvalidDate: true }),
  fc.string({ maxLength: 3 }),
  fc.constant(null),
  fc.constant(new ObjectId('0123456789abcdef01234567')),
  fc.array(fc.integer(), { maxLength: 2 }),
)
const name = fc.constantFrom('a', 'b', 'c', 'c.d', 'e', 'f.0', 'g', 'new')
const fields = fc.dictionary(name, value, { minKeys: 1, maxKeys: 3 })
const operators = fc.oneof(
  { weight: 8, arbitrary: fields.map(($set): Document => ({ $set })) },
  fc.integer({ max: 9 }).map((n): Document => ({ $inc: { a: n } })),
  fc.tuple(fields, fc.integer({ max: 9 })).map(([$set, n]): Document => ({ $set, $inc: { z: n } })),
)

test('what is parsed by a template is what is parsed anew', () => {
  fc.assert(
    fc.property(fc.array(operators, { minLength: 20, maxLength: 60 }), fc.nat(5), (updates, offset) => {
      const templates = new UpdateTemplates()
      for (const update of updates) {
        // As an update lies in a message, not at its beginning.
        const bytes = encodeDocument(update)
        const padded = new Uint8Array(bytes.length + offset)
        padded.set(bytes, offset)
        const operand: Value = { ...documentValue(padded), start: offset, end: padded.length }
        const expected = attempt(() => made(parseUpdate(bytes)))
        expect(attempt(() => made(templates.parse(operand)))).toEqual(expected)
      }
    }),
    { numRuns: 300 },
  )
})

function attempt(action: () => Document): unknown {
  try {
    return action()
  } catch (error) {
    return (error as Error).message
  }
}

test('only the values change, and only in the template', () => {
  const templates = new UpdateTemplates()
  const parse = (update: Document): Update => templates.parse(documentValue(encodeDocument(update)))
  const first = parse({ $set: { a: 5, b: 1 } })
  expect(made(first)).toMatchObject({ a: 5, b: 1 })
  expect(parse({ $set: { a: 6, b: 2 } })).toBe(first)
  expect(made(first)).toMatchObject({ a: 6, b: 2 })
  // Of the same length, but with another type.
  expect(parse({ $set: { a: 6, c: 2 } })).not.toBe(first)
  const text = parse({ $set: { e: 'abc' } })
  expect(parse({ $set: { e: 'abd' } })).not.toBe(text)
  expect(made(text)).toMatchObject({ e: 'abc' })
})
