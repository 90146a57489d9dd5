/**
 * Collations as commands and the catalog write them: `{locale: 'sv', strength: 2, ...}`.
 */
import { DatabaseError } from '../base/errors.ts'
import { buildDocument } from '../bson/build.ts'
import { bsonType, isNumber, typeAlias, type Value } from '../bson/type.ts'
import { documentFields, numberOf, readString } from '../bson/value.ts'
import { Collation } from './collation.ts'
import { findLocale } from './locales.ts'
import type { CollationOptions } from './options.ts'

export interface CollationSpec extends CollationOptions {
  readonly locale: string
}

/** What MongoDB calls the version of its collations. */
const version = '57.1'

const simple = 'simple'

const caseFirsts = ['upper', 'lower', 'off'] as const
const alternates = ['non-ignorable', 'shifted'] as const
const maxVariables = ['punct', 'space'] as const

/** Made once: a collation has tables, and is compared by identity. */
const known = new Map<string, Collation>()

/**
 * The collation that the document at `start` asks for; undefined: the simple one, strings by their bytes. Two that are the same are
 * one object. Errors: MissingField (40414) without a locale, UnknownField (40415), TypeMismatch (14),
 * BadValue (2), IncompatibleCollationVersion (161).
 */
export function parseCollation(bytes: Uint8Array, start = 0): Collation | undefined {
  const given = new Map<string, Value>()
  for (const field of documentFields(bytes, start)) {
    if (!types.has(field.name)) {
      throw new DatabaseError('UnknownField', `BSON field 'collation.${field.name}' is an unknown field.`)
    }
    if (given.has(field.name))
      throw new DatabaseError(40413, `BSON field 'collation.${field.name}' is a duplicate field`)
    const isNull = field.type === bsonType.null || field.type === bsonType.undefined
    if (isNull && field.name !== 'backwards' && field.name !== 'locale') continue
    checkType(field.name, field)
    given.set(field.name, field)
  }
  const localeField = given.get('locale')
  if (localeField === undefined) {
    throw new DatabaseError('MissingField', `BSON field 'collation.locale' is missing but a required field`)
  }
  const name = readString(localeField.bytes, localeField.start)
  const locale = name === simple ? undefined : findLocale(name)
  const wanted = given.get('version')
  if (wanted !== undefined && readString(wanted.bytes, wanted.start) !== version) {
    throw new DatabaseError(
      'IncompatibleCollationVersion',
      `Requested collation version ${readString(wanted.bytes, wanted.start)} does not match the version there is, ${version}: ${shown(bytes, start)}`,
    )
  }
  const chosen = {
    caseLevel: flag(given, 'caseLevel') ?? false,
    caseFirst: choice(given, 'caseFirst', caseFirsts) ?? locale?.defaults.caseFirst ?? 'off',
    strength: strengthOf(given.get('strength')),
    numericOrdering: flag(given, 'numericOrdering') ?? false,
    alternate: choice(given, 'alternate', alternates) ?? locale?.defaults.alternate ?? 'non-ignorable',
    maxVariable: choice(given, 'maxVariable', maxVariables) ?? 'punct',
    normalization: flag(given, 'normalization') ?? locale?.defaults.normalization ?? false,
    backwards: flag(given, 'backwards') ?? locale?.defaults.backwards ?? false,
  }
  if (name === simple) {
    if (given.size > 1) {
      throw new DatabaseError(
        'BadValue',
        `If locale=simple, no other fields should be present in: ${shown(bytes, start)}`,
      )
    }
    return undefined
  }
  if (locale === undefined) {
    throw new DatabaseError('BadValue', `Field 'locale' is invalid in: ${shown(bytes, start)}`)
  }
  if (chosen.backwards && chosen.strength === 1 && given.has('backwards')) {
    throw new DatabaseError('BadValue', `'backwards' is invalid with 'strength' of 1 in: ${shown(bytes, start)}`)
  }
  if (chosen.caseFirst !== 'off' && given.has('caseFirst') && !chosen.caseLevel && chosen.strength < 3) {
    throw new DatabaseError(
      'BadValue',
      `'caseFirst' is invalid unless 'caseLevel' is on or 'strength' is greater than 2 in: ${shown(bytes, start)}`,
    )
  }
  const document = buildDocument({ locale: name, ...chosen, version })
  const identity = Buffer.from(document).toString('latin1')
  let collation = known.get(identity)
  if (collation === undefined) {
    collation = new Collation({ locale: name, ...chosen }, document, locale.table())
    known.set(identity, collation)
  }
  return collation
}

/** Of the fields, as error messages name them. */
const types: ReadonlyMap<string, string> = new Map([
  ['locale', 'string'],
  ['caseLevel', 'bool'],
  ['caseFirst', 'string'],
  ['strength', 'number'],
  ['numericOrdering', 'bool'],
  ['alternate', 'string'],
  ['maxVariable', 'string'],
  ['normalization', 'bool'],
  ['backwards', 'bool'],
  ['version', 'string'],
])

function checkType(name: string, { type }: Value): void {
  const wanted = types.get(name)!
  if (wanted === 'number' ? isNumber(type) : type === (wanted === 'bool' ? bsonType.boolean : bsonType.string)) return
  const shown = wanted === 'number' ? `expected types '[int, decimal, double, long]'` : `expected type '${wanted}'`
  throw new DatabaseError(
    'TypeMismatch',
    `BSON field 'collation.${name}' is the wrong type '${typeAlias(type)}', ${shown}`,
  )
}

function flag(given: ReadonlyMap<string, Value>, name: string): boolean | undefined {
  const field = given.get(name)
  return field === undefined ? undefined : field.bytes[field.start] !== 0
}

function choice<Choice extends string>(
  given: ReadonlyMap<string, Value>,
  name: string,
  choices: readonly Choice[],
): Choice | undefined {
  const field = given.get(name)
  if (field === undefined) return undefined
  const text = readString(field.bytes, field.start)
  const found = choices.find((other) => other === text)
  if (found === undefined) throw notInEnumeration(name, text)
  return found
}

function strengthOf(field: Value | undefined): CollationOptions['strength'] {
  if (field === undefined) return 3
  const n = numberOf(field)
  if (n === 1 || n === 2 || n === 3 || n === 4 || n === 5) return n
  throw notInEnumeration('strength', String(Number.isNaN(n) ? 0 : Math.trunc(n)))
}

/** The document as error messages show it. */
function shown(bytes: Uint8Array, start: number): string {
  const fields = [...documentFields(bytes, start)].map((field) => {
    if (field.type === bsonType.string) return `${field.name}: "${readString(field.bytes, field.start)}"`
    if (isNumber(field.type)) return `${field.name}: ${numberOf(field)}`
    return `${field.name}: ${field.type === bsonType.boolean ? field.bytes[field.start] !== 0 : 'null'}`
  })
  return `{ ${fields.join(', ')} }`
}

function notInEnumeration(name: string, shown: string): DatabaseError {
  return new DatabaseError(
    'BadValue',
    `Enumeration value '${shown}' for field 'collation.${name}' is not a valid value.`,
  )
}
