/** `$eq $gt $gte $lt $lte $ne`, and implicit equality. */

import { DatabaseError } from '../../../base/errors.ts'
import { compareValues } from '../../../bson/order.ts'
import { bsonType, canonicalRank } from '../../../bson/type.ts'
import { isNumber, numberOf, readDouble, readInt32, readInt64Number, type Value } from '../../../bson/value.ts'
import { type Collation, holdsString } from '../../../collation/collation.ts'
import type { Path } from '../../path.ts'
import { missing, type ParseContext, type PathOperator, type ValueTest } from '../operator.ts'
import type { Collated, ComparisonFilter, ComparisonOperator } from '../tree.ts'

export const comparisonOperators: readonly PathOperator[] = [
  { name: '$eq', parse: (path, operand, context) => comparison(path, 'eq', operand, collationOf(context)) },
  { name: '$gt', parse: (path, operand, context) => comparison(path, 'gt', operand, collationOf(context)) },
  { name: '$gte', parse: (path, operand, context) => comparison(path, 'gte', operand, collationOf(context)) },
  { name: '$lt', parse: (path, operand, context) => comparison(path, 'lt', operand, collationOf(context)) },
  { name: '$lte', parse: (path, operand, context) => comparison(path, 'lte', operand, collationOf(context)) },
  {
    name: '$ne',
    parse: (path, operand, context) => {
      if (operand.type === bsonType.regex) throw new DatabaseError('BadValue', "Can't have regex as arg to $ne.")
      return { kind: 'not', filter: comparison(path, 'eq', operand, collationOf(context)) }
    },
  },
]

/** How strings compare in a filter. */
export function collationOf({ options }: ParseContext): Collation | undefined {
  return options.scope?.collation
}

export function comparison(
  path: Path,
  operator: ComparisonOperator,
  value: Value,
  collation?: Collation,
): ComparisonFilter {
  if (value.type === bsonType.undefined) throw new DatabaseError('BadValue', 'cannot compare to undefined')
  if (value.type === bsonType.regex && operator !== 'eq') {
    throw new DatabaseError('BadValue', `Can't have RegEx as arg to predicate over field '${path.text}'.`)
  }
  if (collation === undefined || !holdsString(value.type, value.bytes, value.start)) {
    return { kind: 'comparison', path, operator, value }
  }
  return { kind: 'comparison', path, operator, value, collated: { collation, keyed: collation.keyed(value) } }
}

/** What each outcome of a comparison (value in the document against the constant) means for an operator. */
interface Outcomes {
  readonly less: boolean
  readonly equal: boolean
  readonly greater: boolean
}

const outcomesOf: Readonly<Record<ComparisonOperator, Outcomes>> = {
  eq: { less: false, equal: true, greater: false },
  gt: { less: false, equal: false, greater: true },
  gte: { less: false, equal: true, greater: true },
  lt: { less: true, equal: false, greater: false },
  lte: { less: true, equal: true, greater: false },
}

/** Tests one value; values of another type bracket never match, except against MinKey and MaxKey. */
export function comparisonTest(filter: ComparisonFilter): ValueTest {
  const { operator, value, collated } = filter
  const outcomes = outcomesOf[operator]
  if (collated !== undefined) return collatedTest(collated, outcomes)
  switch (value.type) {
    case bsonType.null:
      return outcomes.equal ? nullTest : neverTest
    case bsonType.minKey:
      return keyTest(value.type, outcomes.equal, outcomes.greater)
    case bsonType.maxKey:
      return keyTest(value.type, outcomes.equal, outcomes.less)
    case bsonType.int32:
    case bsonType.double:
    case bsonType.int64:
    case bsonType.decimal128:
      return numberTest(value, outcomes)
    case bsonType.date:
      return dateTest(value, outcomes)
    case bsonType.boolean:
      return booleanTest(value, outcomes)
    case bsonType.string:
      return operator === 'eq' ? stringEqualTest(value) : orderTest(value, outcomes)
    case bsonType.objectId:
      return operator === 'eq' ? objectIdEqualTest(value) : orderTest(value, outcomes)
    default:
      return orderTest(value, outcomes)
  }
}

const neverTest: ValueTest = () => false

/** Null is equal to null and to a missing field, not to undefined. */
const nullTest: ValueTest = (type) => type === bsonType.null || type === missing

/** Every value lies on one side of MinKey and MaxKey, whatever its type; so does a missing field. */
function keyTest(key: number, equal: boolean, otherSide: boolean): ValueTest {
  return (type) => (type === key ? equal : otherSide)
}

/** Any two values of one canonical type, by the one order. */
function orderTest(value: Value, { less, equal, greater }: Outcomes): ValueTest {
  const rank = canonicalRank(value.type)
  const { type: constantType, bytes: constant, start: constantStart } = value
  return (type, bytes, start) => {
    if (canonicalRank(type) !== rank) return false
    const order = compareValues(type, bytes, start, constantType, constant, constantStart)
    return order < 0 ? less : order > 0 ? greater : equal
  }
}

/** As `orderTest`, of keyed values; the constant's were made once. */
function collatedTest({ collation, keyed }: Collated<Value>, { less, equal, greater }: Outcomes): ValueTest {
  const rank = canonicalRank(keyed.type)
  return (type, bytes, start) => {
    if (canonicalRank(type) !== rank) return false
    const order = collation.compareToKeyed(type, bytes, start, keyed)
    return order < 0 ? less : order > 0 ? greater : equal
  }
}

/** Beyond it an int64 is no longer exact as a double. */
const exactLimit = 2 ** 53

/** NaN is equal to NaN only, and neither less nor greater than anything. */
function numberTest(value: Value, outcomes: Outcomes): ValueTest {
  const { less, equal, greater } = outcomes
  const constant = numberOf(value)
  if (Number.isNaN(constant)) {
    if (!equal) return neverTest
    return (type, bytes, start) => isNaNValue(type, bytes, start)
  }
  const inOrder = orderTest(value, outcomes)
  const exactly: ValueTest = (type, bytes, start) => !isNaNValue(type, bytes, start) && inOrder(type, bytes, start)
  if (value.type === bsonType.decimal128 || (value.type === bsonType.int64 && Math.abs(constant) >= exactLimit)) {
    return exactly
  }
  const small = Math.abs(constant) < exactLimit
  return (type, bytes, start) => {
    let n: number
    if (type === bsonType.int32) n = readInt32(bytes, start)
    else if (type === bsonType.double) n = readDouble(bytes, start)
    else if (type === bsonType.int64 && small) n = readInt64Number(bytes, start)
    else return exactly(type, bytes, start)
    return n < constant ? less : n > constant ? greater : n === constant && equal
  }
}

function isNaNValue(type: number, bytes: Uint8Array, start: number): boolean {
  if (type === bsonType.double) return Number.isNaN(readDouble(bytes, start))
  if (type !== bsonType.decimal128) return false
  return Number.isNaN(numberOf({ type, bytes, start, end: start + 16 }))
}

function dateTest(value: Value, outcomes: Outcomes): ValueTest {
  const constant = readInt64Number(value.bytes, value.start)
  if (Math.abs(constant) >= exactLimit) return orderTest(value, outcomes)
  const { less, equal, greater } = outcomes
  return (type, bytes, start) => {
    if (type !== bsonType.date) return false
    const n = readInt64Number(bytes, start)
    return n < constant ? less : n > constant ? greater : equal
  }
}

function booleanTest(value: Value, { less, equal, greater }: Outcomes): ValueTest {
  const constant = value.bytes[value.start]!
  return (type, bytes, start) => {
    if (type !== bsonType.boolean) return false
    const n = bytes[start]!
    return n < constant ? less : n > constant ? greater : equal
  }
}

function stringEqualTest(value: Value): ValueTest {
  const inOrder = orderTest(value, outcomesOf.eq)
  const constant = value.bytes
  const constantStart = value.start
  // The length and the text together: a string's bytes are equal exactly when the strings are.
  const length = value.end - value.start
  return (type, bytes, start) => {
    if (type !== bsonType.string) return type === bsonType.symbol && inOrder(type, bytes, start)
    for (let i = 0; i < length; i++) if (bytes[start + i] !== constant[constantStart + i]) return false
    return true
  }
}

function objectIdEqualTest(value: Value): ValueTest {
  const constant = value.bytes
  const constantStart = value.start
  return (type, bytes, start) => {
    if (type !== bsonType.objectId) return false
    // From the end: the counter differs between neighbours, the seconds do not.
    for (let i = 11; i >= 0; i--) if (bytes[start + i] !== constant[constantStart + i]) return false
    return true
  }
}

/** Whether a number of any type is exactly `constant` when read as a double: what `$in` may look up in a set. */
export function isExactNumber(value: Value): boolean {
  return isNumber(value.type) && value.type !== bsonType.decimal128 && Math.abs(numberOf(value)) < exactLimit
}
