/** Random objects of every type that the `bson` package knows. */
import {
  Binary,
  BSONRegExp,
  BSONSymbol,
  Code,
  DBRef,
  Decimal128,
  Double,
  Int32,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
  UUID,
} from 'bson'
import fc from 'fast-check'

const objectId = fc.uint8Array({ minLength: 12, maxLength: 12 }).map((bytes) => new ObjectId(bytes))
const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('', 'a\0b', 'ü', '€', '😀', '"\\/\b\f\n\r\t\u001f\u2028', 'x'.repeat(5000), 'é'.repeat(3000)),
)
const withoutNul = text.map((s) => s.replaceAll('\0', ''))
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const nearSafe = fc.constantFrom(2n ** 53n, 2n ** 53n + 1n, 2n ** 53n - 1n, -(2n ** 53n), -(2n ** 53n) - 1n, -(2n ** 63n), 2n ** 63n - 1n, 0n, -1n)
const uint32 = fc.nat({ max: 0xffffffff })
const decimal = fc
  .tuple(fc.bigInt({ min: -(10n ** 34n) + 1n, max: 10n ** 34n - 1n }), fc.integer({ min: -6176, max: 6111 }))
  .map(([digits, exponent]) => Decimal128.fromString(`${digits}E${exponent}`))

export const scalar: fc.Arbitrary<unknown> = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.constantFrom(0, -0, 1, -1, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), -(2 ** 31) - 1, 2 ** 53, 1e21, 5e-324, Number.NaN, Number.POSITIVE_INFINITY),
  text,
  fc.boolean(),
  fc.constant(null),
  objectId,
  fc.oneof(int64, nearSafe),
  fc.oneof(int64, nearSafe).map((n) => Long.fromBigInt(n)),
  fc.integer().map((n) => new Int32(n)),
  fc.double().map((n) => new Double(n)),
  fc.date({ noInvalidDate: true }),
  fc.constantFrom(new Date(0), new Date(-1), new Date(253402300799999), new Date(253402300800000), new Date(8.64e15)),
  fc.oneof(decimal, fc.constantFrom('NaN', 'Infinity', '-Infinity', '-0', '0E+10', '1.000').map((s) => Decimal128.fromString(s))),
  fc.uint8Array({ maxLength: 100 }),
  fc.tuple(fc.uint8Array({ maxLength: 100 }), fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 128, 255)).map(([bytes, subtype]) => new Binary(bytes, subtype)),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => new UUID(bytes)),
  fc.tuple(uint32, uint32).map(([t, i]) => new Timestamp({ t, i })),
  fc.constantFrom(/a.c/, /^x/im, /y$/g, /[/]"\\/),
  fc.constantFrom(new BSONRegExp('a', 'mi'), new BSONRegExp('^b"', 'xs'), new BSONRegExp('', '')),
  text.map((s) => new Code(s)),
  text.map((s) => new BSONSymbol(s)),
  fc.constantFrom(new MinKey(), new MaxKey()),
)

/** Names that neither are integers, which JavaScript moves to the front, nor begin with `$`. */
export const orderedName = withoutNul.filter((s) => !/^\d/.test(s) && !s.startsWith('$'))
/** Any name. */
export const anyName = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('a', 'b', 'c', 'name', '_id', '__proto__', 'constructor', 'toString', '1', '10', '$x', '') },
  { weight: 5, arbitrary: withoutNul },
)

/** Objects with names from `name`, nested, in several forms. */
export function objects(name: fc.Arbitrary<string>): fc.Arbitrary<Record<string, unknown>> {
  const { object } = fc.letrec<{ value: unknown; object: Record<string, unknown> }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      scalar,
      tie('object'),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.tuple(text, tie('object')).map(([code, scope]) => new Code(code, scope)),
      fc.tuple(objectId, fc.option(fc.constant('db'), { nil: undefined }), tie('object')).map(([id, db, fields]) => {
        // The driver loses a `__proto__` here, and takes fields of these names for the reference's own.
        const own = Object.entries(fields).filter(([key]) => key !== '__proto__' && !key.startsWith('$'))
        return new DBRef('things', id, db, Object.fromEntries(own))
      }),
    ),
    object: fc.array(fc.tuple(name, tie('value')), { maxLength: 6 }).map((entries) => {
      const result: Record<string, unknown> = {}
      for (const [key, value] of entries) {
        Object.defineProperty(result, key, { value, writable: true, enumerable: true, configurable: true })
      }
      return result
    }),
  }))
  return object
}
