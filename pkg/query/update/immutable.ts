/** What an update may not do to a document as a whole: change its `_id`, or name a field like an operator. */
import { DatabaseError } from '../../base/errors.ts'
import { equalValues } from '../../bson/order.ts'
import { getField } from '../../bson/value.ts'

/** Whether two documents have equal `_id` fields, or none of them has one. */
export function sameId(a: Uint8Array, aStart: number, b: Uint8Array): boolean {
  const before = getField(a, '_id', aStart)
  const after = getField(b, '_id')
  if (before === undefined || after === undefined) return before === after
  return equalValues(before.type, before.bytes, before.start, after.type, after.bytes, after.start)
}

export function idWouldChange(path: string): DatabaseError {
  return new DatabaseError(
    'ImmutableField',
    `Performing an update on the path '${path}' would modify the immutable field '_id'`,
  )
}

export function dollarPrefixed(name: string): DatabaseError {
  return new DatabaseError(
    'DollarPrefixedFieldName',
    `The dollar ($) prefixed field '${name}' in '${name}' is not allowed in the context of an update's replacement document. Consider using an aggregation pipeline with $replaceWith.`,
  )
}
