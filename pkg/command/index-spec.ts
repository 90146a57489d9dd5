/**
 * Index specifications as createIndexes takes them: checked, brought to the one form that is stored and listed
 * (`{v, key, name, unique?}`), and compared with the indexes there are.
 */
import { DatabaseError } from '../base/errors.ts'
import { buildDocument } from '../bson/build.ts'
import { bsonType, typeAlias } from '../bson/type.ts'
import { documentFields, documentOf, documentValue, isNumber, numberOf, readString, type Value } from '../bson/value.ts'
import { truthyAt } from './number.ts'

export interface IndexSpec {
  readonly name: string
  readonly key: Uint8Array
  readonly unique: boolean
  /** The one on `_id`, which every collection has. */
  readonly isIdIndex: boolean
  /** As stored. */
  readonly definition: Uint8Array
}

/** Options that MongoDB knows; those not in `understood` change what an index does and are refused by name. */
const known: ReadonlySet<string> = new Set([
  'v',
  'key',
  'name',
  'ns',
  'unique',
  'background',
  'sparse',
  'partialFilterExpression',
  'expireAfterSeconds',
  'hidden',
  'storageEngine',
  'collation',
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
  'wildcardProjection',
  'prepareUnique',
  'clustered',
])
const understood: ReadonlySet<string> = new Set(['v', 'key', 'name', 'ns', 'unique', 'background'])
const idIndexOptions: ReadonlySet<string> = new Set(['v', 'key', 'name', 'ns', 'collation'])

/** Errors: FailedToParse, TypeMismatch, CannotCreateIndex, InvalidIndexSpecificationOption, BadValue. */
export function parseIndexSpec(document: Uint8Array): IndexSpec {
  let key: Uint8Array | undefined
  let name: string | undefined
  let unique = false
  const refused: string[] = []
  for (const field of documentFields(document)) {
    switch (field.name) {
      case 'key':
        if (field.type !== bsonType.document) throw wrongType('key', field, 'object')
        key = documentOf(field).slice()
        break
      case 'name':
        if (field.type !== bsonType.string) throw wrongType('name', field, 'string')
        name = readString(field.bytes, field.start)
        break
      case 'unique':
        unique = flag(field.name, field)
        break
      case 'v':
        checkVersion(field)
        break
      case 'sparse':
      case 'hidden':
      case 'prepareUnique':
        if (flag(field.name, field)) refused.push(field.name)
        break
      case 'expireAfterSeconds':
        checkExpiry(field)
        refused.push(field.name)
        break
      case 'collation':
        if (!isSimpleCollation(field)) refused.push(field.name)
        break
      case 'storageEngine':
        break
      default:
        if (!known.has(field.name))
          throw new DatabaseError(
            'InvalidIndexSpecificationOption',
            `The field '${field.name}' is not valid for an index specification.`,
          )
        if (!understood.has(field.name)) refused.push(field.name)
    }
  }
  if (key === undefined)
    throw new DatabaseError('FailedToParse', `The 'key' field is a required property of an index specification`)
  if (name === undefined)
    throw new DatabaseError('FailedToParse', `The 'name' field is a required property of an index specification`)
  if (name === '') throw new DatabaseError('CannotCreateIndex', 'index name cannot be empty')
  if (name === '*') throw new DatabaseError('BadValue', `The index name '*' is not valid.`)
  if (name.includes('\0')) throw new DatabaseError('BadValue', `The index name cannot contain a null byte`)
  return checked(document, key, name, unique, refused)
}

function checked(
  document: Uint8Array,
  key: Uint8Array,
  name: string,
  unique: boolean,
  refused: readonly string[],
): IndexSpec {
  const parts = [...documentFields(key)]
  if (parts.length === 0) throw new DatabaseError('CannotCreateIndex', 'Index keys cannot be an empty object')
  if (parts.length === 1 && parts[0]!.name === '_id' && isNumber(parts[0]!.type)) {
    if (numberOf(parts[0]!) !== 1)
      throw new DatabaseError(
        'BadValue',
        `The field 'key' for an _id index must be {_id: 1}, but got ${shownKey(parts)}`,
      )
    for (const { name: option } of documentFields(document)) {
      if (!idIndexOptions.has(option))
        throw new DatabaseError(
          'InvalidIndexSpecificationOption',
          `The field '${option}' is not valid for an _id index specification.`,
        )
    }
    const idKey = buildDocument({ _id: 1 })
    return { name: '_id_', key: idKey, unique: true, isIdIndex: true, definition: definitionOf(idKey, '_id_', false) }
  }
  if (name === '_id_')
    throw new DatabaseError(
      'BadValue',
      `The index name '_id_' is reserved for the _id index, which must have key pattern {_id: 1}, found key: ${shownKey(parts)}`,
    )
  if (parts.length > 32) throw new DatabaseError(13103, 'too many compound keys')
  for (const part of parts) checkPart(part)
  if (parts.length > 1) throw new DatabaseError('CannotCreateIndex', 'compound indexes are not supported yet')
  if (refused.length > 0)
    throw new DatabaseError('CannotCreateIndex', `indexes with the option '${refused[0]}' are not supported yet`)
  return { name, key, unique, isIdIndex: false, definition: definitionOf(key, name, unique) }
}

function definitionOf(key: Uint8Array, name: string, unique: boolean): Uint8Array {
  return buildDocument({ v: 2, key: documentValue(key), name, unique: unique ? true : undefined })
}

function wrongType(name: string, field: Value, expected: string): DatabaseError {
  return new DatabaseError(
    'TypeMismatch',
    `The field '${name}' must be ${expected === 'object' ? 'an object' : 'a string'}, but got ${typeAlias(field.type)}`,
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

function isSimpleCollation(field: Value): boolean {
  if (field.type !== bsonType.document) throw wrongType('collation', field, 'object')
  const fields = [...documentFields(field.bytes, field.start)]
  if (fields.length === 0) throw new DatabaseError('BadValue', `The field 'collation' cannot be an empty object`)
  return (
    fields.length === 1 &&
    fields[0]!.type === bsonType.string &&
    readString(fields[0]!.bytes, fields[0]!.start) === 'simple'
  )
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
    if (!plugins.has(plugin)) throw new DatabaseError('CannotCreateIndex', `Unknown index plugin '${plugin}'`)
    throw new DatabaseError('CannotCreateIndex', `${plugin} indexes are not supported yet`)
  } else {
    throw new DatabaseError(
      'CannotCreateIndex',
      `Values in v:2 index key pattern cannot be of type ${typeAlias(part.type)}. Only numbers > 0, numbers < 0, and strings are allowed.`,
    )
  }
  if (name === '$**' || name.endsWith('.$**'))
    throw new DatabaseError('CannotCreateIndex', 'wildcard indexes are not supported yet')
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

/** An index that is there, as far as a new one may clash with it. */
export interface PresentIndex {
  readonly name: string
  readonly unique: boolean
  /** The key pattern. */
  readonly key: Uint8Array
}

/** Whether the index is already there. Errors: IndexOptionsConflict, IndexKeySpecsConflict. */
export function isPresent(spec: IndexSpec, present: readonly PresentIndex[]): boolean {
  if (spec.isIdIndex) return present.some((index) => index.name === '_id_')
  const named = present.find((index) => index.name === spec.name)
  if (named !== undefined) {
    if (sameKey(named.key, spec.key) && named.unique === spec.unique) return true
    throw new DatabaseError(
      'IndexKeySpecsConflict',
      `An existing index has the same name as the requested index. When index names are not specified, they are auto generated and can cause conflicts. Please refer to our documentation. Requested index: ${spec.name}, existing index: ${named.name}`,
    )
  }
  const sameKeys = present.find((index) => sameKey(index.key, spec.key))
  if (sameKeys === undefined) return false
  throw new DatabaseError(
    'IndexOptionsConflict',
    sameKeys.unique === spec.unique
      ? `Index already exists with a different name: ${sameKeys.name}`
      : `An equivalent index already exists with the same name but different options. Requested index: ${spec.name}, existing index: ${sameKeys.name}`,
  )
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
