import { describe, expect, it } from 'vitest'
import { codeOf, evaluate } from '../../testdata/evaluate.ts'

const decimal = (n: string) => ({ $numberDecimal: n })

/** To 34 digits, from tables; the last one as 113 bits give it. */
const cases: readonly (readonly [expression: unknown, result: string])[] = [
  [{ $sin: decimal('1') }, '0.8414709848078965066525023216302990'],
  [{ $cos: decimal('1') }, '0.5403023058681397174009366074429766'],
  [{ $tan: decimal('1') }, '1.557407724654902230506974807458360'],
  [{ $asin: decimal('1') }, '1.570796326794896619231321691639751'],
  [{ $acos: decimal('-1') }, '3.141592653589793238462643383279503'],
  [{ $atan: decimal('1') }, '0.7853981633974483096156608458198757'],
  [{ $atan2: [decimal('1'), 0] }, '1.570796326794896619231321691639751'],
  [{ $sinh: decimal('1') }, '1.175201193643801456882381850595601'],
  [{ $cosh: decimal('1') }, '1.543080634815243778477905620757062'],
  [{ $tanh: decimal('1') }, '0.7615941559557648881194582826047936'],
  [{ $asinh: decimal('1') }, '0.8813735870195430252326093249797923'],
  [{ $acosh: decimal('2') }, '1.316957896924816708625046347307968'],
  [{ $atanh: decimal('0.5') }, '0.5493061443340548456976226184612628'],
  // The examples of the reference manual.
  [{ $atan2: [decimal('4'), decimal('3')] }, '0.9272952180016122324285124629224287'],
  [{ $atan2: [decimal('4'), decimal('-3')] }, '2.214297435588181006034130920357074'],
  [{ $atan2: [decimal('-0'), decimal('-1')] }, '-3.141592653589793238462643383279503'],
  [{ $degreesToRadians: decimal('53.13010235415597870314438744090659') }, '0.9272952180016122324285124629224290'],
  [{ $degreesToRadians: decimal('90') }, '1.570796326794896619231321691639752'],
  [{ $cos: decimal('0') }, '1'],
  [{ $sin: decimal('-0') }, '-0'],
  [{ $acos: decimal('1') }, '0'],
  [{ $atanh: decimal('1') }, 'Infinity'],
  [{ $sin: decimal('NaN') }, 'NaN'],
  // 10^22 radians: the last digits of π decide everything.
  [{ $sin: decimal('1E+22') }, '-0.8522008497671888017727058937530294'],
]

describe('trigonometry of decimals', () => {
  for (const [expression, result] of cases) {
    it(`${JSON.stringify(expression)} is ${result}`, () => {
      expect(evaluate(JSON.stringify(expression), '{}', true)).toEqual(decimal(result))
    })
  }

  it('has a sine and a cosine on the circle for angles of any size', () => {
    for (const angle of [
      '0.1',
      '123.456',
      '9.99E+19',
      '1.01E+20',
      '7E+300',
      '9.999999999999999999999999999999999E+6144',
    ]) {
      const square = (name: string) => ({ $multiply: [{ [name]: decimal(angle) }, { [name]: decimal(angle) }] })
      const sum = { $abs: { $subtract: [{ $add: [square('$sin'), square('$cos')] }, 1] } }
      expect(evaluate(JSON.stringify({ $lt: [sum, decimal('1E-32')] }))).toBe(true)
    }
  })
})

describe('trigonometry', () => {
  it('gives doubles for numbers that are no decimals', () => {
    expect(evaluate('{"$sin":0}', '{}', true)).toEqual({ $numberDouble: '0.0' })
    expect(evaluate('{"$atan2":[1,{"$numberLong":"1"}]}')).toBeCloseTo(Math.PI / 4, 15)
    expect(evaluate('{"$degreesToRadians":180}')).toBeCloseTo(Math.PI, 15)
    expect(evaluate('{"$radiansToDegrees":{"$numberDouble":"3.141592653589793"}}')).toBe(180)
    expect(evaluate('{"$cos":"$none"}')).toBeNull()
  })

  it('is refused where it is not defined', () => {
    expect(codeOf('{"$sin":{"$numberDouble":"Infinity"}}')).toBe(50989)
    expect(codeOf('{"$tan":{"$numberDecimal":"-Infinity"}}')).toBe(50989)
    expect(codeOf('{"$acos":1.1}')).toBe(50989)
    expect(codeOf('{"$acosh":{"$numberDecimal":"0.9"}}')).toBe(50989)
    expect(codeOf('{"$atanh":-2}')).toBe(50989)
    expect(codeOf('{"$sinh":"x"}')).toBe(28765)
    expect(codeOf('{"$atan2":["x",1]}')).toBe(51044)
    expect(codeOf('{"$atan2":[1,"x"]}')).toBe(51045)
  })
})
