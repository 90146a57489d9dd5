/**
 * Index specifications as createIndexes takes them: checked, brought to the one form that is stored and listed
 * (`{v, key, name, unique?}`), and compared with the indexes there are.
 */
import { DatabaseError } from '../base/errors.ts'
import { timestampOf } from '../base/timestamp.ts'
import { buildDocument, rawDocument } from '../bson/build.ts'
import { bsonType, typeAlias } from '../bson/type.ts'
import {
  documentFields,
  documentOf,
  documentValue,
  getField,
  isNumber,
  numberOf,
  readString,
  timestampValue,
  type Value,
  valueAt,
} from '../bson/value.ts'
import type { Collation } from '../collation/collation.ts'
import { parseCollation } from '../collation/spec.ts'
import { Scope } from '../expression/scope.ts'
import { parseFilter } from '../query/filter/parse.ts'
import { refuseOperators } from '../query/filter/refused-operators.ts'
import type { Filter } from '../query/filter/tree.ts'
import { cannotCreate, checkPart, checkPattern, checkWildcard, isWildcardPath, shownKey } from './index-key-pattern.ts'
import { truthyAt } from './truth.ts'

export interface IndexSpec {
  readonly name: string
  readonly key: Uint8Array
  /** The one on `_id`, which every collection has. */
  readonly isIdIndex: boolean
  /** As stored, but for the collation. */
  readonly definition: Uint8Array
  readonly collation: Collation | 'default' | undefined
}

/** Options that MongoDB knows and that are not there, with their types: refused by name. */
const absent: Readonly<Record<string, 'number' | 'string' | 'object'>> = {
  weights: 'object',
  default_language: 'string',
  language_override: 'string',
  textIndexVersion: 'number',
  '2dsphereIndexVersion': 'number',
  bits: 'number',
  min: 'number',
  max: 'number',
  bucketSize: 'number',
  coarsestIndexedLevel: 'number',
  finestIndexedLevel: 'number',
}
const clusteredOptions: ReadonlySet<string> = new Set(['v', 'key', 'name', 'unique', 'clustered'])
const idIndexOptions: ReadonlySet<string> = new Set(['v', 'key', 'name', 'ns', 'collation'])

/** What a specification says besides key and name. */
interface Options {
  unique: boolean
  sparse: boolean
  prepareUnique: boolean
  partial: Uint8Array | undefined
  projection: Value | undefined
  expires: boolean
  version: number
  refused: string | undefined
  /** 'default': that of the collection; undefined: the simple one. */
  collation: Collation | 'default' | undefined
  /** As they are stored and listed, in the order given. */
  readonly stored: Record<string, unknown>
}

/**
 * `ignoreUnknown`: leaves out what is no option. Errors: FailedToParse, TypeMismatch, CannotCreateIndex,
 * InvalidIndexSpecificationOption, BadValue, and codes of their own for hashed and wildcard indexes.
 */
export function parseIndexSpec(document: Uint8Array, ignoreUnknown = false): IndexSpec {
  let key: Uint8Array | undefined
  let name: string | undefined
  const options: Options = {
    unique: false,
    sparse: false,
    prepareUnique: false,
    partial: undefined,
    projection: undefined,
    expires: false,
    version: 2,
    refused: undefined,
    collation: 'default',
    stored: {},
  }
  const clustered = getField(document, 'clustered')
  if (clustered !== undefined) checkClustered(document, clustered)
  for (const field of documentFields(document)) {
    if (field.name === 'key') {
      if (field.type !== bsonType.document) throw wrongType('key', field, 'object')
      key = documentOf(field).slice()
    } else if (field.name === 'name') {
      if (field.type !== bsonType.string) throw wrongType('name', field, 'a string')
      name = readString(field.bytes, field.start)
    } else readOption(field, options, ignoreUnknown)
  }
  if (key === undefined)
    throw new DatabaseError('FailedToParse', `The 'key' field is a required property of an index specification`)
  if (name === undefined)
    throw new DatabaseError('FailedToParse', `The 'name' field is a required property of an index specification`)
  if (name === '') throw new DatabaseError('CannotCreateIndex', 'index name cannot be empty')
  if (name === '*') throw new DatabaseError('BadValue', `The index name '*' is not valid.`)
  if (name.includes('\0')) throw new DatabaseError('BadValue', `The index name cannot contain a null byte`)
  return checked(document, key, name, options)
}

function readOption(field: { readonly name: string } & Value, options: Options, ignoreUnknown: boolean): void {
  const { name } = field
  switch (name) {
    case 'clustered':
      options.refused ??= name
      return
    case 'unique':
    case 'sparse':
    case 'hidden':
    case 'prepareUnique': {
      if (name === 'hidden' && field.type !== bsonType.boolean) throw wrongType(name, field, 'a boolean')
      const set = flag(name, field)
      if (name !== 'hidden') options[name] = set
      if (set || name === 'sparse') options.stored[name] = set
      return
    }
    case 'background':
    case 'dropDups':
      flag(name, field)
      return
    case 'v':
      checkVersion(field)
      options.version = numberOf(field)
      return
    case 'ns':
    case '_id':
      return
    case 'originalSpec':
      checkOriginal(field)
      return
    case 'storageEngine':
      if (field.type !== bsonType.document) throw wrongType(name, field, 'object')
      return
    case 'expireAfterSeconds':
      checkExpiry(field)
      options.expires = true
      options.stored[name] = valueAt(field.type, field.bytes, field.start, field.end)
      return
    case 'partialFilterExpression':
      if (field.type !== bsonType.document) throw wrongType(name, field, 'object')
      options.partial = documentOf(field).slice()
      checkPartialFilter(options.partial)
      options.stored[name] = documentValue(options.partial)
      return
    case 'wildcardProjection':
      options.projection = valueAt(field.type, field.bytes, field.start, field.end)
      options.stored[name] = options.projection
      return
    case 'collation':
      options.collation = collationOf(field)
      return
    default:
      if (Object.hasOwn(absent, name)) refuseAbsent(name, field, options)
      else if (!ignoreUnknown)
        throw new DatabaseError(
          'InvalidIndexSpecificationOption',
          `The field '${name}' is not valid for an index specification.`,
        )
  }
}

function refuseAbsent(name: string, field: Value, options: Options): void {
  const type = absent[name]!
  const fits =
    type === 'number'
      ? isNumber(field.type)
      : field.type === bsonType.string || (type === 'object' && isDocumentOrArray(field.type))
  if (!fits) throw wrongType(name, field, type === 'object' ? 'object' : `a ${type}`)
  options.refused ??= name
}

function isDocumentOrArray(type: number): boolean {
  return type === bsonType.document || type === bsonType.array
}

/** The specification that an index was first asked for with, which is looked at and not kept. */
function checkOriginal(field: Value): void {
  if (field.type !== bsonType.document) throw wrongType('originalSpec', field, 'object')
  if (field.end - field.start === 5)
    throw new DatabaseError('BadValue', `The field 'originalSpec' cannot be an empty object.`)
  parseIndexSpec(documentOf(field))
}

/** `clustered` is how a clustered collection's own index is shown; no other can be made so. */
function checkClustered(document: Uint8Array, clustered: Value): void {
  for (const { name } of documentFields(document))
    if (!clusteredOptions.has(name))
      throw new DatabaseError(
        'InvalidIndexSpecificationOption',
        `The field '${name}' is not valid for a clustered index specification.`,
      )
  if (!flag('clustered', clustered)) throw new DatabaseError(6492800, `Value 'false' for field 'clustered' is invalid`)
  const unique = getField(document, 'unique')
  if (unique === undefined || !flag('unique', unique))
    throw cannotCreate(`The 'unique' field is required when 'clustered' is specified`)
}

function checked(document: Uint8Array, key: Uint8Array, name: string, options: Options): IndexSpec {
  const parts = [...documentFields(key)]
  checkPattern(key, parts)
  if (options.collation !== 'default' && options.collation !== undefined && options.version < 2)
    throw cannotCreate(`an index with the option 'collation' needs v: 2`)
  if (options.unique && options.prepareUnique)
    throw cannotCreate(`an index cannot have both the options 'unique' and 'prepareUnique'`)
  if (parts.length === 1 && parts[0]!.name === '_id' && isNumber(parts[0]!.type))
    return idIndex(document, parts, options.collation)
  if (name === '_id_')
    throw new DatabaseError(
      'BadValue',
      `The index name '_id_' is reserved for the _id index, which must have key pattern {_id: 1}, found key: ${shownKey(parts)}`,
    )
  for (const part of parts) checkPart(part)
  const wildcards = parts.filter(({ name: path }) => isWildcardPath(path))
  const hashed = parts.filter(
    ({ type, bytes, start }) => type === bsonType.string && readString(bytes, start) === 'hashed',
  )
  if (wildcards.length > 0) checkWildcard(parts, wildcards, hashed.length, options)
  else if (options.projection !== undefined)
    throw new DatabaseError('BadValue', `The field 'wildcardProjection' is only allowed in a wildcard index`)
  if (hashed.length > 1)
    throw new DatabaseError(
      31303,
      `A maximum of one index field is allowed to be hashed but found ${hashed.length} for 'key' ${shownKey(parts)}`,
    )
  if (hashed.length > 0 && (options.unique || options.prepareUnique))
    throw new DatabaseError(16764, 'Currently hashed indexes cannot guarantee uniqueness. Use a regular index.')
  if (options.partial !== undefined && options.sparse)
    throw cannotCreate(`cannot mix "partialFilterExpression" and "sparse" options`)
  if (options.expires && parts.length > 1)
    throw cannotCreate('TTL indexes are single-field indexes, compound indexes do not support TTL')
  if (options.refused !== undefined)
    throw cannotCreate(`indexes with the option '${options.refused}' are not supported yet`)
  const definition = buildDocument({ v: 2, key: documentValue(key), name, ...options.stored })
  return { name, key, isIdIndex: false, definition, collation: options.collation }
}

function idIndex(
  document: Uint8Array,
  parts: readonly ({ readonly name: string } & Value)[],
  collation: IndexSpec['collation'],
): IndexSpec {
  if (numberOf(parts[0]!) !== 1)
    throw new DatabaseError('BadValue', `The field 'key' for an _id index must be {_id: 1}, but got ${shownKey(parts)}`)
  for (const { name: option } of documentFields(document)) {
    if (!idIndexOptions.has(option))
      throw new DatabaseError(
        'InvalidIndexSpecificationOption',
        `The field '${option}' is not valid for an _id index specification.`,
      )
  }
  const key = buildDocument({ _id: 1 })
  const definition = buildDocument({ v: 2, key: documentValue(key), name: '_id_' })
  return { name: '_id_', key, isIdIndex: true, definition, collation }
}

/** Partial filters may use and, or, comparisons, in, exists: true, type and where geometries lie. */
function checkPartialFilter(filter: Uint8Array): void {
  refuseOperators(documentValue(filter), { $where: 'BadValue', $text: 'BadValue' })
  // With a time, so that `$expr` is refused as such whatever it names.
  const scope = Scope.outermost(timestampValue(timestampOf(0, 0)))
  refuseUnsupported(parseFilter(filter, 0, { nowMs: 0, scope }), 0)
}

function refuseUnsupported(filter: Filter, depth: number): void {
  switch (filter.kind) {
    case 'and':
    case 'or':
      for (const inner of filter.filters) refuseUnsupported(inner, depth + 1)
      return
    case 'comparison':
    case 'in':
    case 'exists':
    case 'type':
    case 'geo':
      return
    case 'expr':
      throw new DatabaseError('QueryFeatureNotAllowed', '$expr is not allowed in this context')
    default:
      throw cannotCreate(`Expression not supported in partial index: ${filter.kind}`)
  }
}

function wrongType(name: string, field: Value, expected: string): DatabaseError {
  return new DatabaseError(
    'TypeMismatch',
    `The field '${name}' must be ${expected === 'object' ? 'an object' : expected}, but got ${typeAlias(field.type)}`,
  )
}

function flag(name: string, field: Value): boolean {
  if (field.type !== bsonType.boolean && !isNumber(field.type))
    throw new DatabaseError(
      'TypeMismatch',
      `The field '${name}' has value of type ${typeAlias(field.type)}, which is not convertible to bool`,
    )
  return truthyAt(field.type, field.bytes, field.start)
}

function checkVersion(field: Value): void {
  if (!isNumber(field.type))
    throw new DatabaseError('TypeMismatch', `The field 'v' must be a number, but got ${typeAlias(field.type)}`)
  const version = numberOf(field)
  if (!Number.isInteger(version) || Math.abs(version) > 0x7fffffff)
    throw new DatabaseError('BadValue', `Index version must be representable as a 32-bit integer, but got ${version}`)
  if (version !== 1 && version !== 2)
    throw new DatabaseError(
      'CannotCreateIndex',
      `Invalid index specification; cannot create an index with v=${version}`,
    )
}

function checkExpiry(field: Value): void {
  const seconds = isNumber(field.type) ? numberOf(field) : Number.NaN
  if (!(seconds >= 0 && seconds <= 0x7fffffff))
    throw new DatabaseError(
      'CannotCreateIndex',
      `TTL index 'expireAfterSeconds' option must be within an acceptable range, and numeric`,
    )
}

function collationOf(field: Value): Collation | undefined {
  if (field.type !== bsonType.document) throw wrongType('collation', field, 'object')
  if (field.end - field.start === 5)
    throw new DatabaseError('BadValue', `The field 'collation' cannot be an empty object`)
  return parseCollation(field.bytes, field.start)
}

/**
 * The specification as an index of a collection with that default collation is stored. Errors: BadValue for an `_id` index of another
 * one.
 */
export function withCollation(spec: IndexSpec, ofCollection: Collation | undefined): IndexSpec {
  const collation = spec.collation === 'default' ? ofCollection : spec.collation
  if (spec.isIdIndex && collation !== ofCollection) {
    throw new DatabaseError(
      'BadValue',
      `The _id index must have the same collation as the collection. Index collation: ${shownCollation(collation)}, collection collation: ${shownCollation(ofCollection)}`,
    )
  }
  if (collation === undefined) return { ...spec, collation }
  const definition: Record<string, unknown> = {}
  for (const field of documentFields(spec.definition)) definition[field.name] = field
  return {
    ...spec,
    collation,
    definition: buildDocument({ ...definition, collation: rawDocument(collation.document) }),
  }
}

function shownCollation(collation: Collation | undefined): string {
  return `{ locale: "${collation?.spec.locale ?? 'simple'}" }`
}
