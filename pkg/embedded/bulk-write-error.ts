import { DatabaseError } from '../base/errors.ts'
import { shownFailures } from './shown-error.ts'
import type { BulkWriteResult, WriteFailure } from './types.ts'

/** Some operations of an `insertMany` or `bulkWrite` failed: `code` and message of the first one, and what was done. */
export class BulkWriteError extends DatabaseError {
  readonly writeErrors: readonly WriteFailure[]
  readonly result: BulkWriteResult

  constructor(failures: readonly WriteFailure[], result: BulkWriteResult) {
    const shown = shownFailures(failures)
    const first = shown[0]!.error
    super(first.code, first.message, first.details)
    this.writeErrors = shown
    this.result = result
  }
}
