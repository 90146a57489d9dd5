import { DatabaseError } from '../../../base/errors.ts'
import { bsonType, typeAlias } from '../../../bson/type.ts'
import { documentFields, type Value } from '../../../bson/value.ts'
import { simpleOrder, type ValueOrder } from '../../../bson/value-order.ts'
import { describeElement } from '../describe.ts'
import { onMissing, type UpdateOperator } from '../update.ts'
import { arrayOf, elementsOf, isArray } from './elements.ts'

/** `{$addToSet: {path: value | {$each: [values]}}}`: appends those values that the array does not hold yet. */
export const addToSet: UpdateOperator = {
  name: '$addToSet',
  parse(path, operand, target) {
    const order = target.collation ?? simpleOrder
    const values = distinct([], valuesOf(operand), order)
    target.add(path, {
      operator: '$addToSet',
      onMissing: () => onMissing.create,
      modify(existing, _state, fieldName): Value {
        if (existing === undefined) return arrayOf(values)
        if (!isArray(existing)) {
          throw new DatabaseError(
            'BadValue',
            `Cannot apply $addToSet to non-array field. Field named '${fieldName}' has non-array type ${typeAlias(existing.type)}`,
          )
        }
        const elements = elementsOf(existing)
        const added = distinct(elements, values, order)
        return added.length === 0 ? existing : arrayOf([...elements, ...added])
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

/** The `candidates` that are neither in `present` nor equal to an earlier candidate. */
function distinct(present: readonly Value[], candidates: readonly Value[], { equal }: ValueOrder): Value[] {
  const fresh: Value[] = []
  for (const candidate of candidates) {
    const same = (other: Value): boolean => equal(other, candidate)
    if (!present.some(same) && !fresh.some(same)) fresh.push(candidate)
  }
  return fresh
}
