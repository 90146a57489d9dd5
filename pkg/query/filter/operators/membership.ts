/** `$in $nin` */

import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { isNumber, numberOf, readDouble, readInt32, readInt64Number, type Value } from '../../../bson/value.ts'
import { ElementWalker } from '../../../bson/walk.ts'
import type { Path } from '../../path.ts'
import { missing, type ParseContext, type PathOperator, type ValueTest } from '../operator.ts'
import { isOperatorDocument } from '../operator-document.ts'
import type { Filter, InFilter } from '../tree.ts'
import { madeSet } from '../value-sets.ts'
import { collationOf, isExactNumber } from './comparison.ts'
import { regexValueFilter } from './regex.ts'
import { positionIn, positionInKeyed, type SortedSet, sortedSet } from './sorted-values.ts'

export const membershipOperators: readonly PathOperator[] = [
  { name: '$in', parse: (path, operand, context) => membership(path, operand, '$in', context) },
  {
    name: '$nin',
    parse: (path, operand, context) => ({ kind: 'not', filter: membership(path, operand, '$nin', context) }),
  },
]

function membership(path: Path, operand: Value, name: string, context: ParseContext): Filter {
  if (operand.type !== bsonType.array) throw new DatabaseError('BadValue', `${name} needs an array`)
  const collation = collationOf(context)
  const made = madeSet(operand, collation)
  if (made !== undefined)
    return anyOf(
      path,
      made.set,
      made.regexes.map((value) => regexValueFilter(path, value)),
    )
  const values: Value[] = []
  const regexes: Filter[] = []
  const { bytes } = operand
  const walker = new ElementWalker().reset(bytes, operand.start)
  while (walker.next()) {
    const element: Value = { type: walker.type, bytes, start: walker.valueStart, end: walker.valueEnd }
    if (isOperatorDocument(element)) throw new DatabaseError('BadValue', `cannot nest $ under ${name}`)
    if (element.type === bsonType.undefined)
      throw new DatabaseError('BadValue', 'InMatchExpression equality cannot be undefined')
    if (element.type === bsonType.regex) regexes.push(regexValueFilter(path, element))
    else values.push(element)
  }
  return anyOf(path, sortedSet(values, collation), regexes)
}

function anyOf(path: Path, { values, collated }: SortedSet, regexes: readonly Filter[]): Filter {
  const equalities: InFilter = { kind: 'in', path, values, ...(collated && { collated }) }
  if (regexes.length === 0) return equalities
  return { kind: 'or', filters: values.length === 0 ? regexes : [equalities, ...regexes] }
}

/** A set look-up for plain numbers, a binary search by the one order for the rest. */
export function inTest({ values: sorted, collated }: InFilter): ValueTest {
  const numbers = new Set<number>()
  // A decimal or a large int64 in a document may equal a number of the set: those go through the search, which has all. An int32 or a
  // double goes through it only where the set has numbers of other kinds.
  let hasOthers = false
  let holdsNull = false
  for (let i = 0; i < sorted.length; i++) {
    const value = sorted[i]!
    if (value.type === bsonType.null) holdsNull = true
    else if (isExactNumber(value)) numbers.add(numberOf(value))
    else if (isNumber(value.type)) hasOthers = true
  }
  return (type, bytes, start) => {
    switch (type) {
      case missing:
        return holdsNull
      case bsonType.int32:
        if (numbers.has(readInt32(bytes, start))) return true
        if (!hasOthers) return false
        break
      case bsonType.double:
        if (numbers.has(readDouble(bytes, start))) return true
        if (!hasOthers) return false
        break
      case bsonType.int64:
        if (numbers.has(readInt64Number(bytes, start))) return true
        break
    }
    return (
      (collated === undefined
        ? positionIn(sorted, type, bytes, start)
        : positionInKeyed(collated, type, bytes, start)) >= 0
    )
  }
}
