import { DatabaseError } from '../base/errors.ts'
import { messageDepthMax } from '../base/limits.ts'
import { nestsDeeper } from '../bson/depth.ts'
import { bsonType, type Value } from '../bson/type.ts'

/** Errors: Overflow for documents and arrays nested too deep. */
export function refuseDeepNesting(value: Value): void {
  if (value.type !== bsonType.document && value.type !== bsonType.array) return
  if (nestsDeeper(value.bytes, value.start, messageDepthMax)) {
    throw new DatabaseError('Overflow', `An expression's value is nested deeper than ${messageDepthMax} levels`)
  }
}
