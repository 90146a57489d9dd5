import { describe, expect, it } from 'vitest'
import { divideDecimals, multiplyDecimals, subtractDecimals } from '../bson/decimal-arithmetic.ts'
import { compareDecimals, type Decimal, formatDecimal, parseDecimal } from '../bson/decimal128.ts'
import { decadicLogarithmOf, exponentialOf, logarithmOf, powerOf, squareRootOf } from './decimal-functions.ts'
import { piDigits } from './pi.ts'

const decimal = (text: string): Decimal => parseDecimal(text)!.decimal
const size = (x: Decimal): Decimal => ({ ...x, negative: false })

describe('functions of decimals', () => {
  const cases: readonly (readonly [name: string, result: Decimal, text: string])[] = [
    ['e^1', exponentialOf(decimal('1')), '2.718281828459045235360287471352662'],
    ['e^0', exponentialOf(decimal('0')), '1'],
    ['e^-inf', exponentialOf(decimal('-Infinity')), '0'],
    ['e^-1E6', exponentialOf(decimal('-1E6')), '0E-6176'],
    ['e^1E6', exponentialOf(decimal('1E6')), 'Infinity'],
    ['ln 10', logarithmOf(decimal('10')), '2.302585092994045684017991454684364'],
    ['ln 1E-6176', logarithmOf(decimal('1E-6176')), '-14220.76553433122614449511522413063'],
    ['log10 1E+100', decadicLogarithmOf(decimal('1E+100')), '100'],
    ['sqrt 2', squareRootOf(decimal('2')), '1.414213562373095048801688724209698'],
    ['sqrt 4.00', squareRootOf(decimal('4.00')), '2.0'],
    ['sqrt 1E-6176', squareRootOf(decimal('1E-6176')), '1E-3088'],
    ['2^100', powerOf(decimal('2'), decimal('100')), '1267650600228229401496703205376.000'],
    ['2^0.5', powerOf(decimal('2'), decimal('0.5')), '1.414213562373095048801688724209698'],
    ['10^-7000', powerOf(decimal('10'), decimal('-7000')), '0E-6176'],
    ['(-2)^3', powerOf(decimal('-2'), decimal('3')), '-8.000000000000000000000000000000000'],
    ['0.5^inf', powerOf(decimal('0.5'), decimal('Infinity')), '0E-6176'],
  ]
  for (const [name, result, text] of cases) {
    it(`${name} is ${text}`, () => {
      expect(formatDecimal(result)).toBe(text)
    })
  }

  it('undo each other but for the last digits', () => {
    const tolerance = decimal('1E-31')
    for (const text of ['0.001', '0.5', '1.0000001', '2', '3.14159', '12345.678', '9.9E+100', '7E-200']) {
      const x = decimal(text)
      const root = squareRootOf(x)
      const relative = (y: Decimal) => size(divideDecimals(subtractDecimals(x, y), x))
      expect(compareDecimals(relative(multiplyDecimals(root, root)), tolerance), `root of ${text}`).toBeLessThan(0)
      // The logarithm of 10^100 has two digits before the point, which its power loses.
      expect(compareDecimals(relative(exponentialOf(logarithmOf(x))), decimal('1E-30')), `ln ${text}`).toBeLessThan(0)
      expect(
        compareDecimals(relative(powerOf(root, decimal('2'))), tolerance),
        `square of root of ${text}`,
      ).toBeLessThan(0)
    }
  })
})

describe('π', () => {
  it('has its known digits, however many were asked for before', () => {
    expect(piDigits(50)).toBe(314159265358979323846264338327950288419716939937510n)
    expect(String(piDigits(1000)).slice(-20)).toBe('66111959092164201989')
    expect(piDigits(20)).toBe(314159265358979323846n)
  })
})
