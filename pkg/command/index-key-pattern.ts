/** Key patterns of index specifications: what their fields may be called and be, by themselves and together. */
import { DatabaseError } from '../base/errors.ts'
import { bsonType, typeAlias } from '../bson/type.ts'
import { documentFields, documentOf, isNumber, numberOf, readString, type Value } from '../bson/value.ts'
import { parseProjection } from '../query/projection/parse.ts'
import { truthyAt } from './truth.ts'

export type KeyPart = { readonly name: string } & Value

export interface WildcardOptions {
  readonly unique: boolean
  readonly sparse: boolean
  readonly prepareUnique: boolean
  readonly expires: boolean
  readonly version: number
  /** As it was given, of whatever type. */
  readonly projection: Value | undefined
}

const patternSizeMax = 2048
const partsMax = 32

/** What a pattern may be as a whole. Errors: BadValue for a field twice, CannotCreateIndex, 13103. */
export function checkPattern(pattern: Uint8Array, parts: readonly KeyPart[]): void {
  const twice = parts.find(({ name }, i) => parts.findIndex((part) => part.name === name) < i)
  if (twice !== undefined)
    throw new DatabaseError('BadValue', `The field '${twice.name}' appears multiple times in the index key pattern`)
  if (pattern.length > patternSizeMax) throw cannotCreate('Index key pattern too large.')
  if (parts.length === 0) throw cannotCreate('Index keys cannot be an empty object')
  if (parts.length > partsMax) throw new DatabaseError(13103, 'too many compound keys')
}

const plugins: ReadonlySet<string> = new Set(['text', 'hashed', '2d', '2dsphere'])

/** One field of a key pattern by itself. Errors: CannotCreateIndex; 7246202. */
export function checkPart(part: KeyPart): void {
  const { name } = part
  if (name === '') throw cannotCreate('Index keys cannot be an empty field.')
  if (name === '_fts') throw cannotCreate(`Index key contains an illegal field name: '_fts'`)
  if (isNumber(part.type)) {
    const direction = numberOf(part)
    if (!(direction > 0 || direction < 0)) throw cannotCreate('Values in the index key pattern cannot be 0 or NaN.')
  } else if (part.type === bsonType.string) {
    const plugin = readString(part.bytes, part.start)
    if (plugin === 'wildcard' && !isWildcardPath(name))
      throw new DatabaseError(7246202, `The key pattern value for an index of type 'wildcard' must be a number`)
    if (!plugins.has(plugin)) throw cannotCreate(`Unknown index plugin '${plugin}'`)
    if (plugin !== 'hashed') throw cannotCreate(`${plugin} indexes are not supported yet`)
  } else {
    throw cannotCreate(
      `Values in v:2 index key pattern cannot be of type ${typeAlias(part.type)}. Only numbers > 0, numbers < 0, and strings are allowed.`,
    )
  }
  if (isWildcardPath(name)) {
    if (name !== '$**') checkPath(name.slice(0, -4))
  } else checkPath(name)
}

/** The fields of a reference to a document of another collection: the only ones with a dollar that a path may go through. */
const referenceFields: ReadonlySet<string> = new Set(['$ref', '$id', '$db'])

function checkPath(name: string): void {
  for (const [i, step] of name.split('.').entries()) {
    if (step === '') throw cannotCreate('Index keys cannot contain an empty field.')
    if (step.startsWith('$') && (i === 0 || !referenceFields.has(step)))
      throw cannotCreate(`Index key contains an illegal field name: field name starts with '$'.`)
  }
}

/** A key pattern for an error message. */
export function shownKey(parts: readonly KeyPart[]): string {
  return `{ ${parts.map((part) => `${part.name}: ${isNumber(part.type) ? numberOf(part) : typeAlias(part.type)}`).join(', ')} }`
}

/** A path that stands for all fields, or for all below one. */
export function isWildcardPath(path: string): boolean {
  return path === '$**' || path.endsWith('.$**')
}

/** A key pattern with wildcard fields, and the options that go with it. Errors: CannotCreateIndex, FailedToParse, TypeMismatch and codes of their own. */
export function checkWildcard(
  parts: readonly KeyPart[],
  wildcards: readonly KeyPart[],
  hashedCount: number,
  options: WildcardOptions,
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
  const whole = wildcard.name === '$**'
  const projection = options.projection === undefined ? undefined : projectionOf(options.projection, whole)
  if (projection === undefined && whole && parts.length > 1)
    throw cannotCreate(
      'a compound wildcard index on all fields needs a wildcardProjection that leaves out its other fields',
    )
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

function projectionOf(value: Value, whole: boolean): Uint8Array {
  if (value.type !== bsonType.document)
    throw new DatabaseError(
      'TypeMismatch',
      `The field 'wildcardProjection' must be a non-empty object, but got ${typeAlias(value.type)}`,
    )
  if (!whole)
    throw new DatabaseError('FailedToParse', `The field 'wildcardProjection' is only allowed when 'key' is {"$**": ±1}`)
  const projection = documentOf(value)
  if (projection.length === 5)
    throw new DatabaseError('FailedToParse', `The 'wildcardProjection' field can't be an empty object`)
  parseProjection(projection)
  return projection
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

export function cannotCreate(message: string): DatabaseError {
  return new DatabaseError('CannotCreateIndex', message)
}
