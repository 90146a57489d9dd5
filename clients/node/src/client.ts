/** The way in: `const client = await LauraClient.connect('grpc://127.0.0.1:9090')`. */
import type { Document } from 'bson'
import { ChangeStream, type ChangeStreamOptions } from './change-stream.ts'
import { Db } from './db.ts'
import { Executor } from './executor.ts'
import { ClientSession, type TransactionOptions } from './session.ts'
import { type LauraClientOptions, type Settings, settingsOf } from './uri.ts'

export class LauraClient {
  readonly #settings: Settings
  readonly #executor: Executor

  /** Connects when it is first used. Errors: LauraUsageError, when the URI or an option makes no sense. */
  constructor(uri: string, options: LauraClientOptions = {}) {
    this.#settings = settingsOf(uri, options)
    this.#executor = new Executor(this.#settings)
  }

  /** A client with a connection. Errors: LauraNetworkError, when no server answers in time. */
  static connect(uri: string, options: LauraClientOptions = {}): Promise<LauraClient> {
    return new LauraClient(uri, options).connect()
  }

  async connect(): Promise<this> {
    await this.#executor.connect()
    return this
  }

  /** `name`: default is the one in the URI, else `test`. */
  db(name: string = this.#settings.database): Db {
    return new Db(this.#executor, name)
  }

  startSession(options: { readonly defaultTransactionOptions?: TransactionOptions } = {}): ClientSession {
    const run = (command: Document, session: ClientSession) => this.#executor.runInLane('admin', command, session.lane)
    return new ClientSession(run, this.#executor.sessions, options.defaultTransactionOptions)
  }

  /** Runs `work` with a session, which ends afterwards. */
  async withSession<T>(work: (session: ClientSession) => Promise<T>): Promise<T> {
    const session = this.startSession()
    try {
      return await work(session)
    } finally {
      await session.endSession()
    }
  }

  /** The changes of all databases. */
  watch<E extends Document = Document>(
    pipeline: readonly Document[] = [],
    options: ChangeStreamOptions = {},
  ): ChangeStream<E> {
    const source = { executor: this.#executor, databaseName: 'admin', session: options.session, again: true }
    return new ChangeStream(source, 1, pipeline, options)
  }

  async close(): Promise<void> {
    await this.#executor.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
