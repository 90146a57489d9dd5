import { ConnectionContext } from '../command/context.ts'
import type { Database } from '../command/dispatch.ts'
import type { CheckReport } from '../engine/check.ts'
import type { Engine } from '../engine/engine.ts'
import type { EngineStatistics } from '../engine/statistics.ts'
import { Db } from './db.ts'
import { Port } from './port.ts'
import type { Document } from './types.ts'

/** An open database directory, in this process. */
export class Laura {
  readonly #engine: Engine
  readonly #database: Database
  readonly #port: Port

  constructor(engine: Engine, database: Database) {
    this.#engine = engine
    this.#database = database
    this.#port = new Port(database, new ConnectionContext({ connectionId: 0, remoteAddress: '' }))
  }

  db(name: string): Db {
    return new Db(this.#port, name)
  }

  /** Name and size of each database. */
  async listDatabases(): Promise<Document[]> {
    const { databases } = await this.#port.command('admin', { listDatabases: 1 })
    return databases as Document[]
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
