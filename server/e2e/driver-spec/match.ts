/** How the unified test format compares: flexible numbers, further fields at the root, and the operators with two dollar signs. */
import { type Binary, type Document, Long } from 'bson'
import type { Json } from './spec.ts'

export interface MatchContext {
  entity(name: string): unknown
  sessionLsid(name: string): unknown
}

/** Throws an error that says where `actual` differs. */
export function match(expected: unknown, actual: unknown, context: MatchContext, path = '', isRoot = true): void {
  if (isObject(expected)) {
    const [operator] = Object.keys(expected)
    if (operator?.startsWith('$$') === true && Object.keys(expected).length === 1) {
      matchOperator(operator, expected[operator], actual, context, path, isRoot)
      return
    }
    const object = asObject(actual)
    if (object === undefined) throw mismatch(path, expected, actual)
    for (const [name, value] of Object.entries(expected)) {
      const there = Object.hasOwn(object, name) && object[name] !== undefined
      const operand = isObject(value) ? value : {}
      if ('$$exists' in operand) {
        if (operand['$$exists'] !== there) throw mismatch(`${path}.${name}`, value, object[name])
        continue
      }
      if (!there && '$$unsetOrMatches' in operand) continue
      if (!there && !('$$lte' in operand)) throw mismatch(`${path}.${name}`, value, undefined)
      match(value, object[name], context, `${path}.${name}`, false)
    }
    if (!isRoot)
      for (const name of Object.keys(object))
        if (!Object.hasOwn(expected, name) && object[name] !== undefined)
          throw mismatch(`${path}.${name}`, undefined, object[name])
    return
  }
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) throw mismatch(path, expected, actual)
    // The documents of a list that is itself the root may have further fields.
    for (const [i, value] of expected.entries()) match(value, actual[i], context, `${path}.${i}`, isRoot)
    return
  }
  // This driver writes some equalities in filters as {$eq: x}.
  const written = isObject(actual) && Object.keys(actual).length === 1 && '$eq' in actual ? actual['$eq'] : actual
  if (!isSame(expected, written)) throw mismatch(path, expected, actual)
}

function matchOperator(
  operator: string,
  operand: unknown,
  actual: unknown,
  context: MatchContext,
  path: string,
  isRoot: boolean,
): void {
  switch (operator) {
    case '$$unsetOrMatches':
      if (actual !== undefined && actual !== null) match(operand, actual, context, path, isRoot)
      return
    case '$$exists':
      if ((actual !== undefined) !== operand) throw mismatch(path, { [operator]: operand }, actual)
      return
    case '$$type':
      if (![operand].flat().some((type) => hasType(type as string, actual)))
        throw mismatch(path, { [operator]: operand }, actual)
      return
    case '$$matchesEntity':
      match(context.entity(operand as string), actual, context, path, isRoot)
      return
    case '$$sessionLsid':
      match(context.sessionLsid(operand as string), actual, context, path, false)
      return
    case '$$matchesHexBytes':
      if (!(actual instanceof Uint8Array) || Buffer.from(actual).toString('hex') !== String(operand).toLowerCase())
        throw mismatch(path, { [operator]: operand }, actual)
      return
    case '$$lte':
      if (!(Number(actual) <= Number(operand))) throw mismatch(path, { [operator]: operand }, actual)
      return
    default:
      throw new Error(`the runner does not know the operator ${operator}`)
  }
}

function hasType(type: string, value: unknown): boolean {
  switch (type) {
    case 'int':
      return Number.isInteger(value) || bsonTypeOf(value) === 'Int32'
    case 'long':
      return bsonTypeOf(value) === 'Long' || typeof value === 'bigint' || Number.isInteger(value)
    case 'double':
      return typeof value === 'number' || bsonTypeOf(value) === 'Double'
    case 'number':
      return typeof value === 'number' || typeof value === 'bigint' || isNumberClass(value)
    case 'string':
      return typeof value === 'string'
    case 'bool':
      return typeof value === 'boolean'
    case 'object':
      return isObject(value)
    case 'array':
      return Array.isArray(value)
    case 'objectId':
      return bsonTypeOf(value) === 'ObjectId'
    case 'binData':
      return bsonTypeOf(value) === 'Binary'
    case 'date':
      return value instanceof Date
    case 'null':
      return value === null
    default:
      throw new Error(`the runner does not know the type ${type}`)
  }
}

function bsonTypeOf(value: unknown): string | undefined {
  return typeof value === 'object' && value !== null ? (value as Document)['_bsontype'] : undefined
}

function isNumberClass(value: unknown): boolean {
  return ['Int32', 'Long', 'Double'].includes(bsonTypeOf(value) ?? '')
}

function isObject(value: unknown): value is Json {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Date) &&
    !(value instanceof Map) &&
    !(value instanceof Uint8Array) &&
    bsonTypeOf(value) === undefined
  )
}

/** Results of the driver may be maps or classes of its own. */
function asObject(value: unknown): Json | undefined {
  if (value instanceof Map) return Object.fromEntries(value) as Json
  return isObject(value) ? value : undefined
}

function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  if (typeof value === 'bigint') return Number(value)
  if (value instanceof Long) return value.toNumber()
  return isNumberClass(value) ? Number((value as { valueOf(): number }).valueOf()) : undefined
}

function isSame(expected: unknown, actual: unknown): boolean {
  if (expected === actual) return true
  const number = numberOf(expected)
  if (number !== undefined) return number === numberOf(actual)
  if (expected instanceof Date) return actual instanceof Date && expected.getTime() === actual.getTime()
  const type = bsonTypeOf(expected)
  if (type === 'Binary') return bsonTypeOf(actual) === type && hexOf(expected as Binary) === hexOf(actual as Binary)
  return type !== undefined && type === bsonTypeOf(actual) && JSON.stringify(expected) === JSON.stringify(actual)
}

function hexOf(binary: Binary): string {
  return `${binary.sub_type}:${Buffer.from(binary.value()).toString('hex')}`
}

function mismatch(path: string, expected: unknown, actual: unknown): Error {
  return new Error(`at '${path.slice(1)}': expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`)
}
