/** The `$sort` of `$push`: by whole elements, or by fields of elements that are documents. */
import { DatabaseError } from '../../../base/errors.ts'
import type { KeyWriter } from '../../../bson/key.ts'
import { sortedByKeys } from '../../../bson/key-sort.ts'
import { bsonType } from '../../../bson/type.ts'
import { documentFields, getField, isNumber, nullValue, numberOf, type Value } from '../../../bson/value.ts'
import type { ValueOrder } from '../../../bson/value-order.ts'

/** The elements in order, equal ones as they come. */
export type SortElements = (elements: readonly Value[]) => Value[]

/** Fewer are sorted faster by comparing them than by keys made first. */
const keyedMin = 32

interface SortPart {
  readonly path: readonly string[]
  readonly direction: 1 | -1
}

/** Errors: BadValue for anything but 1, -1, or a document of paths with 1 or -1. */
export function parseElementSort(value: Value, { compare, encodeKey }: ValueOrder): SortElements {
  if (isNumber(value.type)) {
    const direction = directionOf(value)
    if (direction === undefined) {
      throw new DatabaseError('BadValue', 'The $sort element value must be either 1 or -1')
    }
    return sortingBy(
      (a, b) => direction * compare(a, b),
      ({ type, bytes, start }, key) => encodeKey(key, type, bytes, start, direction < 0),
    )
  }
  if (value.type !== bsonType.document) {
    throw new DatabaseError(
      'BadValue',
      'The $sort is invalid: use 1/-1 to sort the whole element, or {field:1/-1} to sort embedded fields',
    )
  }
  const parts = [...documentFields(value.bytes, value.start)].map(parsePart)
  if (parts.length === 0) {
    throw new DatabaseError('BadValue', 'The $sort pattern is empty when it should be a set of fields.')
  }
  const compareParts = (a: Value, b: Value): number => {
    for (const { path, direction } of parts) {
      const order = direction * compare(at(a, path), at(b, path))
      if (order !== 0) return order
    }
    return 0
  }
  return sortingBy(compareParts, (element, key) => {
    for (const { path, direction } of parts) {
      const { type, bytes, start } = at(element, path)
      encodeKey(key, type, bytes, start, direction < 0)
    }
  })
}

function sortingBy(
  compare: (a: Value, b: Value) => number,
  writeKey: (element: Value, key: KeyWriter) => void,
): SortElements {
  return (elements) => (elements.length < keyedMin ? elements.toSorted(compare) : sortedByKeys(elements, writeKey))
}

function parsePart(field: { readonly name: string } & Value): SortPart {
  const path = field.name.split('.')
  if (field.name === '') throw new DatabaseError('BadValue', 'The $sort field cannot be empty')
  if (path.includes('')) {
    throw new DatabaseError('BadValue', `The $sort field is a dotted field but has an empty part: ${field.name}`)
  }
  const direction = directionOf(field)
  if (direction === undefined) throw new DatabaseError('BadValue', 'The $sort element value must be either 1 or -1')
  return { path, direction }
}

function directionOf(value: Value): 1 | -1 | undefined {
  if (!isNumber(value.type)) return undefined
  const number = numberOf(value)
  return number === 1 || number === -1 ? number : undefined
}

/** The value at `path` in an element; null when it is not there. Array indices count as names. */
function at(element: Value, path: readonly string[]): Value {
  let value: Value | undefined = element
  for (const name of path) {
    if (value.type !== bsonType.document && value.type !== bsonType.array) return nullValue
    value = getField(value.bytes, name, value.start)
    if (value === undefined) return nullValue
  }
  return value
}
