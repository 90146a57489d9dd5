import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codeOf, evaluate } from '../../testdata/evaluate.ts'

const int = (n: number) => ({ $numberInt: String(n) })
const long = (n: string) => ({ $numberLong: n })
const double = (n: string) => ({ $numberDouble: n })
const decimal = (n: string) => ({ $numberDecimal: n })
const binary = (base64: string, subType = '00') => ({ $binary: { base64, subType } })
const ms = (n: string) => ({ $date: { $numberLong: n } })
const oid = { $oid: '507f1f77bcf86cd799439011' }

describe('conversions', () => {
  const cases: readonly (readonly [input: unknown, to: unknown, result: unknown, options?: object])[] = [
    [double('-1.9'), 'int', int(-1)],
    ['-0042', 'int', int(-42)],
    [true, 'int', int(1)],
    [decimal('2147483647.9'), 'int', int(2147483647)],
    [binary('/w=='), 'int', int(-1)],
    [binary('AAAAKg=='), 'int', int(42), { byteOrder: 'big' }],
    ['ff', 'int', int(255), { base: 16 }],
    [int(255), 'string', 'FF', { base: 16 }],
    [ms('86400000'), 'long', long('86400000')],
    ['9223372036854775807', 'long', long('9223372036854775807')],
    ['1.5e-3', 'double', double('0.0015')],
    ['+0x1p-1', 'double', double('0.5')],
    ['-inf', 'double', double('-Infinity')],
    [long('9007199254740993'), 'double', double('9007199254740992.0')],
    [double('2.5'), 'decimal', decimal('2.50000000000000')],
    ['.50', 'decimal', decimal('0.50')],
    ['1.00000000000000000000000000000000099999', 'decimal', decimal('1.000000000000000000000000000000000')],
    [int(0), 'bool', false],
    ['', 'bool', true],
    [oid, 'string', '507f1f77bcf86cd799439011'],
    ['507F1F77BCF86CD799439011', 'objectId', oid],
    [ms('0'), 'string', '1970-01-01T00:00:00.000Z'],
    [long('-1'), 'date', ms('-1')],
    [double('1000.9'), 'date', ms('1000')],
    [oid, 'date', ms('1350508407000')],
    ['2024-06-15T12:30:45+0500', 'date', ms('1718436645000')],
    [binary('Pj4+Pg=='), 'string', 'Pj4-Pg', { format: 'base64url' }],
    [binary('aGVsbG8='), 'string', 'hello', { format: 'utf8' }],
    ['68656C6C6F', 'binData', binary('aGVsbG8='), { format: 'hex' }],
    [int(42), { type: 'binData', subtype: 5 }, binary('KgAAAA==', '05')],
    ['[1,{"a":2}]', 'array', [int(1), { a: int(2) }]],
    ['{"a":[1]}', 'object', { a: [int(1)] }],
    ['no number', 'int', 'caught', { onError: 'caught' }],
    [null, 'int', 'none', { onNull: 'none' }],
    [int(42), 16, int(42)],
  ]
  for (const [input, to, result, options] of cases) {
    it(`${JSON.stringify(input)} to ${JSON.stringify(to)} is ${JSON.stringify(result)} ${JSON.stringify(options ?? {})}`, () => {
      const expression = { $convert: { input: { $literal: input }, to, ...options } }
      expect(evaluate(JSON.stringify(expression), '{}', true)).toEqual(result)
    })
  }

  const refusals: readonly (readonly [expression: unknown, code: number])[] = [
    [{ $toInt: '1.5' }, 241],
    [{ $toInt: ' 1' }, 241],
    [{ $toInt: long('2147483648') }, 241],
    [{ $toInt: double('NaN') }, 241],
    [{ $toInt: ms('0') }, 241],
    [{ $toLong: '9223372036854775808' }, 241],
    [{ $toDouble: '1e400' }, 241],
    [{ $toDouble: '0x1' }, 241],
    [{ $toDecimal: '1E+7000' }, 241],
    [{ $toDate: int(0) }, 241],
    [{ $toDate: 'Friday' }, 241],
    [{ $toObjectId: 'xyz' }, 241],
    [{ $toString: { $literal: { a: 1 } } }, 241],
    [{ $toString: ms('253402300800000') }, 18537],
    [{ $toArray: '{"a":1}' }, 241],
    [{ $toObject: '{"a":1},"b":{}' }, 241],
    [{ $toUUID: 'not-a-uuid' }, 241],
    [{ $toInt: [1, 2] }, 50723],
    [{ $convert: { input: 1 } }, 9],
    [{ $convert: { input: 1, to: 'integer' } }, 2],
    [{ $convert: { input: 1, to: 99 } }, 9],
    [{ $convert: { input: 'x', to: 'binData' } }, 4341115],
    [{ $convert: { input: 'x', to: 'binData', format: 'xml' } }, 4341125],
    [{ $convert: { input: 1, to: 'binData', byteOrder: 'middle' } }, 9130002],
    [{ $convert: { input: 1, to: { type: 'binData', subtype: 10 } } }, 4341107],
  ]
  for (const [expression, code] of refusals) {
    it(`${JSON.stringify(expression)} is refused with ${code}`, () => {
      expect(codeOf(JSON.stringify(expression))).toBe(code)
    })
  }

  it('come back from text', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (n) => {
        const input = long(String(n))
        expect(evaluate(JSON.stringify({ $toLong: { $toString: input } }), '{}', true)).toEqual(input)
        const back = (base: number) => ({
          $convert: { input: { $convert: { input, to: 'string', base } }, to: 'long', base },
        })
        for (const base of [2, 8, 16]) expect(evaluate(JSON.stringify(back(base)), '{}', true)).toEqual(input)
      }),
      { numRuns: 50 },
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), fc.constantFrom('base64', 'base64url', 'hex'), (bytes, format) => {
        const input = binary(Buffer.from(bytes).toString('base64'))
        const text = { $convert: { input, to: 'string', format } }
        expect(evaluate(JSON.stringify({ $convert: { input: text, to: 'binData', format } }), '{}', true)).toEqual(
          input,
        )
      }),
    )
  })
})

describe('types', () => {
  it('are named, missing too', () => {
    expect(
      evaluate('[{"$type":"$none"},{"$type":1},{"$type":{"$numberLong":"1"}},{"$isNumber":1},{"$isNumber":"$none"}]'),
    ).toEqual(['missing', 'int', 'long', true, false])
  })
})

describe('extended JSON', () => {
  const value = {
    i: int(1),
    l: long('2'),
    d: double('1.5'),
    m: decimal('1.0'),
    o: oid,
    t: ms('5'),
    b: binary('AAEC'),
    s: ['x', { n: null, deep: { o: oid } }],
  }

  it('is written as documents, and read back as what it was', () => {
    const serialized = (relaxed: boolean) => ({ $serializeEJSON: { input: { $literal: value }, relaxed } })
    const type = (path: string, relaxed: boolean) =>
      evaluate(JSON.stringify({ $let: { vars: { v: serialized(relaxed) }, in: { $type: `$$v.${path}` } } }))
    expect([type('i', true), type('i', false), type('o', true), type('m', true)]).toEqual([
      'int',
      'object',
      'object',
      'object',
    ])
    for (const relaxed of [true, false]) {
      const back = { $deserializeEJSON: { input: serialized(relaxed) } }
      expect(evaluate(JSON.stringify(back), '{}', true)).toEqual(value)
    }
  })

  it('is refused, or onError, where a type is given but no value of it', () => {
    const input = { $literal: { a: { $foo: 1 } } }
    expect(evaluate(JSON.stringify({ $deserializeEJSON: { input } }))).toEqual({ a: { $foo: 1 } })
    // Written so that the test's own reader takes the wrapper for a document.
    const bad = '{"$setField":{"field":{"$literal":"$numberLong"},"input":{},"value":"bad"}}'
    expect(codeOf(`{"$deserializeEJSON":{"input":${bad}}}`)).toBe(241)
    expect(evaluate(`{"$deserializeEJSON":{"input":${bad},"onError":"failed"}}`)).toBe('failed')
    expect(codeOf('{"$serializeEJSON":{"input":1,"relaxed":1}}')).toBe(2)
    expect(codeOf('{"$serializeEJSON":{"input":1,"more":1}}')).toBe(9)
  })
})
