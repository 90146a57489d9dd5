/** `$all`: every one of its elements is equal to something the path leads to, or every one of its `$elemMatch`es matches. */

import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { documentFields, nullValue } from '../../../bson/value.ts'
import type { PathOperator, ValueTest } from '../operator.ts'
import { missing } from '../operator.ts'
import { firstName, isOperatorDocument } from '../operator-document.ts'
import { type AllFilter, type ComparisonFilter, conjunction, type Filter } from '../tree.ts'
import { collationOf } from './comparison.ts'
import { collatedValues, positionIn, positionInKeyed, sortedDistinct } from './sorted-values.ts'

/** From so many elements on they are looked for together: in an array of as many, one by one would be quadratic. */
const togetherMin = 8

export const allOperator: PathOperator = {
  name: '$all',
  parse(path, operand, context) {
    if (operand.type !== bsonType.array) throw new DatabaseError('BadValue', '$all needs an array')
    const elements = [...documentFields(operand.bytes, operand.start)]
    const first = elements[0]
    if (first === undefined) return { kind: 'constant', value: false }
    const nested = isOperatorDocument(first) && firstName(first) === '$elemMatch'
    const filters: Filter[] = []
    for (const element of elements) {
      const operators = isOperatorDocument(element)
      if (nested) {
        if (!operators || firstName(element) !== '$elemMatch') {
          throw new DatabaseError('BadValue', '$all/$elemMatch has to be consistent')
        }
        filters.push(context.parseOperators(path, element))
      } else {
        if (operators && context.isPathOperator(firstName(element)))
          throw new DatabaseError('BadValue', 'no $ expressions in $all')
        filters.push(context.parseEquality(path, element))
      }
    }
    const equalities = filters.filter((filter): filter is ComparisonFilter => filter.kind === 'comparison')
    if (equalities.length < togetherMin) return conjunction(filters)
    const collation = collationOf(context)
    const values = sortedDistinct(
      equalities.map(({ value }) => value),
      collation,
    )
    const collated = collatedValues(values, collation)
    const others = filters.filter((filter) => filter.kind !== 'comparison')
    // One of the equalities by itself: an index may serve it.
    return conjunction([equalities[0]!, { kind: 'all', path, values, ...(collated && { collated }) }, ...others])
  },
}

/** Strikes off what it is shown, and passes once nothing is left; `reset` begins again. */
export function allTest({ values, collated }: AllFilter): { readonly test: ValueTest; readonly reset: () => void } {
  const seen = new Uint8Array(values.length)
  let left = values.length
  return {
    test: (type, bytes, start) => {
      const found =
        type === missing
          ? positionIn(values, bsonType.null, nullValue.bytes, 0)
          : collated === undefined
            ? positionIn(values, type, bytes, start)
            : positionInKeyed(collated, type, bytes, start)
      if (found >= 0 && seen[found] === 0) {
        seen[found] = 1
        left--
      }
      return left === 0
    },
    reset: () => {
      seen.fill(0)
      left = values.length
    },
  }
}
