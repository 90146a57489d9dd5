/** Scalars for the values that GraphQL has no type for. They go out as text or JSON and come in the same way. */
import { Decimal128, Double, deserialize, Long, ObjectId } from 'bson'
import { GraphQLError, GraphQLScalarType, Kind, type ValueNode } from 'graphql'
import { DatabaseError } from '../../pkg/base/errors.ts'
import { encodeDocument } from '../../pkg/bson/convert.ts'
import { parseExtendedJson, stringifyExtendedJson } from '../../pkg/bson/ejson.ts'
import type { ScalarName } from './shape.ts'

function refuse(type: string, value: unknown): GraphQLError {
  return new GraphQLError(`${JSON.stringify(value)} is no ${type}`, { extensions: { code: 'BAD_USER_INPUT' } })
}

/** A scalar that is text outside. `read` throws, or returns undefined, when the text is none. */
function textScalar(
  name: string,
  description: string,
  write: (value: unknown) => unknown,
  read: (text: string) => unknown,
): GraphQLScalarType {
  const parse = (value: unknown): unknown => {
    const isText = typeof value === 'string' || typeof value === 'bigint'
    // A number that JSON has rounded already is refused: its digits must come as text.
    const isExact = typeof value === 'number' && (!Number.isInteger(value) || Number.isSafeInteger(value))
    if (!isText && !isExact) throw refuse(name, value)
    try {
      const parsed = read(String(value))
      if (parsed !== undefined) return parsed
    } catch (error) {
      if (!(error instanceof Error)) throw error
    }
    throw refuse(name, String(value))
  }
  return new GraphQLScalarType({
    name,
    description,
    serialize: write,
    parseValue: parse,
    parseLiteral: (node) => {
      if (node.kind === Kind.STRING || node.kind === Kind.INT || node.kind === Kind.FLOAT) return parse(node.value)
      throw refuse(name, node.kind)
    },
  })
}

function mismatch(type: string, value: unknown): GraphQLError {
  const what =
    value === null ? 'null' : typeof value === 'object' ? (value.constructor?.name ?? 'object') : typeof value
  return new GraphQLError(`the value is no ${type} but of the type ${what}`, {
    extensions: { code: 'TypeMismatch', mongoCode: 14 },
  })
}

const isNumber = (value: unknown): value is number => typeof value === 'number'

/** The value as its scalar writes it, or the error that it is of another type. */
type Check = (value: unknown) => unknown

/**
 * For the scalars that are GraphQL's own, which makes one of much that is none: text of a number, 1 of true. The others check what they
 * write themselves.
 */
const checks: Readonly<Partial<Record<ScalarName, Check>>> = {
  String: (value) => (typeof value === 'string' ? value : mismatch('String', value)),
  Int: (value) => (Number.isInteger(value) ? value : mismatch('Int', value)),
  Float: (value) => {
    if (isNumber(value)) return value
    if (value instanceof Double) return value.value
    const number = value instanceof Long ? value.toNumber() : undefined
    return Number.isSafeInteger(number) ? number : mismatch('Float', value)
  },
  Boolean: (value) => (typeof value === 'boolean' ? value : mismatch('Boolean', value)),
}

const unchecked: Check = (value) => value

export function checkOf(scalar: ScalarName): Check {
  return checks[scalar] ?? unchecked
}

export const objectIdScalar = textScalar(
  'ObjectId',
  '24 hexadecimal digits',
  (value) => {
    if (value instanceof ObjectId) return value.toHexString()
    throw mismatch('ObjectId', value)
  },
  (text) => (/^[0-9a-f]{24}$/i.test(text) ? new ObjectId(text) : undefined),
)

export const dateScalar = textScalar(
  'Date',
  'a moment, as ISO 8601 has it, to the millisecond',
  (value) => {
    if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString()
    throw mismatch('Date', value)
  },
  (text) => {
    const date = new Date(text)
    return Number.isNaN(date.getTime()) ? undefined : date
  },
)

export const longScalar = textScalar(
  'Long',
  'a whole number of 64 bits, as text, since JSON numbers lose digits',
  (value) => {
    if (value instanceof Long || Number.isInteger(value)) return String(value)
    throw mismatch('Long', value)
  },
  (text) => {
    if (!/^-?\d{1,19}$/.test(text)) return undefined
    const long = Long.fromString(text)
    return BigInt(text) === BigInt(long.toString()) ? long : undefined
  },
)

export const decimalScalar = textScalar(
  'Decimal',
  'a decimal number of up to 34 digits, as text',
  (value) => {
    if (value instanceof Decimal128 || value instanceof Long || isNumber(value)) return String(value)
    throw mismatch('Decimal', value)
  },
  (text) => Decimal128.fromString(text),
)

/** A value as the plain JSON of relaxed Extended JSON. */
export function toJson(value: unknown): unknown {
  const text = stringifyExtendedJson(encodeDocument({ value }), { relaxed: true })
  const isLarge = /\d{16}/.test(text)
  return ((isLarge ? JSON.parse(text, keepDigits) : JSON.parse(text)) as { value: unknown }).value
}

/** A whole number beyond 2^53 goes out with its type, since a JSON number would lose digits. */
function keepDigits(_name: string, value: unknown, context?: { readonly source?: string }): unknown {
  const { source } = context ?? {}
  const isRounded = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)
  return isRounded && source !== undefined && /^-?\d+$/.test(source) ? { $numberLong: source } : value
}

/** The value that JSON in the form of Extended JSON stands for. Numbers keep their types: a double that is whole stays one. */
export function fromJson(json: unknown): unknown {
  try {
    return deserialize(parseExtendedJson(JSON.stringify({ value: json })), { promoteValues: false })['value'] as unknown
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    throw new GraphQLError(error.message, { extensions: { code: 'BAD_USER_INPUT' } })
  }
}

function literal(node: ValueNode, variables: Readonly<Record<string, unknown>> | null | undefined): unknown {
  switch (node.kind) {
    case Kind.STRING:
    case Kind.BOOLEAN:
    case Kind.ENUM:
      return node.value
    case Kind.INT:
      return Number.isSafeInteger(Number(node.value)) ? Number(node.value) : { $numberLong: node.value }
    case Kind.FLOAT:
      return { $numberDouble: node.value }
    case Kind.NULL:
      return null
    case Kind.VARIABLE:
      return variables?.[node.name.value]
    case Kind.LIST:
      return node.values.map((value) => literal(value, variables))
    case Kind.OBJECT:
      return Object.fromEntries(node.fields.map((field) => [field.name.value, literal(field.value, variables)]))
  }
}

export const ejsonScalar = new GraphQLScalarType({
  name: 'EJSON',
  description: 'any value, as relaxed Extended JSON; in literals write $-names through variables',
  serialize: toJson,
  parseValue: fromJson,
  parseLiteral: (node, variables) => fromJson(literal(node, variables)),
})
