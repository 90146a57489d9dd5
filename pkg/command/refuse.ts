/** What is understood but not done yet is refused by name, never passed over. */
import { DatabaseError } from '../base/errors.ts'
import { bsonType } from '../bson/type.ts'
import type { Value } from '../bson/value.ts'

/** Throws when `value` was given, unless it is an empty document. */
export function refuse(what: string, value: Value | Uint8Array | undefined): void {
  if (value === undefined) return
  if (
    value instanceof Uint8Array ? value.length === 5 : value.type === bsonType.document && value.end - value.start === 5
  )
    return
  throw new DatabaseError('NotImplemented', `${what} is not supported yet`)
}
