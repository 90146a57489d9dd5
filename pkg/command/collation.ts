/** Which collation a command goes by: the one it names, or the default of the collection or view. */
import { DatabaseError } from '../base/errors.ts'
import type { Collation } from '../collation/collation.ts'
import { parseCollation } from '../collation/spec.ts'
import type { Collection } from '../engine/collection.ts'
import type { Operation } from './operation.ts'

const emptyLength = 5

/**
 * Sets the collation of the statement at work: what is parsed and compared for it goes by that. `given`: a `collation` document;
 * undefined or empty: none. Errors: those of `parseCollation`.
 */
export function chooseCollation(
  operation: Operation,
  collection: Collection | undefined,
  given: Uint8Array | undefined,
): void {
  operation.collation =
    given === undefined || given.length === emptyLength ? collection?.collation : parseCollation(given)
}

/** As `chooseCollation`, of a collection or view by name. */
export function chooseCollationFor(
  operation: Operation,
  database: string,
  collection: string | undefined,
  given: Uint8Array | undefined,
): void {
  const found = collection === undefined ? undefined : operation.workspace.collection(database, collection)
  chooseCollation(operation, found, given)
}

/** Throws OptionNotSupportedOnView unless the view has the collation that what reads it goes by. */
export function checkViewCollation(view: Collection, collation: Collation | undefined): void {
  if (view.collation === collation) return
  throw new DatabaseError(
    'OptionNotSupportedOnView',
    `Cannot override default collation of a view: ${view.namespace} has ${view.collation?.spec.locale ?? 'simple'}`,
  )
}
