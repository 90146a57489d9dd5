/** `$elemMatch`: one element of an array passes everything, as a document or as a value. */

import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { valueEnd } from '../../../bson/walk.ts'
import { valueItself } from '../../path.ts'
import type { PathOperator, Predicate, ValueTest } from '../operator.ts'
import { firstName, isOperatorDocument } from '../operator-document.ts'

/** A document that begins with one of these is a whole filter, not tests of a value. */
const filterBeginnings: readonly string[] = ['$and', '$or', '$nor', '$where', '$expr', '$jsonSchema', '$comment']

export const elemMatchOperator: PathOperator = {
  name: '$elemMatch',
  parse(path, operand, context) {
    if (operand.type !== bsonType.document) throw new DatabaseError('BadValue', '$elemMatch needs an Object')
    if (isOperatorDocument(operand) && !filterBeginnings.includes(firstName(operand))) {
      return { kind: 'elemMatchValue', path, filter: context.parseOperators(valueItself, operand) }
    }
    return { kind: 'elemMatchDocument', path, filter: context.parseElementFilter(operand) }
  },
}

/** Elements that are arrays count as documents with the fields 0, 1, 2 ... */
export function elemMatchDocumentTest(predicate: Predicate): ValueTest {
  return (type, bytes, start) => {
    if (type !== bsonType.array) return false
    let at = start + 4
    for (;;) {
      const elementType = bytes[at]!
      if (elementType === 0) return false
      while (bytes[++at] !== 0);
      at++
      if ((elementType === bsonType.document || elementType === bsonType.array) && predicate(bytes, at)) return true
      at = valueEnd(bytes, elementType, at)
    }
  }
}

export function elemMatchValueTest(test: ValueTest): ValueTest {
  return (type, bytes, start) => type === bsonType.array && someElement(test, bytes, start)
}

/** Whether any element of the array at `start` passes. */
export function someElement(test: ValueTest, bytes: Uint8Array, start: number): boolean {
  let at = start + 4
  for (;;) {
    const type = bytes[at]!
    if (type === 0) return false
    while (bytes[++at] !== 0);
    at++
    if (test(type, bytes, at)) return true
    at = valueEnd(bytes, type, at)
  }
}
