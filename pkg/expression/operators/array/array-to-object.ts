import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { documentFields, documentValue, getField, nullValue, readString, type Value } from '../../../bson/value.ts'
import { isNullish } from '../../expression.ts'
import { elementsOf } from '../accumulator/gathering.ts'
import { writeFields } from '../object/fields.ts'
import { fixedOperator } from '../operator.ts'
import { shownType } from '../shown-type.ts'

/**
 * `{$arrayToObject: array}` of `[name, value]` or of `{k: name, v: value}`; of a name that comes twice the last value, in
 * the first place. Errors: 40386 for what is no array, and of its elements 40391..40398, 4940400, 4940401.
 */
export const arrayToObject = fixedOperator('$arrayToObject', 1, ([operand]) => (context) => {
  const array = operand!(context)
  if (isNullish(array)) return nullValue
  if (array.type !== bsonType.array) {
    throw new DatabaseError(40386, `$arrayToObject requires an array input, found: ${shownType(array)}`)
  }
  const elements = elementsOf(array)
  // The first element decides which of the two forms all must have.
  const entryOf = elements[0]?.type === bsonType.array ? entryOfPair : entryOfDocument
  const first = elements[0]
  if (first !== undefined && first.type !== bsonType.array && first.type !== bsonType.document) {
    throw new DatabaseError(40398, `Unrecognised input type format for $arrayToObject: ${shownType(first)}`)
  }
  return documentValue(writeFields(new Map(elements.map(entryOf))))
})

function entryOfPair(element: Value): [string, Value] {
  if (element.type !== bsonType.array) {
    throw new DatabaseError(
      40396,
      `$arrayToObject requires a consistent input format. Elements must all be arrays or all be objects. Array was detected, now found: ${shownType(element)}`,
    )
  }
  const [name, value, ...others] = elementsOf(element)
  if (name === undefined || value === undefined || others.length > 0) {
    throw new DatabaseError(40397, '$arrayToObject requires an array of size 2 arrays')
  }
  if (name.type !== bsonType.string) {
    throw new DatabaseError(
      40395,
      `$arrayToObject requires an array of key-value pairs, where the key must be of type string. Found key type: ${shownType(name)}`,
    )
  }
  return [nameOf(name, 4940400), value]
}

function entryOfDocument(element: Value): [string, Value] {
  if (element.type !== bsonType.document) {
    throw new DatabaseError(
      40391,
      `$arrayToObject requires a consistent input format. Elements must all be arrays or all be objects. Object was detected, now found: ${shownType(element)}`,
    )
  }
  if ([...documentFields(element.bytes, element.start)].length !== 2) {
    throw new DatabaseError(40392, "$arrayToObject requires an object keys of 'k' and 'v'")
  }
  const name = getField(element.bytes, 'k', element.start)
  const value = getField(element.bytes, 'v', element.start)
  if (name === undefined || value === undefined) {
    throw new DatabaseError(40393, "$arrayToObject requires an object with keys 'k' and 'v'")
  }
  if (name.type !== bsonType.string) {
    throw new DatabaseError(
      40394,
      `$arrayToObject requires an object with keys 'k' and 'v', where the value of 'k' must be of type string. Found type: ${shownType(name)}`,
    )
  }
  return [nameOf(name, 4940401), value]
}

function nameOf(text: Value, code: number): string {
  const name = readString(text.bytes, text.start)
  if (name.includes('\0')) throw new DatabaseError(code, 'Key field cannot contain an embedded null byte')
  return name
}
