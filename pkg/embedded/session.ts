/**
 * Sessions of the embedded API, with the official driver's names: `startSession`, `withTransaction`, and `{ session }` among a method's
 * options. What it adds: the isolation of a transaction, and what a write does that meets another transaction's.
 */
import { DatabaseError } from '../base/errors.ts'
import type { ConnectionContext } from '../command/context.ts'
import type { Database } from '../command/dispatch.ts'
import type { Operation } from '../command/operation.ts'
import { checkCommand, isReserved, joinTransaction, SessionTransaction } from '../command/session-transaction.ts'
import { engineOptions, type TransactionOptions as IsolationOptions } from '../command/transaction-options.ts'
import type { Workspace } from '../engine/workspace.ts'
import { Db } from './db.ts'
import { Port } from './port.ts'

export interface TransactionOptions extends IsolationOptions {
  /** How long `withTransaction` begins again after conflicts; 120000 by default, 0: never. */
  readonly retryMs?: number
}

const retryDefaultMs = 120_000
const longestBackoffMs = 50

export class ClientSession {
  readonly #database: Database
  /** The way of the session's operations into the database. */
  readonly port: Port
  #current: SessionTransaction | undefined
  #lastNumber = 0n
  #ended = false

  constructor(database: Database, context: ConnectionContext) {
    this.#database = database
    this.port = new Port(database, context, (operation) => this.#join(operation), {
      begin: (databaseName) => this.#workspace(databaseName),
      done: () => this.#wasDone(),
    })
  }

  get hasEnded(): boolean {
    return this.#ended
  }

  /** A database whose operations are all the session's. */
  db(name: string): Db {
    return new Db(this.port, name)
  }

  inTransaction(): boolean {
    return this.#current !== undefined && this.#current.state === 'open'
  }

  /** What is done with the session from here on is one transaction. Errors: IllegalOperation when one is open. */
  startTransaction(options: TransactionOptions = {}): void {
    this.#start(options)
  }

  #start(options: TransactionOptions): SessionTransaction {
    if (this.#ended) throw new DatabaseError('IllegalOperation', 'Cannot use a session that has ended')
    if (this.inTransaction()) throw new DatabaseError('IllegalOperation', 'Transaction already in progress')
    const transaction = this.#database.engine.begin(engineOptions(options))
    this.#current = new SessionTransaction(++this.#lastNumber, transaction, transaction.startedMs)
    this.#database.transactionBegun(this.#current)
    return this.#current
  }

  /** Resolves when the transaction is on disk. Errors: NoSuchTransaction when it was aborted, WriteConflict. */
  commitTransaction(): Promise<void> {
    const { engine } = this.#database
    try {
      const current = this.#current
      if (current === undefined) throw new DatabaseError('IllegalOperation', 'No transaction started')
      if (current.committedAt === undefined && !current.transaction.commitsAtOnce)
        return this.#commitLater(current).then((committedAt) => {
          current.committedAt = committedAt
          return engine.durable(committedAt)
        })
      current.committedAt ??= this.#commit(current)
      return engine.durable(current.committedAt)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Forgets what the transaction has written. */
  async abortTransaction(): Promise<void> {
    const current = this.#current
    if (current === undefined) throw new DatabaseError('IllegalOperation', 'No transaction started')
    if (current.state === 'committed')
      throw new DatabaseError('IllegalOperation', 'Cannot call abortTransaction after calling commitTransaction')
    if (current.transaction.isApplying) throw beingCommitted()
    this.#database.abortTransaction(current)
  }

  /**
   * Runs `action` in a transaction and commits it; begins again, with a new one, when a conflict ends it. What `action` throws aborts
   * the transaction and is thrown on.
   */
  withTransaction<Result>(
    action: (session: this) => Promise<Result> | Result,
    options: TransactionOptions = {},
  ): Promise<Result> {
    return this.#attempt(action, options, false)
  }

  /** As `withTransaction`, with which the session ends. */
  endAfter<Result>(
    action: (session: this) => Promise<Result> | Result,
    options: TransactionOptions = {},
  ): Promise<Result> {
    return this.#attempt(action, options, true)
  }

  async #attempt<Result>(
    action: (session: this) => Promise<Result> | Result,
    options: TransactionOptions,
    ends: boolean,
  ): Promise<Result> {
    const { clock, random } = this.#database.world
    let deadlineMs: number | undefined
    try {
      for (let attempt = 0; ; attempt++) {
        const { startedMs } = this.#start(options)
        deadlineMs ??= startedMs + (options.retryMs ?? retryDefaultMs)
        try {
          const result = await action(this)
          if (this.inTransaction()) await this.commitTransaction()
          return result
        } catch (error) {
          if (this.inTransaction()) await this.abortTransaction()
          if (!mayTryAgain(error) || clock.monotonicMs() >= deadlineMs) throw error
        }
        // Those that were in each other's way must not meet again at once.
        const waitMs = random.next() * Math.min(longestBackoffMs, 2 ** attempt)
        await new Promise<void>((resolve) => {
          clock.setTimer(waitMs, resolve, true)
        })
      }
    } finally {
      if (ends) this.#ended = true
    }
  }

  async endSession(): Promise<void> {
    if (this.inTransaction()) await this.abortTransaction()
    this.#ended = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.endSession()
  }

  async #commitLater(current: SessionTransaction): Promise<NonNullable<SessionTransaction['committedAt']>> {
    refuseRunning(current)
    try {
      return await current.transaction.commitLater()
    } finally {
      this.#database.transactionEnded(current)
    }
  }

  #commit(current: SessionTransaction): NonNullable<SessionTransaction['committedAt']> {
    refuseRunning(current)
    try {
      return current.transaction.commit()
    } finally {
      this.#database.transactionEnded(current)
    }
  }

  /** What a statement that is over at once works on; undefined: something is in its way. */
  #workspace(databaseName: string): Workspace | undefined {
    const current = this.#current
    if (current === undefined || current.state === 'committed') return this.#database.engine
    if (current.state === 'aborted' || current.running !== undefined || isReserved(databaseName)) return undefined
    // What is in the way of a read is waited for.
    if (current.transaction.readLocks !== undefined) return undefined
    current.transaction.beginStatement()
    return current.transaction
  }

  #wasDone(): void {
    if (this.#current?.state === 'open') this.#current.statementCount++
  }

  #join(operation: Operation): void {
    const current = this.#current
    if (current === undefined || current.state === 'committed') return
    const { command, databaseName } = operation
    checkCommand(command.name, databaseName, false, true)
    joinTransaction(operation, current)
  }
}

function beingCommitted(): DatabaseError {
  return new DatabaseError('ConflictingOperationInProgress', 'the transaction is being committed: await that')
}

/** What it has done so far is not what was asked for. */
function refuseRunning({ running }: SessionTransaction): void {
  if (running !== undefined)
    throw new DatabaseError(
      'ConflictingOperationInProgress',
      'an operation of the transaction is still running: await it before the commit',
    )
}

function mayTryAgain(error: unknown): boolean {
  if (!(error instanceof DatabaseError)) return false
  return (
    error.codeName === 'WriteConflict' ||
    error.codeName === 'SnapshotUnavailable' ||
    error.labels.includes('TransientTransactionError')
  )
}
