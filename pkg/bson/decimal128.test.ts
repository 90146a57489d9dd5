import { Decimal128 } from 'bson'
import { Decimal as ReferenceDecimal } from 'decimal.js'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  addDecimals,
  decimalOfDouble,
  divideDecimals,
  fullDecimalOfDouble,
  multiplyDecimals,
  subtractDecimals,
} from './decimal-arithmetic.ts'
import {
  type Decimal,
  decimal128Bytes,
  decimal128ToNumber,
  exactDecimal,
  formatDecimal,
  formatDecimal128,
  isDecimal128Zero,
  parseDecimal,
  readDecimal128,
} from './decimal128.ts'

const Reference = ReferenceDecimal.clone({ precision: 34, rounding: ReferenceDecimal.ROUND_HALF_EVEN })

const d = (text: string): Decimal => parseDecimal(text)!.decimal
const finite: fc.Arbitrary<Decimal> = fc
  .tuple(
    fc.boolean(),
    fc.oneof(fc.bigInt({ min: 0n, max: 10n ** 34n - 1n }), fc.bigInt({ min: 0n, max: 2000n })),
    fc.oneof(fc.integer({ min: -6176, max: 6111 }), fc.integer({ min: -40, max: 20 })),
  )
  .map(([negative, coefficient, exponent]) => ({ form: 'finite', negative, coefficient, exponent }))

test('bytes and text are those of the official BSON library', () => {
  fc.assert(
    fc.property(finite, (decimal) => {
      const text = formatDecimal(decimal)
      const bytes = decimal128Bytes(decimal)
      const official = new Decimal128(bytes)
      expect(official.toString()).toBe(text)
      expect(Uint8Array.from(Decimal128.fromString(text).bytes)).toEqual(bytes)
      expect(readDecimal128(bytes, 0)).toEqual(decimal)
      expect(parseDecimal(text)).toEqual({ decimal, exact: true })
    }),
    { numRuns: 3000 },
  )
})

test.each(['NaN', 'Infinity', '-Infinity', '0', '-0', '0E-6176', '-0E+6111', '1E+3', '0.001', '0.0000001', '1E-7'])(
  'keeps %s',
  (text) => {
    const bytes = decimal128Bytes(d(text))
    expect(bytes).toEqual(Uint8Array.from(Decimal128.fromString(text).bytes))
    expect(formatDecimal128(bytes, 0)).toBe(new Decimal128(bytes).toString())
  },
)

test('reads the spellings of numbers, and nothing else', () => {
  const spellings = {
    '+1.5': '1.5',
    '.5': '0.5',
    '5.': '5',
    '1e2': '1E+2',
    '-INF': '-Infinity',
    nan: 'NaN',
    '00012': '12',
  }
  for (const [text, canonical] of Object.entries(spellings)) expect(formatDecimal(d(text))).toBe(canonical)
  for (const text of ['', '.', 'e5', '1e', '1.2.3', ' 1', '0x10', '1_000', '--1'])
    expect(parseDecimal(text)).toBeUndefined()
})

test('rounds half to even at 34 digits and says when digits were lost', () => {
  const nines = '9'.repeat(34)
  expect(parseDecimal(`${'1'.repeat(33)}25`)).toMatchObject({
    exact: false,
    decimal: { coefficient: BigInt(`${'1'.repeat(33)}2`) },
  })
  expect(parseDecimal(`${'1'.repeat(33)}35`)).toMatchObject({
    exact: false,
    decimal: { coefficient: BigInt(`${'1'.repeat(33)}4`) },
  })
  expect(parseDecimal(`${'1'.repeat(33)}250`)?.exact).toBe(false)
  expect(parseDecimal(`${'1'.repeat(34)}000`)).toMatchObject({ exact: true, decimal: { exponent: 3 } })
  expect(formatDecimal(d(`${nines}9`))).toBe(`1.${'0'.repeat(33)}E+35`)
  expect(formatDecimal(d(`${'1'.repeat(33)}25${'0'.repeat(300)}1`))).toBe(`1.${'1'.repeat(32)}3E+335`)
})

test('exponents out of range are padded, flushed to zero or made infinite', () => {
  expect(d('1E6144')).toMatchObject({ coefficient: 10n ** 33n, exponent: 6111 })
  expect(parseDecimal('1E6145')).toMatchObject({ exact: false, decimal: { form: 'infinity' } })
  expect(parseDecimal('10E6144')).toMatchObject({ exact: false, decimal: { form: 'infinity' } })
  expect(d('0E9999')).toMatchObject({ coefficient: 0n, exponent: 6111 })
  expect(parseDecimal('1E-6177')).toMatchObject({ exact: false, decimal: { coefficient: 0n, exponent: -6176 } })
  expect(parseDecimal('6E-6177')).toMatchObject({ exact: false, decimal: { coefficient: 1n, exponent: -6176 } })
  expect(parseDecimal('10E-6177')).toMatchObject({ exact: true, decimal: { coefficient: 1n, exponent: -6176 } })
  expect(parseDecimal('1E99999999999999999999')).toMatchObject({ exact: false, decimal: { form: 'infinity' } })
  expect(parseDecimal('-1E-99999999999999999999')).toMatchObject({
    exact: false,
    decimal: { coefficient: 0n, negative: true },
  })
})

test('a coefficient that is not canonical is zero', () => {
  const tooGreat = new Uint8Array(16).fill(0xff)
  tooGreat[15] = 0x30
  tooGreat[14] = 0x41
  expect(readDecimal128(tooGreat, 0).coefficient).toBe(0n)
  expect(isDecimal128Zero(tooGreat, 0)).toBe(true)
  const large = new Uint8Array(16)
  large[15] = 0x6c
  expect(formatDecimal128(large, 0)).toMatch(/^0E?/)
})

test('sums, differences, products and quotients are those of 34-digit decimals', () => {
  const value = (decimal: Decimal) => new Reference(formatDecimal(decimal))
  const near = fc
    .tuple(
      fc.boolean(),
      fc.bigInt({ min: 0n, max: 10n ** 34n - 1n }),
      fc.integer({ min: -45, max: 45 }),
      fc.nat({ max: 33 }),
    )
    .map(
      ([negative, coefficient, exponent, fewer]): Decimal => ({
        form: 'finite',
        negative,
        coefficient: coefficient / 10n ** BigInt(fewer),
        exponent,
      }),
    )
  fc.assert(
    fc.property(near, near, (a, b) => {
      const [x, y] = [value(a), value(b)]
      expect(value(addDecimals(a, b)).eq(x.add(y))).toBe(true)
      expect(value(subtractDecimals(a, b)).eq(x.sub(y))).toBe(true)
      expect(value(multiplyDecimals(a, b)).eq(x.mul(y))).toBe(true)
      if (b.coefficient !== 0n) expect(value(divideDecimals(a, b)).eq(x.div(y))).toBe(true)
    }),
    { numRuns: 5000 },
  )
})

test.each([
  ['1.10', '+', '2.2', '3.30'],
  ['1.00', '-', '1', '0.00'],
  ['1.10', '*', '2', '2.20'],
  ['1.10', '*', '2.00', '2.2000'],
  ['1E+3', '+', '0', '1000'],
  ['1E+6000', '+', '1', `1.${'0'.repeat(33)}E+6000`],
  ['10', '/', '4', '2.5'],
  ['10.00', '/', '5', '2.00'],
  ['1', '/', '3', `0.${'3'.repeat(34)}`],
  ['1', '/', '0', 'Infinity'],
  ['-1', '/', '0', '-Infinity'],
  ['0', '/', '0', 'NaN'],
  ['1', '/', '-Infinity', '-0E-6176'],
  ['Infinity', '-', 'Infinity', 'NaN'],
  ['Infinity', '*', '0', 'NaN'],
  ['Infinity', '*', '-2', '-Infinity'],
  ['NaN', '+', '1', 'NaN'],
  ['9E+6144', '*', '10', 'Infinity'],
  ['1E-6176', '/', '2', '0E-6176'],
  ['-0', '+', '-0', '-0'],
  ['-0', '+', '0', '0'],
])('%s %s %s = %s', (a, operator, b, result) => {
  const operations = { '+': addDecimals, '-': subtractDecimals, '*': multiplyDecimals, '/': divideDecimals }
  const operation = operations[operator as keyof typeof operations]
  expect(formatDecimal(operation(d(a), d(b)))).toBe(result)
})

test('a double becomes a decimal of 15 digits, of 34, or exactly', () => {
  const text = (n: number) => formatDecimal(decimalOfDouble(n))
  expect(text(2.5)).toBe('2.50000000000000')
  expect(text(0.1)).toBe('0.100000000000000')
  expect(text(-0.1)).toBe('-0.100000000000000')
  expect(text(123456789012345680)).toBe('1.23456789012346E+17')
  expect(text(9.999999999999998)).toBe('10.0000000000000')
  expect(text(0)).toBe('0')
  expect(text(Infinity)).toBe('Infinity')
  expect(text(1234567890123.125)).toBe('1234567890123.12')
  expect(formatDecimal(fullDecimalOfDouble(0.1))).toBe('0.1000000000000000055511151231257827')
  expect(formatDecimal(exactDecimal(0.1))).toBe('0.1000000000000000055511151231257827021181583404541015625')
  expect(exactDecimal(2 ** 1000).coefficient).toBe(2n ** 1000n)
})

test('the nearest double of a decimal is found', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true }), (n) => {
      expect(decimal128ToNumber(decimal128Bytes(d(String(n))), 0)).toBe(n + 0)
    }),
  )
})
