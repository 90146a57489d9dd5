/** After which errors a client may try its whole transaction again. */
import type { DatabaseError } from '../base/errors.ts'
import type { Operation } from './operation.ts'
import { endsTransaction } from './session-transaction.ts'

/** The whole transaction may be tried again. */
const transient: ReadonlySet<string> = new Set([
  'WriteConflict',
  'LockTimeout',
  'SnapshotUnavailable',
  'SnapshotTooOld',
  'NoSuchTransaction',
  'PreparedTransactionInProgress',
])
/** So it may after these, unless they are an answer to a commit, which may have been carried out. */
const transientInStatements: ReadonlySet<string> = new Set([
  'NotWritablePrimary',
  'InterruptedAtShutdown',
  'ShutdownInProgress',
  'HostUnreachable',
  'HostNotFound',
  'NetworkTimeout',
  'ExceededTimeLimit',
])

/** Whether `error` as an answer to `operation` leaves the whole transaction to be tried again. */
export function isTransient(operation: Operation, { codeName }: DatabaseError): boolean {
  if (operation.transaction?.statement === undefined && operation.statement === undefined) return false
  if (transient.has(codeName)) return true
  return transientInStatements.has(codeName) && !endsTransaction(operation.command.name)
}
