/** `$all`: every one of its elements is equal to something the path leads to, or every one of its `$elemMatch`es matches. */

import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { documentFields } from '../../../bson/value.ts'
import type { PathOperator } from '../operator.ts'
import { firstName, isOperatorDocument } from '../operator-document.ts'
import { conjunction, type Filter } from '../tree.ts'

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
        if (operators) throw new DatabaseError('BadValue', 'no $ expressions in $all')
        filters.push(context.parseEquality(path, element))
      }
    }
    return conjunction(filters)
  },
}
