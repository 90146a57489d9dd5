import { bsonType } from '../../../bson/type.ts'
import { readString, type Value } from '../../../bson/value.ts'
import { refuseUnfitVariableName, type Scope } from '../../scope.ts'

/** The scope in which each element is called what `as` says, `this` without it. Errors: FailedToParse. */
export function scopeOfElement(scope: Scope, as: Value | undefined): { scope: Scope; slot: number } {
  const name = as === undefined ? 'this' : as.type === bsonType.string ? readString(as.bytes, as.start) : ''
  refuseUnfitVariableName(name)
  const inner = scope.with([name])
  return { scope: inner.scope, slot: inner.slots[0]! }
}
