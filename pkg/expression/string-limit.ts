import { DatabaseError } from '../base/errors.ts'

/** A string of this many bytes, or more, does not fit into a document. */
const stringSizeMaxBytes = 16 * 1024 * 1024

/** Errors: 16493. */
export function refuseLongString(sizeBytes: number): void {
  if (sizeBytes >= stringSizeMaxBytes) throw new DatabaseError(16493, 'Tried to create string longer than 16MB')
}
