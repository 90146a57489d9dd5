/** `validator`: the filter that the documents of a collection must match. */
import { DatabaseError } from '../base/errors.ts'
import { timestampMin } from '../base/timestamp.ts'
import { documentOf, documentValue, getField, readString, timestampValue, truthy } from '../bson/value.ts'
import type { Collation } from '../collation/collation.ts'
import { parseCollation } from '../collation/spec.ts'
import type { Collection } from '../engine/collection.ts'
import { Scope } from '../expression/scope.ts'
import { compileFilter } from '../query/filter/compile.ts'
import { withLongTests } from '../query/filter/long-test.ts'
import { collated, parseFilter } from '../query/filter/parse.ts'
import { refuseOperators } from '../query/filter/refused-operators.ts'
import { FilterExplanations } from '../query/schema/long-explanation.ts'
import type { Operation } from './operation.ts'
import { outermostScope } from './variables.ts'

const withoutValidators: ReadonlySet<string> = new Set(['admin', 'config', 'local'])

/** Throws what is wrong with a validator in itself, and where none may be. */
export function checkValidator(database: string, collection: string, validator: Uint8Array): void {
  if (validator.length > 5) {
    if (collection.startsWith('system.'))
      throw new DatabaseError(
        'InvalidOptions',
        `Document validators not allowed on system collection ${database}.${collection}`,
      )
    if (withoutValidators.has(database))
      throw new DatabaseError(
        'InvalidOptions',
        `Document validators are not allowed on collections in the ${database} database`,
      )
  }
  refuseOperators(documentValue(validator), { $where: 'BadValue', $text: 'BadValue' })
  // Whether there is a cluster time is found out when something is written.
  parseFilter(validator, 0, { nowMs: 0, scope: Scope.outermost(timestampValue(timestampMin)) })
}

interface Times {
  readonly nowMs: number
  readonly scope: Scope
}

interface Validation {
  /** Why documents do not match. */
  readonly explanations: FilterExplanations
  /** `times`: for those that ask. */
  readonly matches: (bytes: Uint8Array, start: number, times: () => Times) => boolean
  /** Documents that did not match before may go on as they are. */
  readonly moderate: boolean
  /** What does not match is let in. */
  readonly warnsOnly: boolean
}

const read = new WeakMap<Uint8Array, Validation | undefined>()

/**
 * Throws DocumentValidationFailure, with errInfo, unless the document may be in the collection. `before`: the version that it
 * replaces.
 */
export function enforceValidator(
  operation: Operation,
  collection: Collection,
  document: Uint8Array,
  before?: { readonly bytes: Uint8Array; readonly start: number },
): void {
  const validation = validationOn(collection)
  if (validation === undefined) return
  const times = (): Times => ({ nowMs: operation.nowMs, scope: outermostScope(operation.instance) })
  if (validation.warnsOnly || validation.matches(document, 0, times)) return
  if (before !== undefined && validation.moderate && !validation.matches(before.bytes, before.start, times)) return
  if (bypasses(operation)) return
  throw new DatabaseError('DocumentValidationFailure', 'Document failed validation', {
    errInfo: {
      failingDocumentId: getField(document, '_id'),
      details: documentValue(validation.explanations.of(document, times())),
    },
  })
}

/** Whether a document matches the collection's validator, whatever that does with those that do not; undefined: there is none. */
export function compliance(
  operation: Operation,
  collection: Collection,
): ((document: Uint8Array) => boolean) | undefined {
  const validation = validationOn(collection)
  if (validation === undefined) return undefined
  const times = (): Times => ({ nowMs: operation.nowMs, scope: outermostScope(operation.instance) })
  return (document) => validation.matches(document, 0, times)
}

function validationOn({ options }: Collection): Validation | undefined {
  if (options.length === 5) return undefined
  if (read.has(options)) return read.get(options)
  const validation = validationOf(options)
  read.set(options, validation)
  return validation
}

function validationOf(options: Uint8Array): Validation | undefined {
  const validator = getField(options, 'validator')
  const level = text(options, 'validationLevel') ?? 'strict'
  if (validator === undefined || level === 'off') return undefined
  const filter = documentOf(validator)
  const collation = getField(options, 'collation')
  return {
    explanations: new FilterExplanations(filter),
    matches: predicateOf(filter, collation === undefined ? undefined : parseCollation(documentOf(collation))),
    moderate: level === 'moderate',
    warnsOnly: text(options, 'validationAction') === 'warn',
  }
}

/** A filter that asks for the time is made anew for each moment; others once. */
function predicateOf(filter: Uint8Array, collation: Collation | undefined): Validation['matches'] {
  try {
    const options = collated(collation)
    const parsed = parseFilter(filter, 0, options)
    return withLongTests(compileFilter(parsed), { document: filter, options, filter: parsed })
  } catch (error) {
    if (!(error instanceof DatabaseError) || (error.code !== timeUnknown && error.code !== clusterTimeUnknown))
      throw error
    return (bytes, start, times) => {
      const { nowMs, scope } = times()
      const known = { nowMs, scope: scope.withCollation(collation) }
      return compileFilter(parseFilter(filter, 0, known))(bytes, start)
    }
  }
}

/** `$$NOW` where nothing says what time it is. */
const timeUnknown = 51144
const clusterTimeUnknown = 10071200

function text(options: Uint8Array, name: string): string | undefined {
  const value = getField(options, name)
  return value === undefined ? undefined : readString(value.bytes, value.start)
}

/** `bypassDocumentValidation` of the command. */
function bypasses(operation: Operation): boolean {
  const bypass = operation.body === undefined ? undefined : getField(operation.body, 'bypassDocumentValidation')
  return bypass !== undefined && truthy(bypass)
}
