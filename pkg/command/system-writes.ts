/** Which collections of the server's own clients may write to. */
import { DatabaseError } from '../base/errors.ts'
import type { Operation } from './operation.ts'

/** Only the server itself writes these. */
const ownOnly: ReadonlySet<string> = new Set(['system.profile', 'system.views'])

/** Errors: InvalidNamespace for what only the server writes; 50791 for what is not written in transactions. */
export function refuseSystemWrite(operation: Operation, database: string, collection: string): void {
  if (!collection.startsWith('system.')) return
  if (ownOnly.has(collection)) throw new DatabaseError('InvalidNamespace', `cannot write to ${database}.${collection}`)
  // Buckets are the documents of a time series.
  if (operation.statement !== undefined && !collection.startsWith('system.buckets.'))
    throw new DatabaseError(50791, `Cannot write to system collection ${database}.${collection} within a transaction.`)
}
