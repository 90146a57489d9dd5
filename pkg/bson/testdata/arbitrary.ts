/** Random BSON values for property tests, with many that are nearly or exactly equal across types. */
import fc from 'fast-check'
import { decimal128Bytes, exactDecimal, parseDecimal, roundDecimal } from '../decimal128.ts'
import { bsonType, type Value } from '../type.ts'
import { utf8Bytes } from '../utf8.ts'
import {
  arrayValue,
  binaryValue,
  booleanValue,
  dateValue,
  decimal128Value,
  documentValue,
  doubleValue,
  int32Value,
  int64Value,
  maxKeyValue,
  minKeyValue,
  nullValue,
  objectIdValue,
  regexValue,
  stringValue,
  undefinedValue,
} from '../value.ts'
import { BsonWriter, indexName } from '../writer.ts'

export function decimalValue(text: string): Value {
  const parsed = parseDecimal(text)
  if (parsed === undefined) throw new Error(`not a decimal: ${text}`)
  return decimal128Value(decimal128Bytes(parsed.decimal))
}

const int64Limit = 2n ** 63n

/** The double just above (steps > 0) or below, by its bits. */
export function neighbour(n: number, steps: number): number {
  const double = new Float64Array([n])
  const bits = new BigInt64Array(double.buffer)
  bits[0] = bits[0]! + BigInt(steps)
  return double[0]!
}

const landmarks = [
  0, 1, 2, 0.5, 0.1, 0.3, 1.1, 2.2, 3.14, 19.99, 63, 64, 127, 128, 129, 255, 256, 32767, 32768, 2 ** 23, 2 ** 31 - 1,
  2 ** 31, 2 ** 32, 2 ** 39, 2 ** 47, 2 ** 53 - 1, 2 ** 53, 2 ** 53 + 2, 2 ** 55, 2 ** 62, 2 ** 63, 2 ** 64, 1e15, 1e18,
  1e19, 1e22, 1e23, 1e100, 1e308, Number.MAX_VALUE, Number.MIN_VALUE, 2.2250738585072014e-308, 1e-5, 1e-300, 1e-320,
  127.5, 128.5, 32767.75, 2 ** 31 + 0.5, 2 ** 47 + 0.015625, 2 ** 52 + 0.5,
]

const landmark = fc
  .tuple(fc.constantFrom(...landmarks), fc.integer({ min: -2, max: 2 }), fc.boolean())
  .map(([n, steps, negative]) => {
    const near = n === 0 ? n : neighbour(n, steps)
    return negative ? -near : near
  })

/** A landmark as a decimal: exact to 34 digits, with something added to or taken from a late digit, or shortest text. */
const decimalNearDouble = fc
  .tuple(landmark, fc.integer({ min: -2, max: 2 }), fc.integer({ min: 0, max: 34 }), fc.boolean())
  .filter(([n]) => Number.isFinite(n))
  .map(([n, change, place, shortest]) => {
    if (shortest) return decimalValue(String(n))
    const exact = exactDecimal(n)
    const cut = roundDecimal(exact.negative, exact.coefficient, exact.exponent).decimal
    const coefficient = cut.coefficient * 10n ** BigInt(place) + BigInt(change)
    const rounded = roundDecimal(
      cut.negative,
      coefficient < 0n ? -coefficient : coefficient,
      cut.exponent - place,
    )
    return decimal128Value(decimal128Bytes(rounded.decimal))
  })

const oddDecimal = fc
  .constantFrom(
    'NaN', 'Infinity', '-Infinity', '0', '-0', '0E+6000', '-0E-6000', '1E400', '-1E400', '1.0E400', '1E-400', '-1E-400',
    '1.00', '1', '10E-1', '9.999999999999999999999999999999999E+6144', '1E-6176', '1.7976931348623157E308',
    '1.797693134862315708145274237317043E308', '1.797693134862315708145274237317044E308', '1E309', '4.9E-324', '4.95E-324',
    '2.5E-324', '5E-324', '0.1000000000000000055511151231257827', '0.1', '9223372036854775807', '9223372036854775808',
    '9223372036854775807.5', '-9223372036854775808', '-9223372036854775808.5', '36028797018963968.5', '36028797018963967.5', '36028797018963968.1', '-4611686018427387904.01',
    '5.000000000000000000000000000000001', '5', '9007199254740993', '9007199254740993.0', '1E23', '99999999999999991611392',
  )
  .map(decimalValue)

const clampInt64 = (n: bigint) => (n >= int64Limit ? int64Limit - 1n : n < -int64Limit ? -int64Limit : n)

export const numberArbitrary: fc.Arbitrary<Value> = fc.oneof(
  fc.integer({ min: -300, max: 300 }).map(int32Value),
  fc.integer().map(int32Value),
  landmark.map((n) => int32Value(Math.trunc(Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, n))))),
  fc.bigInt({ min: -int64Limit, max: int64Limit - 1n }).map(int64Value),
  fc
    .tuple(landmark.filter(Number.isFinite), fc.integer({ min: -2, max: 2 }))
    .map(([n, change]) => int64Value(clampInt64(BigInt(Math.trunc(n)) + BigInt(change)))),
  landmark.map(doubleValue),
  fc.double().map(doubleValue),
  fc.double({ min: -1000, max: 1000 }).map(doubleValue),
  decimalNearDouble,
  oddDecimal,
  fc
    .tuple(fc.boolean(), fc.bigInt({ min: 0n, max: 10n ** 34n - 1n }), fc.integer({ min: -40, max: 10 }))
    .map(([negative, coefficient, exponent]) =>
      decimal128Value(decimal128Bytes({ form: 'finite', negative, coefficient, exponent })),
    ),
)

/** A decimal of few or many digits, and the next one up or down. */
const closeDecimals = fc
  .tuple(
    fc.boolean(),
    fc.bigInt({ min: 0n, max: 10n ** 34n - 2n }),
    fc.nat({ max: 33 }),
    fc.oneof(fc.integer({ min: -350, max: 320 }), fc.integer({ min: -40, max: 5 })),
  )
  .map(([negative, coefficient, fewer, exponent]) => {
    const size = coefficient / 10n ** BigInt(fewer)
    const [a, b] = [size, size + 1n].map((c) => roundDecimal(negative, c, exponent).decimal)
    return [decimal128Value(decimal128Bytes(a!)), decimal128Value(decimal128Bytes(b!))] as const
  })

/** A double, a decimal made of its first digits (cut, or one more in the last place), and the double's neighbours. */
const closeToDouble = fc
  .tuple(
    fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.double({ min: -1e20, max: 1e20, noNaN: true }), landmark),
    fc.integer({ min: 1, max: 34 }),
    fc.boolean(),
    fc.integer({ min: -1, max: 1 }),
  )
  .filter(([n]) => Number.isFinite(n))
  .map(([n, digits, up, steps]) => {
    const exact = exactDecimal(n)
    const length = exact.coefficient.toString().length
    const drop = Math.max(0, length - digits)
    const cut = exact.coefficient / 10n ** BigInt(drop) + (up ? 1n : 0n)
    const decimal = roundDecimal(exact.negative, cut, exact.exponent + drop).decimal
    return [doubleValue(neighbour(n, n === 0 ? 0 : steps)), decimal128Value(decimal128Bytes(decimal))] as const
  })

/** Two numbers that are equal or differ by little, of one type or of two. */
export const closeNumbers: fc.Arbitrary<readonly [Value, Value]> = fc.oneof(closeToDouble, closeToDouble, closeDecimals)

const text = fc.oneof(
  fc.array(fc.constantFrom('\0', '\u0001', '\u0002', 'a', 'b', 'é', '\u{1f600}', '\uffff'), { maxLength: 4 }).map((parts) =>
    parts.join(''),
  ),
  fc.string({ maxLength: 12 }),
  fc.string({ minLength: 90, maxLength: 110 }),
)
const nameText = fc.constantFrom('', 'a', 'b', 'ab', '\u0001', 'é')

function retyped(type: number, value: Value): Value {
  return { ...value, type }
}

function joined(type: number, ...parts: readonly Uint8Array[]): Value {
  const bytes = Uint8Array.from(parts.flatMap((part) => [...part]))
  return { type, bytes, start: 0, end: bytes.length }
}

const bytes12 = fc
  .array(fc.constantFrom(0, 1, 127, 128, 255), { minLength: 12, maxLength: 12 })
  .map((list) => Uint8Array.from(list))

const leaf: fc.Arbitrary<Value> = fc.oneof(
  fc.constantFrom(nullValue, undefinedValue, minKeyValue, maxKeyValue, booleanValue(true), booleanValue(false)),
  numberArbitrary,
  text.map(stringValue),
  text.map((t) => retyped(bsonType.symbol, stringValue(t))),
  text.map((t) => retyped(bsonType.code, stringValue(t))),
  bytes12.map(objectIdValue),
  fc.bigInt({ min: -int64Limit, max: int64Limit - 1n }).map(dateValue),
  fc.integer().map(dateValue),
  fc
    .tuple(fc.constantFrom(0n, 1n, 0xffffffffn, 0x80000000n), fc.constantFrom(0n, 1n, 0xffffffffn, 0x7fffffffn))
    .map(([seconds, counter]) => retyped(bsonType.timestamp, int64Value(BigInt.asIntN(64, (seconds << 32n) | counter)))),
  fc
    .tuple(fc.uint8Array({ maxLength: 3 }), fc.constantFrom(0, 4, 128, 255))
    .map(([content, subtype]) => binaryValue(content, subtype)),
  fc.tuple(nameText, fc.constantFrom('', 'i', 'im')).map(([pattern, flags]) => regexValue(pattern, flags)),
  fc.tuple(nameText, bytes12).map(([name, id]) => joined(bsonType.dbPointer, stringValue(name).bytes, id)),
)

function container(fields: readonly (readonly [string, Value])[]): Uint8Array {
  const writer = new BsonWriter()
  writer.beginDocument()
  for (const [name, value] of fields) writer.value(name, value)
  writer.end()
  return writer.finish()
}

const nested = fc.letrec<{ value: Value; document: Uint8Array }>((tie) => ({
  document: fc.array(fc.tuple(nameText, tie('value')), { maxLength: 4 }).map(container),
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    tie('document').map(documentValue),
    fc.array(tie('value'), { maxLength: 4 }).map((values) =>
      arrayValue(container(values.map((value, index) => [indexName(index), value] as const))),
    ),
    fc.tuple(text, tie('document')).map(([code, scope]) => {
      const string = stringValue(code).bytes
      return joined(bsonType.codeWithScope, int32Value(4 + string.length + scope.length).bytes, string, scope)
    }),
  ),
}))

/** A value of any type, nested to some depth. */
export const valueArbitrary: fc.Arbitrary<Value> = nested.value
/** A whole document. */
export const documentArbitrary: fc.Arbitrary<Uint8Array> = nested.document

/** `name` as a cstring. */
export function cstring(name: string): Uint8Array {
  return utf8Bytes(`${name}\0`)
}
