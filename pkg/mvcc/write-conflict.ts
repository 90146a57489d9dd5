/** A write that meets another transaction's: what is in the way, for those who would rather wait than give up. */
import { DatabaseError } from '../base/errors.ts'
import { isOfCatalog, type LockTarget } from './lock-table.ts'

const message =
  'Caused by :: Write conflict during plan execution and yielding is disabled. :: Please retry your operation or multi-document transaction.'

export class WriteConflict extends DatabaseError {
  /** The lock to wait for; undefined when waiting would not help: the version that is in the way is there to stay. */
  readonly target: LockTarget | undefined

  constructor(target: LockTarget | undefined) {
    super('WriteConflict', message)
    this.target = target
  }
}

/** Whether somebody else has a collection, a name or the right to commit, which may pass. */
export function isCatalogConflict(error: unknown): error is WriteConflict {
  return error instanceof WriteConflict && error.target !== undefined && isOfCatalog(error.target)
}
