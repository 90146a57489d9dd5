/** The values that a path leads to, as filters try them. Cold. */
import { bsonType } from '../../bson/type.ts'
import { documentFields, getField, type Value } from '../../bson/value.ts'

/** An array at the end comes with its elements before it; what is missing is left out. */
export function valuesAt(document: Value, parts: readonly string[]): Value[] {
  const [part, ...rest] = parts
  const value = getField(document.bytes, part!, document.start)
  if (value === undefined) return []
  if (rest.length === 0) return value.type === bsonType.array ? [...elementsOf(value), value] : [value]
  if (value.type === bsonType.document) return valuesAt(value, rest)
  if (value.type !== bsonType.array) return []
  const position = getField(value.bytes, rest[0]!, value.start)
  const inDocuments = elementsOf(value).flatMap((element) =>
    element.type === bsonType.document ? valuesAt(element, rest) : [],
  )
  if (position === undefined) return inDocuments
  if (rest.length === 1) return [...inDocuments, position]
  return position.type === bsonType.document ? [...inDocuments, ...valuesAt(position, rest.slice(1))] : inDocuments
}

function elementsOf(array: Value): Value[] {
  return [...documentFields(array.bytes, array.start)]
}
