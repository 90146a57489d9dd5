/** One database, with the official driver's methods. */
import type { Document } from 'bson'
import { ChangeStream, type ChangeStreamOptions } from './change-stream.ts'
import { Collection, type CommandOptions } from './collection.ts'
import { type AggregateOptions, aggregateCommand, CommandCursor, type CursorSource, onlyReads } from './cursor.ts'
import { LauraUsageError } from './errors.ts'
import type { Executor } from './executor.ts'
import type { ClientSession } from './session.ts'

export interface CreateCollectionOptions extends CommandOptions {
  readonly capped?: boolean
  readonly size?: number
  readonly max?: number
  readonly validator?: Document
  readonly validationLevel?: 'off' | 'strict' | 'moderate'
  readonly validationAction?: 'error' | 'warn' | 'errorAndLog'
  readonly viewOn?: string
  readonly pipeline?: readonly Document[]
  readonly collation?: Document
  readonly timeseries?: Document
  readonly expireAfterSeconds?: number
  readonly clusteredIndex?: Document
  readonly changeStreamPreAndPostImages?: { readonly enabled: boolean }
}

export class Db {
  readonly databaseName: string
  readonly #executor: Executor

  constructor(executor: Executor, databaseName: string) {
    if (databaseName === '') throw new LauraUsageError('a database has a name')
    this.#executor = executor
    this.databaseName = databaseName
  }

  collection<T extends Document = Document>(name: string): Collection<T> {
    return new Collection<T>(this.#executor, this.databaseName, name)
  }

  /** Runs any command. */
  command(command: Document, options: CommandOptions = {}): Promise<Document> {
    const { session, ...rest } = options
    return this.#executor.run(this.databaseName, { ...command, ...rest }, { session })
  }

  /** Runs a command that opens a cursor. */
  runCursorCommand(command: Document, options: { readonly session?: ClientSession } = {}): CommandCursor<Document> {
    return new CommandCursor(this.#source(options.session, false), command)
  }

  admin(): Db {
    return new Db(this.#executor, 'admin')
  }

  aggregate<R extends Document = Document>(
    pipeline: readonly Document[] = [],
    options: AggregateOptions = {},
  ): CommandCursor<R> {
    return new CommandCursor(this.#source(options.session, onlyReads(pipeline)), aggregateCommand(1, pipeline, options))
  }

  async createCollection<T extends Document = Document>(
    name: string,
    options: CreateCollectionOptions = {},
  ): Promise<Collection<T>> {
    const { session, ...rest } = options
    await this.#executor.run(this.databaseName, { create: name, ...rest }, { session })
    return this.collection<T>(name)
  }

  listCollections(
    filter: Document = {},
    options: CommandOptions & { readonly nameOnly?: boolean } = {},
  ): CommandCursor<Document> {
    const { session, ...rest } = options
    return new CommandCursor(this.#source(session, true), { listCollections: 1, filter, cursor: {}, ...rest })
  }

  async collections(): Promise<Collection[]> {
    const found = await this.listCollections({}, { nameOnly: true }).toArray()
    return found.map((each) => this.collection(String(each['name'])))
  }

  async dropCollection(name: string, options: CommandOptions = {}): Promise<boolean> {
    return this.collection(name).drop(options)
  }

  async dropDatabase(options: CommandOptions = {}): Promise<boolean> {
    await this.command({ dropDatabase: 1 }, options)
    return true
  }

  stats(): Promise<Document> {
    return this.command({ dbStats: 1 })
  }

  ping(): Promise<Document> {
    return this.command({ ping: 1 })
  }

  /** The databases of the server, for the database `admin`. */
  listDatabases(
    options: CommandOptions & { readonly filter?: Document; readonly nameOnly?: boolean } = {},
  ): Promise<Document> {
    const { session, ...rest } = options
    return this.#executor.run('admin', { listDatabases: 1, ...rest }, { session, again: 'read' })
  }

  /** The changes of all collections of the database. */
  watch<E extends Document = Document>(
    pipeline: readonly Document[] = [],
    options: ChangeStreamOptions = {},
  ): ChangeStream<E> {
    return new ChangeStream(this.#source(options.session, true), 1, pipeline, options)
  }

  #source(session: ClientSession | undefined, again: boolean): CursorSource {
    return { executor: this.#executor, databaseName: this.databaseName, session, again }
  }
}
