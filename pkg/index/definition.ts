/** Index definitions: what `createIndexes` says, parsed once. */

import { DatabaseError } from '../base/errors.ts'
import { bsonType } from '../bson/type.ts'
import { documentFields, documentOf, getField, isNumber, numberOf, readString, truthy } from '../bson/value.ts'

export interface KeyPath {
  /** Dotted path as the user wrote it. */
  readonly path: string
  readonly descending: boolean
}

export interface IndexDefinition {
  /** The BSON document that listIndexes shows: `{v, key, name, unique?, ...}`. */
  readonly bytes: Uint8Array
  readonly name: string
  /** The BSON key pattern, e.g. `{a: 1}`. */
  readonly keyPattern: Uint8Array
  readonly keyPaths: readonly KeyPath[]
  readonly unique: boolean
  /** The index on `_id` that every collection has. */
  readonly isIdIndex: boolean
}

/** Parses `{v, key, name, unique?}`. The command has checked the user's document; what is wrong here is a CannotCreateIndex. */
export function parseIndexDefinition(bytes: Uint8Array): IndexDefinition {
  const key = getField(bytes, 'key')
  const name = getField(bytes, 'name')
  if (key?.type !== bsonType.document || name?.type !== bsonType.string) {
    throw new DatabaseError('CannotCreateIndex', 'an index definition needs a key document and a name')
  }
  const keyPattern = documentOf(key).slice()
  const keyPaths: KeyPath[] = []
  for (const field of documentFields(keyPattern)) {
    const direction = isNumber(field.type) ? numberOf(field) : Number.NaN
    if (!(direction > 0 || direction < 0)) {
      throw new DatabaseError('CannotCreateIndex', `index kind of field '${field.name}' is not supported`)
    }
    keyPaths.push({ path: field.name, descending: direction < 0 })
  }
  if (keyPaths.length !== 1) throw new DatabaseError('CannotCreateIndex', 'only single-field indexes are supported')
  const isIdIndex = keyPaths[0]!.path === '_id'
  const unique = getField(bytes, 'unique')
  return {
    bytes,
    name: readString(name.bytes, name.start),
    keyPattern,
    keyPaths,
    unique: isIdIndex || (unique !== undefined && truthy(unique)),
    isIdIndex,
  }
}
