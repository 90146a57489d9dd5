import { DatabaseError } from '../base/errors.ts'
import type { BulkWriteResult, WriteFailure } from './types.ts'

/** Some operations of an `insertMany` or `bulkWrite` failed: `code` and message of the first one, and what was done. */
export class BulkWriteError extends DatabaseError {
  readonly writeErrors: readonly WriteFailure[]
  readonly result: BulkWriteResult

  constructor(failures: readonly WriteFailure[], result: BulkWriteResult) {
    const first = failures[0]!.error
    super(first.code, first.message, first.details)
    this.writeErrors = failures
    this.result = result
  }
}
