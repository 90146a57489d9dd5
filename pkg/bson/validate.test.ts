import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DatabaseError } from '../base/errors.ts'
import { buildDocument, rawDocument } from './build.ts'
import { documentArbitrary } from './testdata/arbitrary.ts'
import { bsonType } from './type.ts'
import { validateDocument } from './validate.ts'
import { getField, stringValue } from './value.ts'
import { ElementWalker } from './walk.ts'
import { BsonWriter } from './writer.ts'

function problem(bytes: Uint8Array, start = 0, end = bytes.length, sizeMax?: number): string | undefined {
  try {
    validateDocument(bytes, start, end, sizeMax)
    return undefined
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    return `${error.codeName}: ${error.message}`
  }
}

/** A document of one field `a` with these bytes as its value. */
function oneField(type: number, ...value: number[]): Uint8Array {
  const size = 4 + 3 + value.length + 1
  return Uint8Array.from([size, 0, 0, 0, type, 0x61, 0, ...value, 0])
}

/** Walks everything, down into every document: touches what the walk of a valid document touches. */
function walkAll(bytes: Uint8Array, start: number): number {
  const walker = new ElementWalker().reset(bytes, start)
  let count = 0
  while (walker.next()) {
    count++
    if (walker.valueEnd > bytes.length) throw new Error('walked out of the document')
    if (walker.type === bsonType.document || walker.type === bsonType.array) count += walkAll(bytes, walker.valueStart)
  }
  return count
}

test('documents of all types pass', () => {
  fc.assert(
    fc.property(documentArbitrary, (bytes) => {
      expect(problem(bytes)).toBeUndefined()
    }),
    { numRuns: 3000 },
  )
})

test('whatever bytes are changed, cut or put in, it is refused with InvalidBSON or can be walked', () => {
  const change = fc.tuple(
    fc.nat(),
    fc.constantFrom(0, 1, 2, 4, 5, 16, 127, 128, 255, 0xc3),
    fc.constantFrom('set', 'cut', 'insert'),
  )
  let refused = 0
  let passed = 0
  fc.assert(
    fc.property(
      documentArbitrary,
      fc.array(change, { minLength: 1, maxLength: 3 }),
      fc.boolean(),
      (original, changes, fit) => {
        const bytes = [...original]
        for (const [place, byte, how] of changes) {
          const at = place % bytes.length
          if (how === 'set') bytes[at] = byte
          else if (how === 'cut') bytes.splice(at, 1)
          else bytes.splice(at, 0, byte)
        }
        const mutated = Uint8Array.from(bytes)
        // With the outer length made right, the damage lies deeper.
        if (fit && mutated.length >= 4) new DataView(mutated.buffer).setInt32(0, mutated.length, true)
        const found = problem(mutated)
        if (found === undefined) {
          passed++
          walkAll(mutated, 0)
        } else {
          refused++
          expect(found).toMatch(/^InvalidBSON: invalid BSON: .* at byte -?\d+$/s)
        }
      },
    ),
    { numRuns: 20_000 },
  )
  expect(refused).toBeGreaterThan(1000)
  expect(passed).toBeGreaterThan(100)
})

test('random bytes are refused with InvalidBSON', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      if (bytes.length >= 4) new DataView(bytes.buffer).setInt32(0, bytes.length, true)
      const found = problem(bytes)
      if (found === undefined) walkAll(bytes, 0)
      else expect(found).toContain('InvalidBSON')
    }),
    { numRuns: 20_000 },
  )
})

test('a document in the middle of a buffer is checked within its own bounds', () => {
  const inner = buildDocument({ a: 'text', b: [1, 2] })
  const buffer = new Uint8Array(inner.length + 20).fill(0xff)
  buffer.set(inner, 10)
  expect(problem(buffer, 10, 10 + inner.length)).toBeUndefined()
  expect(problem(buffer, 10, 11 + inner.length)).toContain('does not agree')
  expect(problem(buffer, 10, buffer.length + 1)).toContain('beyond its buffer')
})

const text = [...stringValue('x').bytes]
const empty = [5, 0, 0, 0, 0]
const refusals: readonly (readonly [string, Uint8Array])[] = [
  ['too short for a document', Uint8Array.from([4, 0, 0, 0])],
  ['unterminated document', Uint8Array.from([5, 0, 0, 0, 1])],
  ['ends before its length', Uint8Array.from([6, 0, 0, 0, 0, 0])],
  ['unknown type', oneField(0x14)],
  ['name without an end', Uint8Array.from([7, 0, 0, 0, 10, 0x61, 0])],
  ['name not UTF-8', Uint8Array.from([8, 0, 0, 0, 10, 0xff, 0, 0])],
  ['int32 cut short', oneField(bsonType.int32, 1, 2, 3)],
  ['double cut short', oneField(bsonType.double, 1, 2, 3, 4, 5, 6, 7)],
  ['boolean of 2', oneField(bsonType.boolean, 2)],
  ['string of length 0', oneField(bsonType.string, 0, 0, 0, 0, 0)],
  ['string of negative length', oneField(bsonType.string, 255, 255, 255, 255, 0)],
  ['string longer than the document', oneField(bsonType.string, 3, 0, 0, 0, 0x78, 0)],
  ['string without its NUL', oneField(bsonType.string, 2, 0, 0, 0, 0x78, 0x78)],
  ['string with a lone surrogate', oneField(bsonType.string, 4, 0, 0, 0, 0xed, 0xa0, 0x80, 0)],
  ['string with an overlong form', oneField(bsonType.string, 3, 0, 0, 0, 0xc0, 0x80, 0)],
  ['string cut within a character', oneField(bsonType.string, 2, 0, 0, 0, 0xc3, 0)],
  ['long string that is not UTF-8', oneField(bsonType.string, 101, 0, 0, 0, ...new Array(99).fill(0x78), 0xff, 0)],
  ['binary of negative length', oneField(bsonType.binary, 255, 255, 255, 255, 0)],
  ['binary too long', oneField(bsonType.binary, 2, 0, 0, 0, 0, 1)],
  ['old binary with a wrong inner length', oneField(bsonType.binary, 5, 0, 0, 0, 2, 2, 0, 0, 0, 1)],
  ['objectId cut short', oneField(bsonType.objectId, ...new Array(11).fill(0))],
  ['regex without its second end', oneField(bsonType.regex, 0x61, 0, 0x69)],
  ['dbPointer cut short', oneField(bsonType.dbPointer, ...text, ...new Array(11).fill(0))],
  ['document of length 4', oneField(bsonType.document, 4, 0, 0, 0, 0)],
  ['document beyond its parent', oneField(bsonType.document, 7, 0, 0, 0, 0)],
  ['code with scope of a wrong total', oneField(bsonType.codeWithScope, 16, 0, 0, 0, ...text, ...empty)],
  ['scope shorter than its total', oneField(bsonType.codeWithScope, 18, 0, 0, 0, ...text, ...empty, 10, 0x62, 0)],
  ['decimal cut short', oneField(bsonType.decimal128, ...new Array(15).fill(0))],
]

test.each(refusals)('refuses: %s', (_, bytes) => {
  expect(problem(bytes)).toContain('InvalidBSON')
})

test('accepts the longest and oddest well-formed values', () => {
  expect(problem(oneField(bsonType.codeWithScope, 15, 0, 0, 0, ...text, ...empty))).toBeUndefined()
  expect(problem(oneField(bsonType.dbPointer, ...text, ...new Array(12).fill(0)))).toBeUndefined()
  expect(problem(oneField(bsonType.string, 5, 0, 0, 0, 0xf0, 0x9f, 0x98, 0x80, 0))).toBeUndefined()
  expect(problem(oneField(bsonType.string, 3, 0, 0, 0, 0, 0, 0))).toBeUndefined()
  expect(problem(buildDocument({ '': null, é: 'é'.repeat(100) }))).toBeUndefined()
})

function nestedTo(depth: number): Uint8Array {
  let bytes = buildDocument({})
  for (let level = 1; level < depth; level++) {
    bytes = level % 2 === 0 ? buildDocument({ d: rawDocument(bytes) }) : asArray(bytes)
  }
  return bytes
}

function asArray(bytes: Uint8Array): Uint8Array {
  const writer = new BsonWriter()
  writer.beginDocument()
  writer.array('0', bytes)
  writer.end()
  return writer.finish()
}

test('nesting may be 200 levels deep below the document and no more', () => {
  const refused = 'Overflow: BSONObj exceeds maximum nested object depth: 200'
  expect(problem(nestedTo(201))).toBeUndefined()
  expect(problem(nestedTo(202))).toBe(refused)
  expect(problem(nestedTo(5000))).toBe(refused)
})

test('a size beyond the limit is refused as too large', () => {
  const bytes = buildDocument({ a: 'x'.repeat(100) })
  expect(problem(bytes, 0, bytes.length, bytes.length)).toBeUndefined()
  expect(problem(bytes, 0, bytes.length, bytes.length - 1)).toContain('BSONObjectTooLarge')
})

test('the message names the field and the place', () => {
  const bytes = buildDocument({ first: 1, second: true })
  bytes[getField(bytes, 'second')!.start] = 7
  expect(problem(bytes)).toBe(`InvalidBSON: invalid BSON: a boolean is neither 0 nor 1 in field 'second', at byte 23`)
})
