/** Index definitions: what `createIndexes` says, parsed once. */

import { DatabaseError } from '../base/errors.ts'
import { bsonType } from '../bson/type.ts'
import { documentFields, documentOf, getField, isNumber, numberOf, readString, truthy } from '../bson/value.ts'
import type { Collation } from '../collation/collation.ts'
import { parseCollation } from '../collation/spec.ts'

/** `ordered`: the value itself; `hashed`: its hash; `wildcard`: every path below one, each with its value. */
export type KeyKind = 'ordered' | 'hashed' | 'wildcard'

export interface KeyPath {
  /** Dotted path as the user wrote it; of a wildcard part the path above it, '' for `$**` alone. */
  readonly path: string
  readonly descending: boolean
  readonly kind: KeyKind
}

export interface IndexDefinition {
  /** The BSON document that listIndexes shows: `{v, key, name, unique?, ...}`. */
  readonly bytes: Uint8Array
  readonly name: string
  /** The BSON key pattern, e.g. `{a: 1, b: -1}`. */
  readonly keyPattern: Uint8Array
  /** 1 to 32 parts. */
  readonly keyPaths: readonly KeyPath[]
  readonly unique: boolean
  /** Documents with none of the fields have no entry. */
  readonly sparse: boolean
  /** The planner passes it by; it is kept up to date all the same. */
  readonly hidden: boolean
  /** Unique for what is written from now on, whatever was there before. */
  readonly prepareUnique: boolean
  /** Only documents that this filter matches have entries. */
  readonly partialFilter: Uint8Array | undefined
  /** Which paths a wildcard part takes or leaves. */
  readonly wildcardProjection: Uint8Array | undefined
  /** Documents whose date is older are deleted. */
  readonly expireAfterSeconds: number | undefined
  /** Place of the wildcard part among the key paths; -1: none. */
  readonly wildcardAt: number
  readonly hashed: boolean
  /** How strings are ordered, and which are equal; undefined: by their bytes. */
  readonly collation: Collation | undefined
  /** The index on `_id` that every collection has. */
  readonly isIdIndex: boolean
}

/** Parses a checked definition; what is wrong here is a CannotCreateIndex. */
export function parseIndexDefinition(bytes: Uint8Array): IndexDefinition {
  const key = getField(bytes, 'key')
  const name = getField(bytes, 'name')
  if (key?.type !== bsonType.document || name?.type !== bsonType.string) {
    throw new DatabaseError('CannotCreateIndex', 'an index definition needs a key document and a name')
  }
  const keyPattern = documentOf(key).slice()
  const keyPaths: KeyPath[] = []
  for (const field of documentFields(keyPattern)) keyPaths.push(parseKeyPath(field.name, field))
  if (keyPaths.length === 0 || keyPaths.length > 32) {
    throw new DatabaseError('CannotCreateIndex', 'an index has 1 to 32 fields')
  }
  const isIdIndex = keyPaths.length === 1 && keyPaths[0]!.path === '_id' && keyPaths[0]!.kind === 'ordered'
  const flag = (option: string): boolean => {
    const value = getField(bytes, option)
    return value !== undefined && truthy(value)
  }
  const document = (option: string): Uint8Array | undefined => {
    const value = getField(bytes, option)
    return value === undefined ? undefined : documentOf(value).slice()
  }
  const collation = getField(bytes, 'collation')
  const expiry = getField(bytes, 'expireAfterSeconds')
  return {
    bytes,
    name: readString(name.bytes, name.start),
    keyPattern,
    keyPaths,
    unique: isIdIndex || flag('unique'),
    sparse: flag('sparse'),
    hidden: flag('hidden'),
    prepareUnique: flag('prepareUnique'),
    partialFilter: document('partialFilterExpression'),
    wildcardProjection: document('wildcardProjection'),
    expireAfterSeconds: expiry === undefined || !isNumber(expiry.type) ? undefined : expirySeconds(numberOf(expiry)),
    wildcardAt: keyPaths.findIndex(({ kind }) => kind === 'wildcard'),
    collation: collation === undefined ? undefined : parseCollation(collation.bytes, collation.start),
    hashed: keyPaths.some(({ kind }) => kind === 'hashed'),
    isIdIndex,
  }
}

/** NaN means never, as in MongoDB. */
function expirySeconds(seconds: number): number {
  return Number.isNaN(seconds) ? 0x7fffffff : seconds
}

function parseKeyPath(
  name: string,
  field: { readonly type: number; readonly bytes: Uint8Array; readonly start: number; readonly end: number },
): KeyPath {
  if (field.type === bsonType.string && readString(field.bytes, field.start) === 'hashed') {
    return { path: name, descending: false, kind: 'hashed' }
  }
  const direction = isNumber(field.type) ? numberOf(field) : Number.NaN
  if (!(direction > 0 || direction < 0)) {
    throw new DatabaseError('CannotCreateIndex', `index kind of field '${name}' is not supported`)
  }
  const descending = direction < 0
  if (name === '$**') return { path: '', descending, kind: 'wildcard' }
  if (name.endsWith('.$**')) return { path: name.slice(0, -4), descending, kind: 'wildcard' }
  return { path: name, descending, kind: 'ordered' }
}
