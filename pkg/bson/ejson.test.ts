import { strict as assert } from 'node:assert'
import { deserialize, EJSON, serialize } from 'bson'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DatabaseError } from '../base/errors.ts'
import { encodeDocument } from './convert.ts'
import { parseExtendedJson, stringifyExtendedJson } from './ejson.ts'
import { ExtendedJsonParser } from './ejson-parse.ts'
import { anyName, objects, orderedName } from './testdata/driver-values.ts'
import { validateDocument } from './validate.ts'
import { BsonWriter } from './writer.ts'

const canonical = { relaxed: false }
const relaxed = { relaxed: true }

/** Parses and shows what came out in canonical form, which names every type. */
function typed(json: string): string {
  const bytes = parseExtendedJson(json)
  validateDocument(bytes, 0, bytes.length)
  return stringifyExtendedJson(bytes, canonical)
}

function refusal(json: string | Uint8Array): string {
  try {
    parseExtendedJson(json)
  } catch (error) {
    if (error instanceof DatabaseError) return `${error.codeName}: ${error.message}`
    throw error
  }
  throw new Error(`nothing was refused in ${String(json)}`)
}

function parseInto(writer: BsonWriter, json: string): void {
  new ExtendedJsonParser().parse(Buffer.from(json), writer)
}

/** The driver shows relaxed negative zero as 0. */
function withoutNegativeZero(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}

/** The driver shows large whole doubles with all their digits, which is the same number in more characters. */
function shortest(json: string): string {
  return json.replace(
    /("\$numberDouble": ?")(-?\d{17,})\.0"/g,
    (_, head: string, digits: string) => `${head}${Number(digits)}.0"`,
  )
}

describe('stringifyExtendedJson', () => {
  const driverOptions = { promoteValues: false, bsonRegExp: true, promoteBuffers: false } as const

  it('writes canonical text as the driver does', () => {
    fc.assert(
      fc.property(objects(orderedName), fc.constantFrom(undefined, 2), (object, indent) => {
        const bytes = encodeDocument(object)
        const expected = EJSON.stringify(deserialize(bytes, driverOptions), undefined, indent, canonical)
        const options = indent === undefined ? canonical : { ...canonical, indent }
        expect(shortest(stringifyExtendedJson(bytes, options))).toBe(shortest(expected))
      }),
      { numRuns: 500 },
    )
  })

  it('writes relaxed text that reads as the driver’s does', () => {
    fc.assert(
      fc.property(objects(orderedName), (object) => {
        const bytes = encodeDocument(object)
        const expected: unknown = JSON.parse(EJSON.stringify(deserialize(bytes, driverOptions), relaxed))
        expect(withoutNegativeZero(JSON.parse(stringifyExtendedJson(bytes, relaxed)))).toEqual(expected)
      }),
      { numRuns: 500 },
    )
  })

  it('writes canonical text that reads back as the same bytes', () => {
    fc.assert(
      fc.property(objects(orderedName), fc.constantFrom(undefined, 1, 4), (object, indent) => {
        const bytes = encodeDocument(object)
        const options = indent === undefined ? canonical : { ...canonical, indent }
        assert.deepEqual(Buffer.from(parseExtendedJson(stringifyExtendedJson(bytes, options))), Buffer.from(bytes))
      }),
      { numRuns: 800 },
    )
  })

  it('keeps integer-like names in their place, and names that occur twice', () => {
    const text = '{"b":1,"10":2,"9":3,"b":4,"__proto__":5}'
    expect(stringifyExtendedJson(parseExtendedJson(text), relaxed)).toBe(text)
  })

  it.each([
    ['{"d":{"$numberDouble":"1.0"}}', '{"d":1.0}'],
    ['{"d":{"$numberDouble":"-0.0"}}', '{"d":-0.0}'],
    ['{"d":{"$numberDouble":"1e+21"}}', '{"d":1e+21}'],
    ['{"d":{"$numberDouble":"0.1"}}', '{"d":0.1}'],
    ['{"d":{"$numberDouble":"5e-324"}}', '{"d":5e-324}'],
    ['{"d":{"$numberDouble":"NaN"}}', '{"d":{"$numberDouble":"NaN"}}'],
    ['{"d":{"$numberDouble":"-Infinity"}}', '{"d":{"$numberDouble":"-Infinity"}}'],
    ['{"l":{"$numberLong":"9223372036854775807"}}', '{"l":9223372036854775807}'],
    ['{"t":{"$date":{"$numberLong":"1356351330501"}}}', '{"t":{"$date":"2012-12-24T12:15:30.501Z"}}'],
    ['{"t":{"$date":{"$numberLong":"1356351330000"}}}', '{"t":{"$date":"2012-12-24T12:15:30Z"}}'],
    ['{"t":{"$date":{"$numberLong":"-1"}}}', '{"t":{"$date":{"$numberLong":"-1"}}}'],
    ['{"t":{"$date":{"$numberLong":"253402300799999"}}}', '{"t":{"$date":"9999-12-31T23:59:59.999Z"}}'],
    ['{"t":{"$date":{"$numberLong":"253402300800000"}}}', '{"t":{"$date":{"$numberLong":"253402300800000"}}}'],
    [
      '{"t":{"$date":{"$numberLong":"-9223372036854775808"}}}',
      '{"t":{"$date":{"$numberLong":"-9223372036854775808"}}}',
    ],
    ['{"u":{"$undefined":true}}', '{"u":{"$undefined":true}}'],
    [
      '{"p":{"$dbPointer":{"$ref":"a.b","$id":{"$oid":"56e1fc72e0c917e9c4714161"}}}}',
      '{"p":{"$dbPointer":{"$ref":"a.b","$id":{"$oid":"56e1fc72e0c917e9c4714161"}}}}',
    ],
    ['{"b":{"$binary":{"base64":"//8=","subType":"02"}}}', '{"b":{"$binary":{"base64":"//8=","subType":"02"}}}'],
    [
      '{"r":{"$regularExpression":{"pattern":"a\\"b","options":"ix"}}}',
      '{"r":{"$regularExpression":{"pattern":"a\\"b","options":"ix"}}}',
    ],
    ['{"k":{"$minKey":1},"x":{"$maxKey":1}}', '{"k":{"$minKey":1},"x":{"$maxKey":1}}'],
  ])('%s', (exact, shown) => {
    expect(typed(exact)).toBe(exact)
    expect(stringifyExtendedJson(parseExtendedJson(exact), relaxed)).toBe(shown)
    expect(typed(shown)).toBe(exact)
  })
})

describe('parseExtendedJson', () => {
  it('reads plain JSON as the driver does', () => {
    const plain = fc.letrec<{ value: unknown; object: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        fc.string({ unit: 'binary' }),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.double({ noInteger: true, noNaN: true, noDefaultInfinity: true }),
        fc.array(tie('value')),
        tie('object'),
      ),
      object: fc.dictionary(
        anyName.filter((name) => !name.startsWith('$')),
        tie('value'),
      ),
    })).object
    fc.assert(
      fc.property(plain, fc.constantFrom(undefined, 1, '\t', '\r\n'), (object, space) => {
        const text = JSON.stringify(object, undefined, space)
        assert.deepEqual(Buffer.from(parseExtendedJson(text)), Buffer.from(serialize(JSON.parse(text))))
      }),
      { numRuns: 800 },
    )
  })

  it('never reads what is not JSON, and always reads what is', () => {
    const pieces = [
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"b\\n"',
      '"\\u00e9"',
      '"\\x"',
      '1',
      '-',
      '0',
      '01',
      '1.5',
      '.5',
      '1e3',
      '1e',
      'true',
      'nul',
      'null',
      ' ',
      '\n',
      '"',
      '\\',
    ]
    const text = fc.oneof(
      fc.array(fc.constantFrom(...pieces), { maxLength: 10 }).map((parts) => `{"k":${parts.join('')}}`),
      fc.tuple(fc.json(), fc.nat(), fc.constantFrom(...pieces)).map(([json, at, piece]) => {
        const whole = `{"k":${json}}`
        const cut = at % (whole.length + 1)
        return whole.slice(0, cut) + piece + whole.slice(cut)
      }),
    )
    fc.assert(
      fc.property(text, (json) => {
        let isObject = true
        try {
          const parsed: unknown = JSON.parse(json)
          isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
        } catch {
          isObject = false
        }
        if (json.includes('$')) return
        if (isObject) parseExtendedJson(json)
        else expect(refusal(json)).toMatch(/^FailedToParse: JSON: .*, line \d+, column \d+$/)
      }),
      { numRuns: 3000 },
    )
  })

  it.each([
    ['{"n":0}', '{"n":{"$numberInt":"0"}}'],
    ['{"n":-0}', '{"n":{"$numberDouble":"-0.0"}}'],
    ['{"n":2147483647}', '{"n":{"$numberInt":"2147483647"}}'],
    ['{"n":2147483648}', '{"n":{"$numberLong":"2147483648"}}'],
    ['{"n":-2147483648}', '{"n":{"$numberInt":"-2147483648"}}'],
    ['{"n":-2147483649}', '{"n":{"$numberLong":"-2147483649"}}'],
    ['{"n":9223372036854775807}', '{"n":{"$numberLong":"9223372036854775807"}}'],
    ['{"n":9223372036854775808}', '{"n":{"$numberDouble":"9223372036854776000.0"}}'],
    ['{"n":-9223372036854775808}', '{"n":{"$numberLong":"-9223372036854775808"}}'],
    ['{"n":999999999999999}', '{"n":{"$numberLong":"999999999999999"}}'],
    ['{"n":1.0}', '{"n":{"$numberDouble":"1.0"}}'],
    ['{"n":1E2}', '{"n":{"$numberDouble":"100.0"}}'],
    ['{"d":{"$date":"2020-02-29T12:00:00.5+01:00"}}', '{"d":{"$date":{"$numberLong":"1582974000500"}}}'],
    ['{"d":{"$date":"2014-01-01T00:00:00.000-0500"}}', '{"d":{"$date":{"$numberLong":"1388552400000"}}}'],
    ['{"d":{"$date":"0001-01-01T00:00:00Z"}}', '{"d":{"$date":{"$numberLong":"-62135596800000"}}}'],
    ['{"d":{"$date":1388552400000}}', '{"d":{"$date":{"$numberLong":"1388552400000"}}}'],
    ['{"d":{"$date":-5}}', '{"d":{"$date":{"$numberLong":"-5"}}}'],
    ['{"b":{"$binary":"//8=","$type":"80"}}', '{"b":{"$binary":{"base64":"//8=","subType":"80"}}}'],
    ['{"b":{"$type":"00","$binary":"//8="}}', '{"b":{"$binary":{"base64":"//8=","subType":"00"}}}'],
    ['{"b":{"$binary":{"subType":"5","base64":""}}}', '{"b":{"$binary":{"base64":"","subType":"05"}}}'],
    [
      '{"u":{"$uuid":"73ffd264-44b3-4c69-90e8-e7d1dfc035d4"}}',
      '{"u":{"$binary":{"base64":"c//SZESzTGmQ6OfR38A11A==","subType":"04"}}}',
    ],
    ['{"r":{"$regex":"a","$options":"mi"}}', '{"r":{"$regularExpression":{"pattern":"a","options":"im"}}}'],
    ['{"r":{"$options":"i","$regex":"a"}}', '{"r":{"$regularExpression":{"pattern":"a","options":"i"}}}'],
    ['{"r":{"$regex":"a"}}', '{"r":{"$regex":"a"}}'],
    [
      '{"r":{"$regex":{"$regularExpression":{"pattern":"a","options":""}},"$options":"i"}}',
      '{"r":{"$regex":{"$regularExpression":{"pattern":"a","options":""}},"$options":"i"}}',
    ],
    ['{"r":{"$regex":"a","$options":"i","$in":["b"]}}', '{"r":{"$regex":"a","$options":"i","$in":["b"]}}'],
    ['{"r":{"$type":"string"}}', '{"r":{"$type":"string"}}'],
    ['{"r":{"$gt":{"$numberLong":"5"}}}', '{"r":{"$gt":{"$numberLong":"5"}}}'],
    ['{"c":{"$scope":{"x":{"$numberInt":"1"}},"$code":"f"}}', '{"c":{"$code":"f","$scope":{"x":{"$numberInt":"1"}}}}'],
    ['{"t":{"$timestamp":{"i":4294967295,"t":1}}}', '{"t":{"$timestamp":{"t":1,"i":4294967295}}}'],
    ['{"t":{"$timestamp":{"t":{"$numberInt":"7"},"i":{"$numberLong":"8"}}}}', '{"t":{"$timestamp":{"t":7,"i":8}}}'],
    ['{"l":{"$numberLong":5}}', '{"l":{"$numberLong":"5"}}'],
    ['{"m":{"$numberDecimal":"1.50E+3"}}', '{"m":{"$numberDecimal":"1.50E+3"}}'],
    [
      '{"ref":{"$ref":"c","$id":{"$oid":"56e1fc72e0c917e9c4714161"},"$db":"d"}}',
      '{"ref":{"$ref":"c","$id":{"$oid":"56e1fc72e0c917e9c4714161"},"$db":"d"}}',
    ],
    ['{"s":"\\ud83d\\ude00 \\ud83d \\u0000"}', '{"s":"😀 \ufffd \\u0000"}'],
    ['\ufeff {"a":[ ]}\n', '{"a":[]}'],
    ['{"\\u0024oid":"x"}', '{"$oid":"x"}'],
  ])('%s', (json, exact) => {
    expect(typed(json)).toBe(exact)
  })

  it.each([
    ['', 'expected a document, found the end of the text, line 1, column 1'],
    ['[]', 'expected a document, line 1, column 1'],
    ['{"a":1}x', 'expected nothing after the document, line 1, column 8'],
    ['{\n  "a": 1,\n  "b" 2\n}', "expected ':', line 3, column 7"],
    ['{"a":1,}', 'expected a name in double quotes, line 1, column 8'],
    ['{"a":[1,]}', 'an unexpected character, line 1, column 9'],
    ['{"a":"x\ty"}', 'a control character must be escaped in a string, line 1, column 8'],
    ['{"a":"x', 'a string that does not end, line 1, column 6'],
    ['{"a\\u0000b":1}', 'a field name must not contain a null byte, line 1, column 2'],
    ['{"a":{"$oid":"123"}}', 'a $oid that is not 24 hex digits in a string, line 1, column 14'],
    ['{"a":{"$oid":"56e1fc72e0c917e9c4714161","b":1}}', 'a $oid with further fields, line 1, column 6'],
    [
      '{"a":{"$numberInt":"2147483648"}}',
      'a $numberInt that is not an integer from -2147483648 to 2147483647, line 1, column 20',
    ],
    [
      '{"a":{"$numberLong":"9223372036854775808"}}',
      'a $numberLong that is not an integer from -9223372036854775808 to 9223372036854775807, line 1, column 21',
    ],
    ['{"a":{"$numberDouble":"x"}}', 'a $numberDouble that is not a number in a string, line 1, column 23'],
    [
      '{"a":{"$numberDecimal":"12345678901234567890123456789012345"}}',
      'a $numberDecimal that is not a decimal number of at most 34 digits in a string, line 1, column 24',
    ],
    ['{"a":{"$date":"2019-02-29T00:00:00Z"}}', 'a $date that is not a date in the form of ISO 8601, line 1, column 15'],
    ['{"a":{"$minKey":2}}', 'a $minKey that is not 1, line 1, column 17'],
    ['{"a":{"$binary":{"base64":"*","subType":"00"}}}', 'a $binary that is not base64 in a string, line 1, column 17'],
    [
      '{"a":{"$timestamp":{"t":-1,"i":0}}}',
      'a $timestamp that is not an integer from 0 to 4294967295, line 1, column 25',
    ],
  ])('refuses %s', (json, message) => {
    expect(refusal(json)).toBe(`FailedToParse: JSON: ${message}`)
  })

  it('refuses text that is not UTF-8', () => {
    expect(refusal(Uint8Array.from([...Buffer.from('{"a":"x'), 0xff, ...Buffer.from('"}')]))).toMatch(/not valid UTF-8/)
    expect(refusal(Uint8Array.from([...Buffer.from('{"a":"\\n'), 0xed, 0xa0, 0x80, ...Buffer.from('"}')]))).toMatch(
      /not valid UTF-8/,
    )
  })

  it('takes 201 levels and refuses 202, of documents, arrays and scopes', () => {
    const nested = (levels: number) => '{"a":'.repeat(levels - 1) + '{}' + '}'.repeat(levels - 1)
    expect(typed(nested(201))).toBe(nested(201))
    expect(refusal(nested(202))).toMatch(/^Overflow/)
    expect(refusal(`{"a":${'['.repeat(201)}${']'.repeat(201)}}`)).toMatch(/^Overflow/)
    expect(refusal(`{"a":${'['.repeat(200_000)}`)).toMatch(/^Overflow/)
    expect(refusal(`{"a":${'{"$code":"","$scope":{"a":'.repeat(201)}1${'}}'.repeat(201)}}`)).toMatch(/^Overflow/)
  })

  it('reads documents of many megabytes', () => {
    const text = `{"a":[${Array.from({ length: 200_000 }, (_, i) => `{"i":${i},"text":"some text ${i}"}`).join(',')}]}`
    const bytes = parseExtendedJson(text)
    validateDocument(bytes, 0, bytes.length)
    expect(stringifyExtendedJson(bytes, relaxed)).toBe(text)
  })

  it('leaves the writer as it was after an error', () => {
    const writer = new BsonWriter()
    writer.beginDocument()
    writer.end()
    expect(() => parseInto(writer, '{"a":1,"b":}')).toThrow(DatabaseError)
    expect(writer.length).toBe(5)
  })
})
