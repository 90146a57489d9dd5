/**
 * The transaction that a session is in, by number: what `startTransaction`, `autocommit: false`, commitTransaction and
 * abortTransaction mean.
 *
 *   none ──first statement──> open ──commitTransaction──> committed      (asked again: it is so)
 *                              └──── abortTransaction, a failed statement, its time is over, a newer number ──> aborted
 */
import { DatabaseError } from '../base/errors.ts'
import type { LogIndex } from '../base/ids.ts'
import { TransientMap } from '../base/transient-map.ts'
import type { Transaction } from '../engine/transaction.ts'
import { defaultWriteConcern, inMemory } from './concern.ts'
import type { Operation } from './operation.ts'
import { learnSession, shownSession } from './retryable-write.ts'
import type { Session } from './session.ts'
import { checkIsolation, engineOptions } from './transaction-options.ts'

export class SessionTransaction {
  readonly number: bigint
  readonly transaction: Transaction
  readonly startedMs: number
  /** The session it is in; undefined: one of the embedded API. */
  readonly session: Session | undefined
  /** The statement that runs in it now: there is one at a time. */
  running: Operation | undefined
  statementCount = 0
  /** Where its commit lies in the log, once it has committed. */
  committedAt: LogIndex | undefined

  constructor(number: bigint, transaction: Transaction, nowMs: number, session?: Session) {
    this.session = session
    this.number = number
    this.transaction = transaction
    this.startedMs = nowMs
  }

  get state(): 'open' | 'committed' | 'aborted' {
    return this.transaction.state
  }
}

/** The transactions of sessions that have not ended, and counts since the start. */
export class SessionTransactions {
  /** By the id of the transaction. */
  readonly #open = new TransientMap<number, SessionTransaction>()
  startedCount = 0
  committedCount = 0
  abortedCount = 0

  get open(): SessionTransaction[] {
    return this.#open.values()
  }

  add(current: SessionTransaction): void {
    this.#open.set(current.transaction.id, current)
    this.startedCount++
  }

  /** Counts the end of one, however it came about; safe to call twice, and for one that its commit keeps from being aborted. */
  ended(current: SessionTransaction): void {
    if (current.state === 'open') return
    if (!this.#open.delete(current.transaction.id)) return
    if (current.state === 'committed') this.committedCount++
    else this.abortedCount++
  }
}

/** The commands that a transaction may consist of. */
const allowed: ReadonlySet<string> = new Set([
  'abortTransaction',
  'aggregate',
  'buildInfo',
  'bulkWrite',
  'commitTransaction',
  'connectionStatus',
  'create',
  'createIndexes',
  'delete',
  'distinct',
  'find',
  'findAndModify',
  'getMore',
  'hello',
  'insert',
  'isMaster',
  'killCursors',
  'update',
])
/** Those of them that do not begin one. */
const neverFirst: ReadonlySet<string> = new Set([
  'abortTransaction',
  'buildInfo',
  'commitTransaction',
  'connectionStatus',
  'getMore',
  'hello',
  'isMaster',
  'killCursors',
])

export function endsTransaction(command: string): boolean {
  return command === 'commitTransaction' || command === 'abortTransaction'
}

/**
 * Makes the operation a statement of the transaction that its fields name, beginning it if it is the first. Errors:
 * OperationNotSupportedInTransaction, InvalidOptions, TransactionTooOld, NoSuchTransaction, TransactionCommitted, ConflictingOperationInProgress.
 */
export function enterTransaction(operation: Operation, session: Session): void {
  const { command, databaseName } = operation
  const { txnNumber: number, statement } = operation.transaction!
  const first = statement === 'first'
  checkCommand(command.name, databaseName, first, operation.context.ownDoor)
  if (first) joinTransaction(operation, begin(operation, session, number))
  else {
    const current = findTransaction(operation, session, number)
    if (current === 'committed' || current.state === 'committed')
      throw new DatabaseError('TransactionCommitted', `Transaction with ${shownNumber(number)} has been committed.`)
    if (current.state === 'aborted') throw aborted(number)
    joinTransaction(operation, current)
  }
}

/** Makes the operation the statement that runs in the transaction. */
export function joinTransaction(operation: Operation, current: SessionTransaction): void {
  if (current.state === 'aborted') throw aborted(current.number)
  if (current.running !== undefined)
    throw new DatabaseError(
      'ConflictingOperationInProgress',
      `Transaction with ${shownNumber(current.number)} is in use by another operation of its session`,
    )
  current.running = operation
  current.statementCount++
  operation.statement = current
  operation.workspace = current.transaction
  // What is on disk is of concern at the commit only.
  const { writeConcern } = operation
  operation.writeConcern = writeConcern === defaultWriteConcern ? inMemory : { ...writeConcern, durable: false }
  current.transaction.beginStatement()
}

/** The transaction of that number; 'committed': it has, before this process began. Errors: TransactionTooOld, NoSuchTransaction. */
export function findTransaction(
  operation: Operation,
  session: Session,
  number: bigint,
): SessionTransaction | 'committed' {
  learnSession(session, operation.instance.engine)
  const current = session.transaction
  if (number < session.txnNumber) throw tooOld(session, number)
  const isEarlier = current === undefined && number === session.txnNumber && session.inTransaction
  if (isEarlier) return 'committed'
  if (current === undefined || current.number !== number)
    throw new DatabaseError(
      'NoSuchTransaction',
      `Given transaction number ${number} does not match any in-progress transactions. The active transaction number is ${session.txnNumber}`,
    )
  return current
}

/** The statement is over; `failed`: and the transaction with it. */
export function leaveTransaction(operation: Operation, failed: boolean): void {
  const { statement, instance } = operation
  if (statement === undefined) return
  if (statement.running === operation) statement.running = undefined
  if (failed) statement.transaction.abort()
  if (statement.state !== 'open') instance.transactionEnded(statement)
}

export function aborted(number: bigint): DatabaseError {
  return new DatabaseError('NoSuchTransaction', `Transaction with ${shownNumber(number)} has been aborted.`)
}

function begin(operation: Operation, session: Session, number: bigint): SessionTransaction {
  learnSession(session, operation.instance.engine)
  if (number < session.txnNumber) throw tooOld(session, number)
  if (number === session.txnNumber)
    throw new DatabaseError(
      'ConflictingOperationInProgress',
      'Only servers in a sharded cluster can start a new transaction at the active transaction number',
    )
  const { instance } = operation
  const options = engineOptions(operation.transaction!.options ?? {}, instance.parameters.transactionConflictWaitMillis)
  checkIsolation(options, operation.readConcern)
  const before = session.transaction
  if (before?.state === 'open') {
    before.transaction.abort()
    instance.transactionEnded(before)
  }
  const transaction = instance.engine.begin({ ...options, readAt: operation.readConcern.at })
  const current = new SessionTransaction(number, transaction, operation.startedMs, session)
  session.txnNumber = number
  session.inTransaction = true
  session.hasWritten = false
  session.transaction = current
  instance.transactionBegun(current)
  return current
}

/** Databases whose collections no transaction may use. */
export function isReserved(database: string): boolean {
  return database === 'admin' || database === 'local' || database === 'config'
}

/**
 * Whether a command may be a statement of a transaction. `ownDoor`: it need not be refused for being refused by MongoDB. Errors:
 * OperationNotSupportedInTransaction.
 */
export function checkCommand(name: string, database: string, first: boolean, ownDoor: boolean): void {
  if (!allowed.has(name) && !(ownDoor && name === 'count')) {
    const advice =
      name === 'count'
        ? ' Please see http://dochub.mongodb.org/core/transaction-count for a recommended alternative.'
        : ''
    throw new DatabaseError(
      'OperationNotSupportedInTransaction',
      `Cannot run '${name}' in a multi-document transaction.${advice}`,
    )
  }
  if (first && neverFirst.has(name))
    throw new DatabaseError(
      'OperationNotSupportedInTransaction',
      `Cannot run '${name}' as the first operation in a multi-document transaction.`,
    )
  const informs = neverFirst.has(name) && name !== 'getMore' && name !== 'killCursors'
  if (isReserved(database) && (database !== 'admin' || (!informs && name !== 'bulkWrite')))
    throw new DatabaseError(
      'OperationNotSupportedInTransaction',
      `Cannot run command against the '${database}' database in a transaction.`,
    )
}

/** Whether the concerns of a statement are where they may be. Errors: InvalidOptions. */
export function checkStatementConcerns(operation: Operation, read: boolean, write: boolean): void {
  if (read && operation.transaction?.statement !== 'first')
    throw new DatabaseError('InvalidOptions', 'Only the first command in a transaction may specify a readConcern')
  const { level } = operation.readConcern
  if (level === 'linearizable' || level === 'available')
    throw new DatabaseError(
      'InvalidOptions',
      `The readConcern level must be either 'local' (default), 'majority' or 'snapshot' in order to run in a transaction`,
    )
  if (write && !endsTransaction(operation.command.name))
    throw new DatabaseError('InvalidOptions', 'writeConcern is not allowed within a multi-statement transaction')
}

function tooOld(session: Session, number: bigint): DatabaseError {
  return new DatabaseError(
    'TransactionTooOld',
    `Cannot start transaction with ${shownNumber(number)} on session ${shownSession(session)} because a newer ${session.inTransaction ? 'transaction' : 'retryable write'} with txnNumber ${session.txnNumber} has already started on this session.`,
  )
}

function shownNumber(number: bigint): string {
  return `{ txnNumber: ${number} }`
}
