/**
 * Clustered collections. Their records lie where those of other collections do; what makes them clustered is what can be seen: the
 * order of `_id` is their natural order, the `_id` index is shown as the clustered one and cannot be dropped or hidden.
 */
import { DatabaseError } from '../base/errors.ts'
import { buildDocument } from '../bson/build.ts'
import { bsonType, typeAlias } from '../bson/type.ts'
import { documentFields, documentOf, getField, isNumber, numberOf, truthy, type Value } from '../bson/value.ts'
import { valueEnd } from '../bson/walk.ts'
import { wholeNumberAt } from '../bson/whole-number.ts'
import type { Collection } from '../engine/collection.ts'
import type { Index } from '../index/index.ts'
import { traitsOf } from './collection-traits.ts'
import { booleanType, Fields, numberType, objectType, stringType } from './fields.ts'

const fields = new Fields('create.clusteredIndex', {
  v: { type: numberType },
  key: { type: objectType, required: true },
  name: { type: stringType },
  unique: { type: booleanType, required: true },
})

/**
 * The option's document as it is kept; undefined: a false value, which asks for nothing. Errors: TypeMismatch and those of a
 * command's fields, 5979700, 5979703, 5979704, InvalidIndexSpecificationOption.
 */
export function clusteredIndexOf(option: Value | undefined): Uint8Array | undefined {
  if (option === undefined) return undefined
  if (option.type !== bsonType.document) {
    if (option.type !== bsonType.boolean && !isNumber(option.type))
      throw new DatabaseError(
        'TypeMismatch',
        `BSON field 'create.clusteredIndex' is the wrong type '${typeAlias(option.type)}', expected types '[bool, object]'`,
      )
    if (truthy(option))
      throw new DatabaseError(5979703, `{clusteredIndex: true} is only for collections of the server's own`)
    return undefined
  }
  const { at } = fields.read(documentOf(option), 0)
  if (!fields.boolean(at.unique)) throw new DatabaseError(5979700, 'The clusteredIndex option requires unique: true')
  const [first, second] = documentFields(fields.document(at.key)!)
  const isIdAscending = first?.name === '_id' && second === undefined && isNumber(first.type) && numberOf(first) === 1
  if (!isIdAscending)
    throw new DatabaseError(
      'InvalidIndexSpecificationOption',
      'The clusteredIndex option requires the key to be {_id: 1}',
    )
  const version = fields.number(at.v)
  if (version !== undefined && version !== 2)
    throw new DatabaseError(5979704, `The clusteredIndex option requires v: 2, not ${version}`)
  return buildDocument({ v: 2, key: { _id: 1 }, name: fields.string(at.name) ?? '_id_', unique: true })
}

/** An index's definition as it is shown: that of `_id` in a clustered collection says so. */
export function shownDefinition(collection: Collection, index: Index): Uint8Array {
  if (index !== collection.idIndex || !traitsOf(collection).clustered) return index.definition.bytes
  const shown: Record<string, unknown> = {}
  const option = getField(collection.options, 'clusteredIndex')!
  for (const field of documentFields(option.bytes, option.start)) shown[field.name] = field
  return buildDocument({ v: shown['v'], key: shown['key'], name: shown['name'], unique: true, clustered: true })
}

/** Longest `_id` of a clustered collection, as it lies in a document. */
const clusteredIdSizeMax = 8 * 1024 * 1024 - 2

/** Throws 5894900 for an `_id` too long to be the place of its document. `document`: `_id` first. */
export function checkClusteredId(document: Uint8Array): void {
  const type = document[4]!
  if (type !== bsonType.string && type !== bsonType.binary) return
  const sizeBytes = valueEnd(document, type, 9) - 9
  // As it lies in a document a string has five bytes more, and so much more a binary value costs as a key.
  if (sizeBytes > clusteredIdSizeMax + (type === bsonType.string ? 5 : 0))
    throw new DatabaseError(
      5894900,
      `The size of the _id in a clustered collection must be at most ${clusteredIdSizeMax} bytes, but is ${sizeBytes}`,
    )
}

/**
 * The error for a document whose `_id` a clustered collection has already. MongoDB makes its key from the double it looks like, and
 * fails at those that are no finite numbers before it can tell of a duplicate. `document`: `_id` first.
 */
export function clusteredDuplicate(document: Uint8Array, error: DatabaseError): DatabaseError {
  const type = document[4]!
  if (type !== bsonType.double && type !== bsonType.decimal128) return error
  const id = numberOf(getField(document, '_id')!)
  if (Number.isNaN(id)) return new DatabaseError(50819, error.message)
  return Number.isFinite(id) ? error : new DatabaseError(50826, error.message)
}

/** What counts as an index of the collection: that of a clustered collection is how its documents lie, and none. */
export function countedIndexes(collection: Collection, shown: number): number {
  return traitsOf(collection).clustered ? shown - 1 : shown
}

/** `expireAfterSeconds` of create: whole seconds, or undefined when it was not given. */
export function expireAfterSecondsOf(option: Value | undefined): number | undefined {
  if (option === undefined || option.type === bsonType.null || option.type === bsonType.undefined) return undefined
  if (!isNumber(option.type))
    throw new DatabaseError(
      'TypeMismatch',
      `BSON field 'create.expireAfterSeconds' is the wrong type '${typeAlias(option.type)}', expected types '[string, int, decimal, double, long]'`,
    )
  const seconds = wholeNumberAt(option.type, option.bytes, option.start)
  if (seconds < 0 || seconds > 0x7fffffff)
    throw new DatabaseError(
      'InvalidOptions',
      `collection-level option 'expireAfterSeconds' must be within the range 0 to 2147483647`,
    )
  return seconds
}
