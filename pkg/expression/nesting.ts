import { DatabaseError } from '../base/errors.ts'
import { bsonType, type Value } from '../bson/type.ts'
import { ElementWalker } from '../bson/walk.ts'

/** Deeper than any stored document, and not yet too deep for what walks values by recursion. */
const depthMax = 200

/** Errors: Overflow for documents and arrays nested too deep. */
export function refuseDeepNesting(value: Value): void {
  if (value.type !== bsonType.document && value.type !== bsonType.array) return
  if (isDeeper(value.bytes, value.start, depthMax)) {
    throw new DatabaseError('Overflow', `An expression's value is nested deeper than ${depthMax} levels`)
  }
}

function isDeeper(bytes: Uint8Array, start: number, levels: number): boolean {
  if (levels === 0) return true
  const walker = new ElementWalker().reset(bytes, start)
  while (walker.next()) {
    if (walker.type !== bsonType.document && walker.type !== bsonType.array) continue
    if (isDeeper(bytes, walker.valueStart, levels - 1)) return true
  }
  return false
}
