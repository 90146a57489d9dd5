/** The labels by which drivers know what to do about an error. */
import type { DatabaseError } from '../base/errors.ts'
import { getField, numberOf } from '../bson/value.ts'
import type { Operation } from './operation.ts'
import { endsTransaction } from './session-transaction.ts'
import { isTransient } from './transaction-labels.ts'

/** After these another attempt may succeed: the node is going away, or was not reached. */
const retryableCodes: ReadonlySet<number> = new Set([
  6, // HostUnreachable
  7, // HostNotFound
  89, // NetworkTimeout
  91, // ShutdownInProgress
  134, // ReadConcernMajorityNotAvailableYet
  189, // PrimarySteppedDown
  262, // ExceededTimeLimit
  9001, // SocketException
  10107, // NotWritablePrimary
  11600, // InterruptedAtShutdown
  11602, // InterruptedDueToReplStateChange
  13435, // NotPrimaryNoSecondaryOk
  13436, // NotPrimaryOrSecondary
])

/** The error's own labels, and those that say what may be sent again: the command, or the transaction that it is part of. */
export function labelsOf(error: DatabaseError, operation: Operation | undefined): readonly string[] {
  const labels = [...error.labels]
  const add = (label: string): void => {
    if (!labels.includes(label)) labels.push(label)
  }
  if (operation !== undefined && isTransient(operation, error)) add('TransientTransactionError')
  if (isRetryable(operation) && retryableCodes.has(error.code)) add('RetryableWriteError')
  return labels
}

/** The labels of a reply with this `writeConcernError`. */
export function writeConcernLabels(writeConcernError: Uint8Array, operation: Operation): readonly string[] {
  const code = getField(writeConcernError, 'code')
  const isCode = code !== undefined && retryableCodes.has(numberOf(code))
  return isCode && isRetryable(operation) ? ['RetryableWriteError'] : []
}

function isRetryable(operation: Operation | undefined): boolean {
  if (operation?.transaction === undefined) return false
  return operation.transaction.statement === undefined || endsTransaction(operation.command.name)
}
