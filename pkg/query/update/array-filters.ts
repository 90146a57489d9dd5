/** `arrayFilters`: which elements of an array a `$[identifier]` in an update path means. */
import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import { documentFields, documentValue, type Value } from '../../bson/value.ts'
import { BsonWriter } from '../../bson/writer.ts'
import type { Collation } from '../../collation/collation.ts'
import { compileFilter } from '../filter/compile.ts'
import { filterNsPerByte } from '../filter/cost.ts'
import { collated, parseFilter } from '../filter/parse.ts'
import { refuseOperators } from '../filter/refused-operators.ts'
import type { ElementFilter } from './update.ts'

export const noArrayFilters: readonly Uint8Array[] = []
const noFilters: ReadonlyMap<string, ElementFilter> = new Map()
const identifierPattern = /^[a-z][a-zA-Z0-9]*$/

/**
 * The filters by identifier. Errors: FailedToParse for a filter without a field name or two filters of one identifier,
 * BadValue for a name that is no identifier, and what the filter language refuses.
 */
export function parseArrayFilters(
  documents: readonly Uint8Array[],
  collation?: Collation,
): ReadonlyMap<string, ElementFilter> {
  if (documents.length === 0) return noFilters
  const filters = new Map<string, ElementFilter>()
  for (const document of documents) {
    refuseOperators(documentValue(document), unfitOperators)
    const identifier = identifierOf(document)
    if (filters.has(identifier)) {
      throw new DatabaseError(
        'FailedToParse',
        `Found multiple array filters with the same top-level field name ${identifier}`,
      )
    }
    filters.set(identifier, elementFilter(identifier, document, collation))
  }
  return filters
}

/** Each element is made a document of its own, for each filter. */
const wrapNs = 4

/** They are about whole documents. */
const unfitOperators = { $expr: 'QueryFeatureNotAllowed', $text: 'BadValue', $where: 'BadValue' } as const

function elementFilter(identifier: string, document: Uint8Array, collation: Collation | undefined): ElementFilter {
  const filter = parseFilter(document, 0, collated(collation))
  const predicate = compileFilter(filter)
  const writer = new BsonWriter()
  return {
    identifier,
    nsPerByte: wrapNs + filterNsPerByte(filter),
    matches(element) {
      writer.reset()
      writer.beginDocument()
      writer.value(identifier, element)
      writer.end()
      return predicate(writer.bytes, 0)
    },
  }
}

/** The one top-level name that all paths in the filter begin with. */
function identifierOf(document: Uint8Array): string {
  const names = new Set<string>()
  collectNames(document, 0, names)
  const [identifier, second] = names
  if (identifier === undefined) {
    throw new DatabaseError('FailedToParse', 'Cannot use an expression without a top-level field name in arrayFilters')
  }
  if (second !== undefined) {
    throw new DatabaseError(
      'FailedToParse',
      `Error parsing array filter :: caused by :: Expected a single top-level field name, found '${identifier}' and '${second}'`,
    )
  }
  if (!identifierPattern.test(identifier)) {
    throw new DatabaseError(
      'BadValue',
      `Error parsing array filter :: caused by :: The top-level field name must be an alphanumeric string beginning with a lowercase letter, found '${identifier}'`,
    )
  }
  return identifier
}

function collectNames(document: Uint8Array, start: number, names: Set<string>): void {
  for (const field of documentFields(document, start)) {
    if (!field.name.startsWith('$')) names.add(field.name.split('.', 1)[0]!)
    else for (const clause of clausesOf(field)) collectNames(clause.bytes, clause.start, names)
  }
}

const logicalOperators = new Set(['$and', '$or', '$nor'])

function clausesOf(field: { readonly name: string } & Value): Value[] {
  if (!logicalOperators.has(field.name) || field.type !== bsonType.array) return []
  return [...documentFields(field.bytes, field.start)].filter((clause) => clause.type === bsonType.document)
}
