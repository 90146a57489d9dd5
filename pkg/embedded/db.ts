import { type AggregateOptions, AggregationCursor } from './aggregation-cursor.ts'
import { ChangeStream, type ChangeStreamOptions } from './change-stream.ts'
import { Collection } from './collection.ts'
import type { Port } from './port.ts'
import type { Document, Filter } from './types.ts'

/** One database. It is there while it has a collection. */
export class Db {
  readonly databaseName: string
  readonly #port: Port

  constructor(port: Port, databaseName: string) {
    this.#port = port
    this.databaseName = databaseName
  }

  collection<Item extends object = Document>(name: string): Collection<Item> {
    return new Collection<Item>(this.#port, this.databaseName, name)
  }

  /** Throws NamespaceExists. */
  async createCollection<Item extends object = Document>(
    name: string,
    options: Document = {},
  ): Promise<Collection<Item>> {
    await this.command({ create: name, ...options })
    return this.collection<Item>(name)
  }

  async dropCollection(name: string): Promise<boolean> {
    return this.collection(name).drop()
  }

  async dropDatabase(): Promise<boolean> {
    await this.command({ dropDatabase: 1 })
    return true
  }

  /** Name, type, options and uuid of each collection. */
  async listCollections(filter: Filter = {}): Promise<Document[]> {
    const { cursor } = await this.command({ listCollections: 1, filter, cursor: { batchSize: 1_000_000 } })
    return (cursor as { firstBatch: Document[] }).firstBatch
  }

  aggregate<Result = Document>(
    pipeline: readonly Document[],
    options: AggregateOptions = {},
  ): AggregationCursor<Result> {
    return new AggregationCursor<Result>(this.#port, this.databaseName, undefined, pipeline, options)
  }

  /** What changes in the database's collections, from now on: see `ChangeStream`. */
  watch<Event extends object = Document>(
    pipeline: readonly Document[] = [],
    options: ChangeStreamOptions = {},
  ): ChangeStream<Event> {
    const watched = { database: this.databaseName, collection: undefined }
    return new ChangeStream<Event>(this.#port, watched, pipeline, options)
  }

  /** Any command of the MongoDB wire protocol, e.g. `{collStats: 'people'}`. */
  command(command: Document): Promise<Document> {
    return this.#port.command(this.databaseName, command)
  }
}
