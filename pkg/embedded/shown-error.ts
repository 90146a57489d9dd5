import { DatabaseError } from '../base/errors.ts'
import { decodeDocument } from '../bson/convert.ts'
import type { WriteFailure } from './types.ts'

/** Errors carry documents (`keyPattern`, `keyValue`) as bytes, ready for a reply; callers in this process get objects. */
export function shownError(error: DatabaseError): DatabaseError {
  const entries = Object.entries(error.details)
  if (!entries.some(([, value]) => value instanceof Uint8Array)) return error
  const details = entries.map(([name, value]) => [name, value instanceof Uint8Array ? decodeDocument(value) : value])
  return new DatabaseError(error.code, error.message, Object.fromEntries(details), error.labels)
}

export function shownFailures(failures: readonly WriteFailure[]): WriteFailure[] {
  return failures.map(({ index, error }) => ({ index, error: shownError(error) }))
}
