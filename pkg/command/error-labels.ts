/** The labels by which drivers know what to do about an error. */
import type { DatabaseError } from '../base/errors.ts'
import { getField, numberOf } from '../bson/value.ts'
import type { Operation } from './instance.ts'

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

/** The error's own labels, and RetryableWriteError where a retryable write may be sent again. */
export function labelsOf(error: DatabaseError, operation: Operation | undefined): readonly string[] {
  if (!isRetryable(operation) || !retryableCodes.has(error.code)) return error.labels
  return [...error.labels, 'RetryableWriteError']
}

/** The labels of a reply with this `writeConcernError`. */
export function writeConcernLabels(writeConcernError: Uint8Array, operation: Operation): readonly string[] {
  const code = getField(writeConcernError, 'code')
  const isCode = code !== undefined && retryableCodes.has(numberOf(code))
  return isCode && isRetryable(operation) ? ['RetryableWriteError'] : []
}

function isRetryable(operation: Operation | undefined): boolean {
  return operation?.transaction !== undefined && operation.transaction.statement === undefined
}
