import { DatabaseError } from '../../../base/errors.ts'
import { bsonType, typeAlias } from '../../../bson/type.ts'
import { documentFields, type Value } from '../../../bson/value.ts'
import { simpleOrder } from '../../../bson/value-order.ts'
import { ElementWalker } from '../../../bson/walk.ts'
import { describeElement } from '../describe.ts'
import { onMissing, type UpdateOperator } from '../update.ts'
import { appended, arrayOf, comparedNs, elementsOf, isArray } from './elements.ts'
import { ValueSearch } from './value-search.ts'

/** `{$addToSet: {path: value | {$each: [values]}}}`: appends those values that the array does not hold yet. */
export const addToSet: UpdateOperator = {
  name: '$addToSet',
  parse(path, operand, target) {
    const order = target.collation ?? simpleOrder
    const search = new ValueSearch(valuesOf(operand), order)
    const walker = new ElementWalker()
    target.add(path, {
      operator: '$addToSet',
      nsPerByte: comparedNs(order),
      onMissing: () => onMissing.create,
      modify(existing, _state, fieldName): Value {
        if (existing === undefined) return arrayOf(search.values)
        if (!isArray(existing)) {
          throw new DatabaseError(
            'BadValue',
            `Cannot apply $addToSet to non-array field. Field named '${fieldName}' has non-array type ${typeAlias(existing.type)}`,
          )
        }
        const missing = new Set(search.values)
        walker.reset(existing.bytes, existing.start)
        let count = 0
        for (; walker.next(); count++) {
          if (missing.size === 0) return existing
          const found = search.find(walker.type, walker.bytes, walker.valueStart)
          if (found !== undefined) missing.delete(found)
        }
        return missing.size === 0 ? existing : appended(existing, count, [...missing])
      },
    })
  },
}

function valuesOf(operand: Value): Value[] {
  if (operand.type !== bsonType.document) return [operand]
  const [first, ...others] = documentFields(operand.bytes, operand.start)
  if (first?.name !== '$each') return [operand]
  if (first.type !== bsonType.array) {
    throw new DatabaseError(
      'TypeMismatch',
      `The argument to $each in $addToSet must be an array but it was of type ${typeAlias(first.type)}`,
    )
  }
  const other = others[0]
  if (other !== undefined) {
    throw new DatabaseError(
      'BadValue',
      `Found unexpected fields after $each in $addToSet: ${describeElement(other.name, other)}`,
    )
  }
  return elementsOf(first)
}
