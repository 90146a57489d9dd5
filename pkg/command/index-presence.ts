/** Whether an index that is asked for is there already, or clashes with one that is. */
import { DatabaseError } from '../base/errors.ts'
import { equal } from '../bson/order.ts'
import { bsonType } from '../bson/type.ts'
import { documentFields, getField, isNumber, numberOf, readString, type Value } from '../bson/value.ts'
import type { IndexSpec } from './index-spec.ts'

/** An index that is there, as far as a new one may clash with it. */
export interface PresentIndex {
  readonly name: string
  /** The key pattern. */
  readonly key: Uint8Array
  readonly definition: Uint8Array
}

/** Whether the index is already there. Errors: IndexOptionsConflict, IndexKeySpecsConflict. */
export function isPresent(spec: IndexSpec, present: readonly PresentIndex[]): boolean {
  if (spec.isIdIndex) return present.some((index) => index.name === '_id_')
  const named = present.find((index) => index.name === spec.name)
  if (named !== undefined) {
    if (!sameSignature(named, spec))
      throw new DatabaseError(
        'IndexKeySpecsConflict',
        `An existing index has the same name as the requested index. When index names are not specified, they are auto generated and can cause conflicts. Please refer to our documentation. Requested index: ${spec.name}, existing index: ${named.name}`,
      )
    if (sameOption(named, spec, 'expireAfterSeconds') && sameOption(named, spec, 'hidden')) return true
    throw new DatabaseError(
      'IndexOptionsConflict',
      `An equivalent index already exists with the same name but different options. Requested index: ${spec.name}, existing index: ${named.name}`,
    )
  }
  const twin = present.find((index) => sameSignature(index, spec))
  if (twin === undefined) return false
  throw new DatabaseError(
    'IndexOptionsConflict',
    sameOption(twin, spec, 'expireAfterSeconds')
      ? `Index already exists with a different name: ${twin.name}`
      : `An equivalent index already exists with a different name and options. Requested index: ${spec.name}, existing index: ${twin.name}`,
  )
}

/** Indexes of one signature hold the same entries and may not be there twice. */
function sameSignature(a: PresentIndex, b: PresentIndex): boolean {
  return (
    sameKey(a.key, b.key) &&
    ['unique', 'sparse', 'wildcardProjection', 'collation'].every((option) => sameOption(a, b, option)) &&
    sameFilter(getField(a.definition, filterOption), getField(b.definition, filterOption))
  )
}

const filterOption = 'partialFilterExpression'

/** Whether two filters are conjunctions of the same clauses, in whatever order. */
function sameFilter(a: Value | undefined, b: Value | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  const rest = clausesOf(b)
  return (
    clausesOf(a).every((clause) => {
      const at = rest.findIndex((other) => other.name === clause.name && equal(other, clause))
      if (at >= 0) rest.splice(at, 1)
      return at >= 0
    }) && rest.length === 0
  )
}

function clausesOf({ bytes, start }: Value): (Value & { readonly name: string })[] {
  return [...documentFields(bytes, start)].flatMap((field) =>
    field.name === '$and' && field.type === bsonType.array
      ? [...documentFields(field.bytes, field.start)].flatMap(clausesOf)
      : [field],
  )
}

function sameOption(a: PresentIndex, b: PresentIndex, option: string): boolean {
  const left = getField(a.definition, option)
  const right = getField(b.definition, option)
  if (left === undefined || right === undefined) {
    const one = left ?? right
    return one === undefined || (one.type === bsonType.boolean && one.bytes[one.start] === 0)
  }
  return equal(left, right)
}

/** Whether two key patterns mean the same: names, order and directions. */
export function sameKey(a: Uint8Array, b: Uint8Array): boolean {
  const left = [...documentFields(a)]
  const right = [...documentFields(b)]
  return (
    left.length === right.length &&
    left.every((part, i) => {
      const other = right[i]!
      return part.name === other.name && directionOf(part) === directionOf(other)
    })
  )
}

function directionOf(part: Value): number | string {
  if (isNumber(part.type)) return numberOf(part) < 0 ? -1 : 1
  return part.type === bsonType.string ? readString(part.bytes, part.start) : Number.NaN
}
