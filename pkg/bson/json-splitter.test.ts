import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DatabaseError } from '../base/errors.ts'
import { JsonDocumentSplitter } from './json-splitter.ts'

/** Everything that comes out when `text` is pushed in pieces of the given sizes, over and over. */
function split(text: string | Uint8Array, sizes: readonly number[] = [text.length || 1]): string[] {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  const splitter = new JsonDocumentSplitter()
  const found: Uint8Array[] = []
  const drain = () => {
    for (let document = splitter.next(); document !== undefined; document = splitter.next()) found.push(document)
  }
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]!
    const chunk = Uint8Array.from(bytes.subarray(at, at + size))
    splitter.push(chunk)
    chunk.fill(0)
    if (turn % 3 !== 1) drain()
    at += size
  }
  splitter.end()
  drain()
  return found.map((document) => Buffer.from(document).toString())
}

function refusal(text: string): string {
  try {
    split(text)
  } catch (error) {
    if (error instanceof DatabaseError) return `${error.codeName}: ${error.message}`
    throw error
  }
  throw new Error(`nothing was refused in ${text}`)
}

describe('JsonDocumentSplitter', () => {
  it('finds the documents of every layout, however the text is cut', () => {
    const document = fc
      .dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 3 }))
      .map((object) => JSON.stringify(object))
    const space = fc.constantFrom('', ' ', '\n', '\r\n', '\t\n ')
    const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(
        fc.array(document, { maxLength: 8 }),
        space,
        space,
        sizes,
        fc.constantFrom('', '\ufeff'),
        (documents, before, after, cuts, mark) => {
          expect(split(mark + before + documents.join(after) + after, cuts)).toEqual(documents)
          expect(
            split(`${mark}${before}[${after}${documents.join(`${before},${after}`)}${before}]${after}`, cuts),
          ).toEqual(documents)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('tells where a document begins', () => {
    const splitter = new JsonDocumentSplitter()
    splitter.push(Buffer.from('{"a":1}\n{"b":\n2}  {"c":3}\n\n  {"d'))
    const places: string[] = []
    while (splitter.next() !== undefined) places.push(`${splitter.line}:${splitter.column}`)
    splitter.push(Buffer.from('":4}'))
    splitter.end()
    while (splitter.next() !== undefined) places.push(`${splitter.line}:${splitter.column}`)
    expect(places).toEqual(['1:1', '2:1', '3:5', '5:3'])
  })

  it.each([
    ['x', "found 'x' where a document or an array of documents is expected, line 1, column 1"],
    ['{"a":1}\n  x', "found 'x' where a document is expected, line 2, column 3"],
    ['{"a":1},{"b":2}', "found ',' where a document is expected, line 1, column 8"],
    ['[{} {}]', "found '{' where ',' or ']' is expected, line 1, column 5"],
    ['[{},]', "found ']' where a document is expected, line 1, column 5"],
    ['[,{}]', "found ',' where a document or ']' is expected, line 1, column 2"],
    ['[{}]\n{}', "found '{' where nothing after the array is expected, line 2, column 1"],
    ['[1]', "found '1' where a document or ']' is expected, line 1, column 2"],
    ['{"a":1}\n{"b":"}', 'the text ends within the document that begins here, line 2, column 1'],
    ['[{"a":1},\n', 'the text ends where a document is expected, line 2, column 1'],
    ['[{"a":1}', "the text ends where ',' or ']' is expected, line 1, column 9"],
    ['[', "the text ends where a document or ']' is expected, line 1, column 2"],
    ['\u00e9', 'found byte 0xc3 where a document or an array of documents is expected, line 1, column 1'],
  ])('refuses %j', (text, message) => {
    expect(refusal(text)).toBe(`FailedToParse: JSON: ${message}`)
  })

  it('finds nothing in nothing', () => {
    expect(split('')).toEqual([])
    expect(split(' \n')).toEqual([])
    expect(split('[]')).toEqual([])
  })

  it('takes time in proportion to the text, for one huge document in small chunks and for one long line', () => {
    const huge = `{"a":"${'x'.repeat(4_000_000)}"}`
    expect(split(huge, [1000])).toEqual([huge])
    const line = Array.from({ length: 200_000 }, (_, i) => `{"i":${i}}`)
    expect(split(line.join(''), [1_000_000])).toEqual(line)
  })
})
