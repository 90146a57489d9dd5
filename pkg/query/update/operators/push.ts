import { DatabaseError } from '../../../base/errors.ts'
import { bsonType, typeAlias } from '../../../bson/type.ts'
import { documentFields, isNumber, numberOf, type Value } from '../../../bson/value.ts'
import { simpleOrder, type ValueOrder } from '../../../bson/value-order.ts'
import { onMissing, type UpdateOperator } from '../update.ts'
import { describeId } from './arithmetic.ts'
import { appended, arrayOf, comparedNs, countElements, elementNs, elementsOf, isArray } from './elements.ts'
import { parseElementSort, type SortElements } from './push-sort.ts'

interface Push {
  readonly values: readonly Value[]
  /** Where the values go in: from the front, or from the end when negative; undefined: at the end. */
  readonly position: number | undefined
  /** How many elements stay: the first ones, or the last ones when negative. */
  readonly slice: number | undefined
  readonly sort: SortElements | undefined
}

/** `{$push: {path: value | {$each: [values], $position, $sort, $slice}}}`: inserts, then sorts, then cuts. */
export const push: UpdateOperator = {
  name: '$push',
  parse(path, operand, target) {
    const order = target.collation ?? simpleOrder
    const change = parsePush(operand, order)
    const appends = change.position === undefined && change.slice === undefined && change.sort === undefined
    target.add(path, {
      operator: '$push',
      nsPerByte: appends ? 0 : change.sort === undefined ? elementNs : comparedNs(order),
      onMissing: () => onMissing.create,
      modify(existing, state, fieldName): Value {
        if (existing !== undefined && !isArray(existing)) {
          throw new DatabaseError(
            'BadValue',
            `The field '${fieldName}' must be an array but is of type ${typeAlias(existing.type)} in document ${describeId(state)}`,
          )
        }
        if (existing === undefined) return arrayOf(pushInto([], change))
        return appends
          ? appended(existing, countElements(existing), change.values)
          : arrayOf(pushInto(elementsOf(existing), change))
      },
    })
  },
}

function pushInto(elements: readonly Value[], { values, position, slice, sort }: Push): Value[] {
  const at = position === undefined ? elements.length : fromFront(position, elements.length)
  let result = [...elements.slice(0, at), ...values, ...elements.slice(at)]
  if (sort !== undefined) result = sort(result)
  if (slice === undefined) return result
  return slice >= 0 ? result.slice(0, slice) : result.slice(slice)
}

function fromFront(position: number, length: number): number {
  return position >= 0 ? Math.min(position, length) : Math.max(0, length + position)
}

function parsePush(operand: Value, order: ValueOrder): Push {
  const clauses = operand.type === bsonType.document ? [...documentFields(operand.bytes, operand.start)] : []
  if (!clauses.some(({ name }) => name === '$each')) {
    return { values: [operand], position: undefined, slice: undefined, sort: undefined }
  }
  let values: readonly Value[] = []
  let position: number | undefined
  let slice: number | undefined
  let sort: SortElements | undefined
  const seen = new Set<string>()
  for (const clause of clauses) {
    if (seen.has(clause.name)) {
      throw new DatabaseError('BadValue', `Only one ${clause.name} is supported.`)
    }
    seen.add(clause.name)
    switch (clause.name) {
      case '$each':
        if (!isArray(clause)) {
          throw new DatabaseError(
            'BadValue',
            `The argument to $each in $push must be an array but it was of type: ${typeAlias(clause.type)}`,
          )
        }
        values = elementsOf(clause)
        break
      case '$position':
        position = integerOf(clause, '$position')
        break
      case '$slice':
        slice = integerOf(clause, '$slice')
        break
      case '$sort':
        sort = parseElementSort(clause, order)
        break
      default:
        throw new DatabaseError('BadValue', `Unrecognized clause in $push: ${clause.name}`)
    }
  }
  return { values, position, slice, sort }
}

function integerOf(value: Value, clause: string): number {
  if (!isNumber(value.type)) {
    throw new DatabaseError(
      'BadValue',
      `The value for ${clause} must be an integer value but was given type: ${typeAlias(value.type)}`,
    )
  }
  const number = numberOf(value)
  if (!Number.isInteger(number)) {
    throw new DatabaseError('BadValue', `The value for ${clause} must be an integer value but was given: ${number}`)
  }
  return number
}
