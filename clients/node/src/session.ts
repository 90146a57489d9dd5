/** Sessions and transactions, as the official driver has them. */
import { type Binary, type Document, Long, UUID } from 'bson'
import { LauraError, LauraNetworkError, LauraServerError, LauraUsageError } from './errors.ts'

export interface TransactionOptions {
  readonly readConcern?: Document
  readonly writeConcern?: Document
  readonly maxCommitTimeMS?: number
  /** 'snapshot' by default, which is 'repeatable read'; 'read uncommitted' is 'read committed'. */
  readonly isolation?: 'read uncommitted' | 'read committed' | 'repeatable read' | 'snapshot' | 'serializable'
  /** What a write does that meets another transaction's: fail and let `withTransaction` begin again, or wait for its end. */
  readonly onConflict?: 'abort' | 'wait'
  /** Under 'serializable': others who would write what was read wait for the end of the transaction. */
  readonly readLocks?: boolean
  /** How long it waits for one lock. */
  readonly lockTimeoutMs?: number
}

const optionsOfServer = ['isolation', 'onConflict', 'readLocks', 'lockTimeoutMs'] as const

/** What the server knows a session by. One is used by one ClientSession, or by one retryable write, at a time. */
export interface ServerSession {
  readonly id: { readonly id: Binary }
  txnNumber: number
  lastUseMs: number
}

/** Server sessions that nobody uses at the moment. */
export class ServerSessions {
  readonly #idle: ServerSession[] = []
  /** Sessions are forgotten by the server after 30 minutes; one that is close to it is not used again. */
  readonly #usableMs = 29 * 60_000

  take(): ServerSession {
    for (let session = this.#idle.pop(); session !== undefined; session = this.#idle.pop())
      if (performance.now() - session.lastUseMs < this.#usableMs) return session
    return { id: { id: new UUID().toBinary() }, txnNumber: 0, lastUseMs: performance.now() }
  }

  giveBack(session: ServerSession): void {
    session.lastUseMs = performance.now()
    this.#idle.push(session)
  }

  /** The ids of all idle sessions, for endSessions. */
  drain(): Document[] {
    return this.#idle.splice(0).map(({ id }) => id)
  }
}

/** Runs a command of the session on `admin`. */
export type SessionCommand = (command: Document, session: ClientSession) => Promise<Document>

type State = 'none' | 'starting' | 'running' | 'committed' | 'aborted'

let lastLane = 0

export class ClientSession {
  /** Its commands are carried out one after another. */
  readonly lane: number
  readonly #run: SessionCommand
  readonly #sessions: ServerSessions
  readonly #defaults: TransactionOptions
  #server: ServerSession | undefined
  #state: State = 'none'
  #options: TransactionOptions = {}

  constructor(run: SessionCommand, sessions: ServerSessions, defaults: TransactionOptions = {}) {
    this.#run = run
    this.#sessions = sessions
    this.#defaults = defaults
    lastLane = lastLane === 0x7fffffff ? 1 : lastLane + 1
    this.lane = lastLane
  }

  /** The session's id, as `lsid`. */
  get id(): Document {
    return this.serverSession.id
  }

  get hasEnded(): boolean {
    return this.#state === 'aborted' && this.#server === undefined
  }

  get serverSession(): ServerSession {
    this.#server ??= this.#sessions.take()
    return this.#server
  }

  inTransaction(): boolean {
    return this.#state === 'starting' || this.#state === 'running'
  }

  startTransaction(options: TransactionOptions = {}): void {
    if (this.inTransaction()) throw new LauraUsageError('a transaction is in progress already')
    this.#options = { ...this.#defaults, ...options }
    this.serverSession.txnNumber++
    this.#state = 'starting'
  }

  /** Adds the session's fields, and those of its transaction, to a command. */
  apply(command: Document): void {
    command['lsid'] = this.id
    if (this.#state === 'committed' || this.#state === 'aborted') this.#state = 'none'
    if (!this.inTransaction()) return
    delete command['writeConcern']
    command['txnNumber'] = Long.fromNumber(this.serverSession.txnNumber)
    command['autocommit'] = false
    if (this.#state !== 'starting') return
    command['startTransaction'] = true
    if (this.#options.readConcern !== undefined) command['readConcern'] = this.#options.readConcern
    const asked = optionsOfServer.filter((name) => this.#options[name] !== undefined)
    if (asked.length > 0)
      command['transactionOptions'] = Object.fromEntries(asked.map((name) => [name, this.#options[name]]))
    this.#state = 'running'
  }

  async commitTransaction(): Promise<void> {
    if (this.#state === 'none') throw new LauraUsageError('no transaction was started')
    if (this.#state === 'aborted') throw new LauraUsageError('the transaction was aborted')
    const wasEmpty = this.#state === 'starting'
    this.#state = 'committed'
    if (!wasEmpty) await this.#end('commitTransaction')
  }

  async abortTransaction(): Promise<void> {
    if (this.#state === 'none') throw new LauraUsageError('no transaction was started')
    if (this.#state === 'committed') throw new LauraUsageError('the transaction was committed')
    const wasEmpty = this.#state !== 'running'
    this.#state = 'aborted'
    if (wasEmpty) return
    // Whatever goes wrong here, the server aborts it by itself.
    await this.#end('abortTransaction').catch(ignored)
  }

  /** A commit or an abort, tried twice: both may come again. */
  async #end(name: string): Promise<void> {
    const command = () => ({
      [name]: 1,
      lsid: this.id,
      txnNumber: Long.fromNumber(this.serverSession.txnNumber),
      autocommit: false,
      ...(this.#options.writeConcern === undefined ? {} : { writeConcern: this.#options.writeConcern }),
      ...(name === 'commitTransaction' && this.#options.maxCommitTimeMS !== undefined
        ? { maxTimeMS: this.#options.maxCommitTimeMS }
        : {}),
    })
    try {
      await this.#run(command(), this)
    } catch (error) {
      if (
        !(error instanceof LauraNetworkError) &&
        !(error instanceof LauraError && error.hasErrorLabel('RetryableWriteError'))
      )
        throw error
      await this.#run(command(), this).catch((again: unknown) => {
        if (!(again instanceof LauraNetworkError)) throw again
        throw new LauraNetworkError(again.message, ['UnknownTransactionCommitResult'], again)
      })
    }
  }

  /**
   * Runs `work` in a transaction and commits it; both again when the server says that another try may succeed, for up to two minutes.
   * What `work` throws aborts the transaction.
   */
  async withTransaction<T>(work: (session: ClientSession) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    const endMs = performance.now() + 120_000
    for (;;) {
      this.startTransaction(options)
      let result: T
      try {
        result = await work(this)
      } catch (error) {
        if (this.inTransaction()) await this.abortTransaction()
        if (hasLabel(error, 'TransientTransactionError') && performance.now() < endMs) continue
        throw error
      }
      if (!this.inTransaction()) return result
      if (await this.#committed(endMs)) return result
    }
  }

  /** Whether the transaction is committed; false: all of it must be done again. */
  async #committed(endMs: number): Promise<boolean> {
    for (;;) {
      try {
        await this.commitTransaction()
        return true
      } catch (error) {
        if (performance.now() >= endMs) throw error
        if (hasLabel(error, 'TransientTransactionError')) return false
        const isExpired = error instanceof LauraServerError && error.code === 50
        if (!hasLabel(error, 'UnknownTransactionCommitResult') || isExpired) throw error
      }
    }
  }

  async endSession(): Promise<void> {
    if (this.inTransaction()) await this.abortTransaction()
    if (this.#server !== undefined) this.#sessions.giveBack(this.#server)
    this.#server = undefined
    this.#state = 'aborted'
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.endSession()
  }
}

function hasLabel(error: unknown, label: string): boolean {
  return error instanceof LauraError && error.hasErrorLabel(label)
}

function ignored(): void {
  // The caller has a better error, or none is of interest.
}
