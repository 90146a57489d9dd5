/** `$and $or $nor` and, on a path, `$not`. */

import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { documentFields } from '../../../bson/value.ts'
import type { PathOperator, TopLevelOperator } from '../operator.ts'
import { conjunction, type Filter } from '../tree.ts'

export const logicalOperators: readonly TopLevelOperator[] = [
  list('$and', 'and'),
  list('$or', 'or'),
  list('$nor', 'nor'),
]

function list(name: string, kind: 'and' | 'or' | 'nor'): TopLevelOperator {
  return {
    name,
    parse(operand, context) {
      if (operand.type !== bsonType.array) throw new DatabaseError('BadValue', `${name} must be an array`)
      const filters: Filter[] = []
      for (const element of documentFields(operand.bytes, operand.start)) {
        if (element.type !== bsonType.document) {
          throw new DatabaseError('BadValue', '$or/$and/$nor entries need to be full objects')
        }
        filters.push(context.parseFilter(element))
      }
      if (filters.length === 0) throw new DatabaseError('BadValue', '$and/$or/$nor must be a nonempty array')
      if (kind === 'and' || (kind === 'or' && filters.length === 1)) return conjunction(filters)
      return { kind, filters }
    },
  }
}

export const notOperator: PathOperator = {
  name: '$not',
  parse(path, operand, context) {
    if (operand.type === bsonType.regex) return { kind: 'not', filter: context.parseEquality(path, operand) }
    if (operand.type !== bsonType.document) throw new DatabaseError('BadValue', '$not needs a regex or a document')
    if (operand.bytes[operand.start + 4] === 0) throw new DatabaseError('BadValue', '$not cannot be empty')
    return { kind: 'not', filter: context.parseOperators(path, operand) }
  },
}
