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
import type { Filter } from '../query/filter/tree.ts'
import { parseProjection } from '../query/projection/parse.ts'
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

/** Options that MongoDB knows and that are not there: refused by name. */
const absent: ReadonlySet<string> = new Set([
  'weights',
  'default_language',
  'language_override',
  'textIndexVersion',
  '2dsphereIndexVersion',
  'bits',
  'min',
  'max',
  'bucketSize',
  'coarsestIndexedLevel',
  'finestIndexedLevel',
  'clustered',
])
const idIndexOptions: ReadonlySet<string> = new Set(['v', 'key', 'name', 'ns', 'collation'])

/** What a specification says besides key and name. */
interface Options {
  unique: boolean
  sparse: boolean
  prepareUnique: boolean
  partial: Uint8Array | undefined
  projection: Uint8Array | undefined
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
      flag(name, field)
      return
    case 'v':
      checkVersion(field)
      options.version = numberOf(field)
      return
    case 'ns':
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
      if (field.type !== bsonType.document) throw wrongType(name, field, 'object')
      options.projection = documentOf(field).slice()
      options.stored[name] = documentValue(options.projection)
      return
    case 'collation':
      options.collation = collationOf(field)
      return
    default:
      if (absent.has(name)) options.refused ??= name
      else if (!ignoreUnknown)
        throw new DatabaseError(
          'InvalidIndexSpecificationOption',
          `The field '${name}' is not valid for an index specification.`,
        )
  }
}

function checked(document: Uint8Array, key: Uint8Array, name: string, options: Options): IndexSpec {
  const parts = [...documentFields(key)]
  if (parts.length === 0) throw new DatabaseError('CannotCreateIndex', 'Index keys cannot be an empty object')
  if (parts.length === 1 && parts[0]!.name === '_id' && isNumber(parts[0]!.type))
    return idIndex(document, parts, options.collation)
  if (name === '_id_')
    throw new DatabaseError(
      'BadValue',
      `The index name '_id_' is reserved for the _id index, which must have key pattern {_id: 1}, found key: ${shownKey(parts)}`,
    )
  if (parts.length > 32) throw new DatabaseError(13103, 'too many compound keys')
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

function isWildcardPath(path: string): boolean {
  return path === '$**' || path.endsWith('.$**')
}

function cannotCreate(message: string): DatabaseError {
  return new DatabaseError('CannotCreateIndex', message)
}

function checkWildcard(
  parts: readonly ({ readonly name: string } & Value)[],
  wildcards: readonly ({ readonly name: string } & Value)[],
  hashedCount: number,
  options: Options,
): void {
  if (wildcards.length > 1)
    throw new DatabaseError(7246201, 'wildcard indexes do not allow more than one wildcard field')
  if (options.version < 2) throw cannotCreate('wildcard indexes need v: 2')
  const wildcard = wildcards[0]!
  if (!isNumber(wildcard.type)) throw cannotCreate('A wildcard field of an index must be a number')
  if (hashedCount > 0) throw cannotCreate('wildcard indexes cannot have hashed fields')
  if (options.unique || options.prepareUnique)
    throw cannotCreate(`Index type 'wildcard' does not support the unique option`)
  if (options.sparse) throw cannotCreate(`Index type 'wildcard' does not support the sparse option`)
  if (options.expires) throw cannotCreate(`Index type 'wildcard' cannot be a TTL index`)
  const { projection } = options
  const whole = wildcard.name === '$**'
  if (projection === undefined) {
    if (whole && parts.length > 1)
      throw cannotCreate(
        'a compound wildcard index on all fields needs a wildcardProjection that leaves out its other fields',
      )
  } else if (!whole)
    throw new DatabaseError('FailedToParse', `The field 'wildcardProjection' is only allowed when 'key' is {"$**": ±1}`)
  else if (projection.length === 5)
    throw new DatabaseError('FailedToParse', `The 'wildcardProjection' field can't be an empty object`)
  else parseProjection(projection)
  const scope = whole ? '' : wildcard.name.slice(0, -3)
  for (const { name } of parts) {
    if (name === wildcard.name) continue
    if (whole && !leavesOut(projection!, name))
      throw new DatabaseError(
        7246209,
        `the wildcardProjection of a compound wildcard index must leave out its field '${name}'`,
      )
    if (!whole && (`${name}.`.startsWith(scope) || scope.startsWith(`${name}.`)))
      throw cannotCreate(`wildcard and other fields of an index may not overlap: '${name}'`)
  }
}

/** Whether a projection leaves the field out: by name, or by taking others only. */
function leavesOut(projection: Uint8Array, path: string): boolean {
  const fields = [...documentFields(projection)].filter(({ name }) => name !== '_id')
  const [first] = fields
  if (first === undefined) return path === '_id'
  const names = fields.map(({ name }) => name)
  const overlaps = names.some((name) => `${path}.`.startsWith(`${name}.`) || name.startsWith(`${path}.`))
  const included = truthyAt(first.type, first.bytes, first.start)
  return included ? !overlaps : names.some((name) => `${path}.`.startsWith(`${name}.`))
}

/** Partial filters may use and, or, comparisons, in, exists: true and type. */
function checkPartialFilter(filter: Uint8Array): void {
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

const plugins: ReadonlySet<string> = new Set(['text', 'hashed', '2d', '2dsphere'])

function checkPart(part: { readonly name: string } & Value): void {
  const { name } = part
  if (name === '') throw new DatabaseError('CannotCreateIndex', 'Index keys cannot be an empty field.')
  if (isNumber(part.type)) {
    const direction = numberOf(part)
    if (!(direction > 0 || direction < 0))
      throw new DatabaseError('CannotCreateIndex', `Values in the index key pattern cannot be 0 or NaN.`)
  } else if (part.type === bsonType.string) {
    const plugin = readString(part.bytes, part.start)
    if (plugin === 'wildcard' && !isWildcardPath(name))
      throw new DatabaseError(7246202, `The key pattern value for an index of type 'wildcard' must be a number`)
    if (!plugins.has(plugin)) throw new DatabaseError('CannotCreateIndex', `Unknown index plugin '${plugin}'`)
    if (plugin !== 'hashed') throw cannotCreate(`${plugin} indexes are not supported yet`)
  } else {
    throw new DatabaseError(
      'CannotCreateIndex',
      `Values in v:2 index key pattern cannot be of type ${typeAlias(part.type)}. Only numbers > 0, numbers < 0, and strings are allowed.`,
    )
  }
  if (isWildcardPath(name)) {
    if (name !== '$**') checkPath(name.slice(0, -4))
  } else checkPath(name)
}

function checkPath(name: string): void {
  for (const step of name.split('.')) {
    if (step === '') throw new DatabaseError('CannotCreateIndex', 'Index keys cannot contain an empty field.')
    if (step.startsWith('$'))
      throw new DatabaseError(
        'CannotCreateIndex',
        `Index key contains an illegal field name: field name starts with '$'.`,
      )
  }
}

function shownKey(parts: readonly ({ readonly name: string } & Value)[]): string {
  return `{ ${parts.map((part) => `${part.name}: ${isNumber(part.type) ? numberOf(part) : typeAlias(part.type)}`).join(', ')} }`
}
