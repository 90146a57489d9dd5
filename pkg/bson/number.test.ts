import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatDecimal128 } from './decimal128.ts'
import { addNumbers, integerValue, multiplyNumbers, subtractNumbers, wholeInt64Of, wholeNumberOf } from './number.ts'
import { NumberSum } from './number-sum.ts'
import { equal } from './order.ts'
import { decimalValue, numberArbitrary } from './testdata/arbitrary.ts'
import { bsonType, type Value } from './type.ts'
import { doubleValue, int32Value, int64Value, nullValue, numberOf, readInt64, stringValue } from './value.ts'

/** For expectations: the type's letter and the number's text. */
function show(value: Value | undefined): string {
  if (value === undefined) return 'overflow'
  if (value.type === bsonType.decimal128) return `decimal ${formatDecimal128(value.bytes, value.start)}`
  if (value.type === bsonType.int64) return `long ${readInt64(value.bytes, value.start)}`
  return `${value.type === bsonType.int32 ? 'int' : 'double'} ${numberOf(value)}`
}

const int = int32Value
const long = int64Value
const double = doubleValue
const decimal = decimalValue
const longMax = 2n ** 63n - 1n
const longMin = -(2n ** 63n)

test('results have the wider type, and an int32 that overflows becomes an int64', () => {
  expect(show(addNumbers(int(1), int(2)))).toBe('int 3')
  expect(show(addNumbers(int(2 ** 31 - 1), int(1)))).toBe('long 2147483648')
  expect(show(subtractNumbers(int(-(2 ** 31)), int(1)))).toBe('long -2147483649')
  expect(show(multiplyNumbers(int(2 ** 31 - 1), int(2 ** 31 - 1)))).toBe('long 4611686014132420609')
  expect(show(multiplyNumbers(int(-(2 ** 31)), int(-(2 ** 31))))).toBe('long 4611686018427387904')
  expect(show(addNumbers(int(1), long(2n)))).toBe('long 3')
  expect(show(addNumbers(long(2n ** 53n), int(1)))).toBe('long 9007199254740993')
  expect(show(addNumbers(int(1), double(2)))).toBe('double 3')
  expect(show(addNumbers(long(longMax), double(0)))).toBe('double 9223372036854775807'.replace(/\d+$/, String(2 ** 63)))
  expect(show(addNumbers(decimal('1.10'), decimal('2.2')))).toBe('decimal 3.30')
  expect(show(addNumbers(double(1.5), decimal('2.5')))).toBe('decimal 4.00000000000000')
  expect(show(addNumbers(int(1), decimal('2.5')))).toBe('decimal 3.5')
  expect(show(addNumbers(long(longMax), decimal('1')))).toBe('decimal 9223372036854775808')
  expect(show(multiplyNumbers(int(0), int(-5)))).toBe('int 0')
  expect(show(multiplyNumbers(long(0), int(-5)))).toBe('long 0')
})

test('an int64 that overflows is no result', () => {
  expect(addNumbers(long(longMax), int(1))).toBeUndefined()
  expect(subtractNumbers(long(longMin), int(1))).toBeUndefined()
  expect(multiplyNumbers(long(longMin), int(-1))).toBeUndefined()
  expect(show(addNumbers(long(longMax), long(longMin)))).toBe('long -1')
})

test('integers of any size calculate as exact integers do', () => {
  const size = fc.oneof(
    fc.bigInt({ min: longMin, max: longMax }),
    fc.bigInt({ min: -5n, max: 5n }).map((n) => n + 2n ** 53n),
    fc.bigInt({ min: -(2n ** 33n), max: 2n ** 33n }),
  )
  fc.assert(
    fc.property(size, size, (a, b) => {
      const [x, y] = [integerValue(a)!, integerValue(b)!]
      const same = (result: Value | undefined, exact: bigint) => {
        if (exact > longMax || exact < longMin) expect(result).toBeUndefined()
        else expect(wholeInt64Of(result!)).toBe(exact)
      }
      same(addNumbers(x, y), a + b)
      same(subtractNumbers(x, y), a - b)
      same(multiplyNumbers(x, y), a * b)
    }),
    { numRuns: 5000 },
  )
})

test('wholeNumberOf and wholeInt64Of take whole numbers of any type and nothing else', () => {
  expect([int(3), long(3), double(3), decimal('3.00'), decimal('30E-1'), decimal('3')].map(wholeNumberOf)).toEqual(
    new Array(6).fill(3),
  )
  const others = [
    double(3.5),
    decimal('3.5'),
    double(Infinity),
    double(Number.NaN),
    decimal('NaN'),
    decimal('1E40'),
    nullValue,
    stringValue('3'),
  ]
  expect(others.map(wholeNumberOf)).toEqual(new Array(others.length).fill(undefined))
  expect(others.map(wholeInt64Of)).toEqual(new Array(others.length).fill(undefined))
  expect(Object.is(wholeNumberOf(double(-0)), 0)).toBe(true)
  expect(wholeNumberOf(long(longMax))).toBeUndefined()
  expect(wholeInt64Of(decimal('-9223372036854775808'))).toBe(longMin)
  expect(wholeInt64Of(decimal('9223372036854775808'))).toBeUndefined()
  expect(wholeInt64Of(double(2 ** 63))).toBeUndefined()
  fc.assert(
    fc.property(numberArbitrary, (value) => {
      const whole = wholeInt64Of(value)
      if (whole !== undefined) expect(equal(value, long(whole))).toBe(true)
    }),
  )
})

function sumOf(...values: readonly Value[]): NumberSum {
  const sum = new NumberSum()
  for (const value of values) sum.addValue(value)
  return sum
}

test('a sum has the widest type added, and integers stay exact', () => {
  expect(show(sumOf().total())).toBe('int 0')
  expect(show(sumOf(int(1), int(2)).total())).toBe('int 3')
  expect(show(sumOf(int(2 ** 31 - 1), int(1)).total())).toBe('long 2147483648')
  expect(show(sumOf(int(1), long(2)).total())).toBe('long 3')
  expect(show(sumOf(long(longMax), int(0)).total())).toBe(`long ${longMax}`)
  expect(show(sumOf(long(longMax), long(longMax), long(-longMax)).total())).toBe(`long ${longMax}`)
  expect(show(sumOf(long(longMin), long(longMin), long(longMax), long(longMax), int(2)).total())).toBe('long 0')
  expect(show(sumOf(long(longMax), int(1)).total())).toBe(`double ${2 ** 63}`)
  expect(show(sumOf(int(1), double(1.5)).total())).toBe('double 2.5')
  expect(show(sumOf(int(1), decimal('1.10'), stringValue('x'), nullValue).total())).toBe('decimal 2.10')
  expect(show(sumOf(double(1), double(1e100), double(1), double(-1e100)).total())).toBe('double 2')
  expect(show(sumOf(...new Array(10).fill(double(0.1))).total())).toBe('double 1')
  expect(show(sumOf(double(Infinity), double(1)).total())).toBe('double Infinity')
  expect(show(sumOf(double(Infinity), double(-Infinity)).total())).toBe('double NaN')
  expect(show(sumOf(double(Infinity), decimal('1')).total())).toBe('decimal Infinity')
})

test('a sum of random integers is the exact sum', () => {
  fc.assert(
    fc.property(fc.array(fc.bigInt({ min: longMin, max: longMax }), { minLength: 1, maxLength: 200 }), (numbers) => {
      const exact = numbers.reduce((total, n) => total + n, 0n)
      const total = sumOf(...numbers.map((n) => long(n))).total()
      if (exact <= longMax && exact >= longMin) expect(show(total)).toBe(`long ${exact}`)
      else expect(show(total)).toBe(`double ${Number(exact)}`)
    }),
  )
})

test('a mean is a double, or a decimal when one was added', () => {
  expect(sumOf().average()).toBeUndefined()
  expect(sumOf(stringValue('x')).average()).toBeUndefined()
  expect(show(sumOf(int(1), int(2)).average())).toBe('double 1.5')
  expect(show(sumOf(decimal('2.00'), decimal('4.00')).average())).toBe('decimal 3.00')
  expect(show(sumOf(int(1), int(1), decimal('2')).average())).toBe(`decimal 1.${'3'.repeat(33)}`)
  expect(show(sumOf(int(1)).reset().total())).toBe('int 0')
})
