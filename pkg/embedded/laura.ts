import { DatabaseError } from '../base/errors.ts'
import { timestampOf } from '../base/timestamp.ts'
import { ConnectionContext } from '../command/context.ts'
import type { Database } from '../command/dispatch.ts'
import type { CheckReport } from '../engine/check.ts'
import type { Engine } from '../engine/engine.ts'
import type { EngineStatistics } from '../engine/statistics.ts'
import { ChangeStream, type ChangeStreamOptions } from './change-stream.ts'
import { Db } from './db.ts'
import { Port } from './port.ts'
import { ClientSession, type TransactionOptions } from './session.ts'
import type { Document } from './types.ts'

/** An open database directory, in this process. */
export class Laura {
  readonly #engine: Engine
  readonly #database: Database
  readonly #context = new ConnectionContext({ connectionId: 0, remoteAddress: '' })
  readonly #port: Port

  constructor(engine: Engine, database: Database) {
    this.#engine = engine
    this.#database = database
    this.#port = new Port(database, this.#context)
  }

  db(name: string): Db {
    return new Db(this.#port, name)
  }

  /** A session, for transactions of several steps: see `ClientSession`. */
  startSession(): ClientSession {
    return new ClientSession(this.#database, this.#context)
  }

  /** Runs `action` with a new session and ends it. */
  async withSession<Result>(action: (session: ClientSession) => Promise<Result>): Promise<Result> {
    await using session = this.startSession()
    return await action(session)
  }

  /**
   * Runs `action` in a transaction: what it does through the session that it is given becomes visible and durable as one, or not at all.
   * Conflicts begin it again, so that it may run more than once.
   */
  transaction<Result>(
    action: (session: ClientSession) => Promise<Result> | Result,
    options?: TransactionOptions,
  ): Promise<Result> {
    return this.startSession().endAfter(action, options)
  }

  /**
   * The database as it was at a moment within the history window, with all that was written in that second; one to come counts as now. Throws SnapshotTooOld for an earlier one, BadValue for
   * what is no moment.
   */
  asOf(moment: Date): { db(name: string): Db } {
    if (!(moment instanceof Date) || Number.isNaN(moment.getTime()))
      throw new DatabaseError('BadValue', 'asOf needs a valid date')
    const asked = timestampOf(Math.floor(moment.getTime() / 1000), 0xfffff)
    const past = this.#engine.asOf(Math.min(asked, this.#engine.lastTimestamp) as typeof asked)
    const port = new Port(this.#database, this.#context, (operation) => {
      operation.workspace = past
    })
    return { db: (name) => new Db(port, name) }
  }

  /** Name and size of each database. */
  async listDatabases(): Promise<Document[]> {
    const { databases } = await this.#port.command('admin', { listDatabases: 1 })
    return databases as Document[]
  }

  /** What changes in any database, from now on: see `ChangeStream`. */
  watch<Event extends object = Document>(
    pipeline: readonly Document[] = [],
    options: ChangeStreamOptions = {},
  ): ChangeStream<Event> {
    return new ChangeStream<Event>(this.#port, { database: undefined, collection: undefined }, pipeline, options)
  }

  /** Writes everything to the data file now; the log before it is not needed for recovery any more. */
  checkpoint(): Promise<void> {
    return this.#engine.checkpoint()
  }

  /** Drops document versions that no reader can ask for; returns how many. */
  vacuum(): Promise<number> {
    return this.#engine.vacuum()
  }

  /** Walks every page, document and index entry, and reports what does not fit together. */
  check(): Promise<CheckReport> {
    return this.#engine.check()
  }

  statistics(): EngineStatistics {
    return this.#engine.statistics()
  }

  /** Told once, when the disk has failed and no write is acknowledged any more. */
  onFailure(action: (error: Error) => void): void {
    this.#engine.onFailure = action
  }

  /** Checkpoints and lets go of the directory. */
  async close(): Promise<void> {
    this.#database.close()
    await this.#engine.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
