import { describe, expect, it } from 'vitest'
import { codeOf, evaluate } from '../../testdata/evaluate.ts'

const int = (n: number) => ({ $numberInt: String(n) })
const long = (n: string) => ({ $numberLong: n })
const double = (n: string) => ({ $numberDouble: n })
const decimal = (n: string) => ({ $numberDecimal: n })
const text = (value: unknown) => JSON.stringify(value)
const longMin = long('-9223372036854775808')
const longMax = long('9223372036854775807')

describe('arithmetic', () => {
  const cases: readonly (readonly [operator: string, operands: readonly unknown[], result: unknown])[] = [
    ['$abs', [int(-2147483648)], long('2147483648')],
    ['$abs', [long('-5')], long('5')],
    ['$abs', [double('-0.0')], double('0.0')],
    ['$abs', [decimal('-1.50')], decimal('1.50')],
    ['$abs', [null], null],
    ['$ceil', [double('-0.5')], double('-0.0')],
    ['$ceil', [decimal('1.01')], decimal('2')],
    ['$ceil', [decimal('-1.99')], decimal('-1')],
    ['$ceil', [decimal('1E+40')], decimal('NaN')],
    ['$ceil', [decimal('Infinity')], decimal('NaN')],
    ['$floor', [decimal('-0.1')], decimal('-1')],
    ['$floor', [int(7)], int(7)],
    ['$round', [double('2.5')], double('2.0')],
    ['$round', [double('3.5')], double('4.0')],
    ['$round', [double('-0.5')], double('-0.0')],
    ['$round', [double('0.49999999999999994')], double('0.0')],
    ['$round', [double('4503599627370497.0')], double('4503599627370497.0')],
    ['$round', [double('2.015'), int(2)], double('2.02')],
    ['$round', [decimal('2.5')], decimal('2')],
    ['$round', [decimal('1.1'), int(3)], decimal('1.100')],
    ['$round', [decimal('1.1'), int(99)], decimal('1.1')],
    ['$round', [int(1250), int(-2)], int(1200)],
    ['$round', [int(1350), int(-2)], int(1400)],
    ['$round', [int(2147483647), int(-1)], long('2147483650')],
    ['$round', [int(5), int(-20)], int(0)],
    ['$trunc', [double('0.29'), int(2)], double('0.28')],
    ['$trunc', [int(-1999), int(-3)], int(-1000)],
    ['$trunc', [decimal('23.298'), int(-1)], decimal('2E+1')],
    ['$trunc', [double('1.5'), null], null],
    ['$ln', [int(1)], double('0.0')],
    ['$ln', [decimal('NaN')], double('NaN')],
    ['$log10', [int(1000)], double('3.0')],
    ['$log10', [decimal('2')], decimal('0.3010299956639811952137388947244930')],
    ['$log', [int(8), int(2)], double('3.0')],
    ['$exp', [int(0)], double('1.0')],
    ['$sqrt', [int(25)], double('5.0')],
    ['$sqrt', [decimal('-0')], decimal('-0')],
    ['$pow', [int(2), int(30)], int(1073741824)],
    ['$pow', [int(2), int(31)], long('2147483648')],
    ['$pow', [int(2), int(63)], double('9223372036854776000.0')],
    ['$pow', [long('2'), int(2)], long('4')],
    ['$pow', [int(2), int(-1)], double('0.5')],
    ['$pow', [int(-1), int(-3)], int(-1)],
    ['$pow', [int(0), int(0)], int(1)],
    ['$pow', [double('1.0'), double('Infinity')], double('1.0')],
    ['$pow', [decimal('0.5'), int(2)], decimal('0.2500000000000000000000000000000000')],
    ['$pow', [int(-8), decimal('0.5')], decimal('NaN')],
    ['$bitAnd', [], int(-1)],
    ['$bitOr', [], int(0)],
    ['$bitAnd', [int(12), int(10)], int(8)],
    ['$bitOr', [int(12), long('10')], long('14')],
    ['$bitXor', [int(-1), int(1)], int(-2)],
    ['$bitXor', [int(1), null], null],
    ['$bitNot', [int(5)], int(-6)],
    ['$bitNot', [longMin], longMax],
  ]
  for (const [operator, operands, result] of cases) {
    it(`${operator} ${text(operands)} is ${text(result)}`, () => {
      const literals = operands.map((operand) => ({ $literal: operand }))
      expect(evaluate(text({ [operator]: literals }), '{}', true)).toEqual(result)
    })
  }

  const refusals: readonly (readonly [expression: unknown, code: number])[] = [
    [{ $abs: 'x' }, 28765],
    [{ $abs: [1, 2] }, 16020],
    [{ $abs: longMin }, 28680],
    [{ $ln: 0 }, 28766],
    [{ $log10: -1 }, 28761],
    [{ $log: ['x', 2] }, 28756],
    [{ $log: [2, 'x'] }, 28757],
    [{ $log: [0, 2] }, 28758],
    [{ $log: [2, 1] }, 28759],
    [{ $sqrt: -1 }, 28714],
    [{ $pow: ['x', 2] }, 28762],
    [{ $pow: [2, 'x'] }, 28763],
    [{ $pow: [0, -1] }, 28764],
    [{ $round: [] }, 28667],
    [{ $round: 'x' }, 51081],
    [{ $round: [1, 'x'] }, 16004],
    [{ $round: [1, 1.5] }, 51082],
    [{ $round: [1, 101] }, 51083],
    [{ $round: [longMax, -1] }, 51080],
    [{ $round: [1, double('NaN')] }, 31109],
    [{ $sigmoid: [1] }, 14],
    [{ $bitAnd: [1, 1.5] }, 14],
    [{ $bitNot: 1.5 }, 14],
    [{ $bitNot: 'x' }, 28765],
  ]
  for (const [expression, code] of refusals) {
    it(`refuses ${text(expression)} with ${code}`, () => {
      expect(codeOf(text(expression))).toBe(code)
    })
  }
})
