/** One collection, with the official driver's methods. */
import type { Document } from 'bson'
import {
  type BulkOperation,
  type BulkWriteOptions,
  type BulkWriteResult,
  bulkWrite,
  checkReplacement,
  checkUpdate,
  withId,
} from './bulk.ts'
import { ChangeStream, type ChangeStreamOptions } from './change-stream.ts'
import {
  type AggregateOptions,
  aggregateCommand,
  CommandCursor,
  type CursorSource,
  FindCursor,
  type FindOptions,
  onlyReads,
  sortDocument,
} from './cursor.ts'
import { LauraUsageError } from './errors.ts'
import type { Executor } from './executor.ts'
import type { ClientSession } from './session.ts'
import type {
  DeleteResult,
  Filter,
  IdOf,
  Insertable,
  InsertManyResult,
  InsertOneResult,
  Sort,
  UpdateFilter,
  UpdateResult,
  WithId,
} from './types.ts'

export interface WriteOptions {
  readonly session?: ClientSession
  readonly writeConcern?: Document
  readonly bypassDocumentValidation?: boolean
  readonly comment?: unknown
}

export interface UpdateOptions extends WriteOptions {
  readonly upsert?: boolean
  readonly arrayFilters?: readonly Document[]
  readonly hint?: string | Document
  readonly collation?: Document
  readonly let?: Document
  readonly sort?: Sort
}

export interface DeleteOptions extends WriteOptions {
  readonly hint?: string | Document
  readonly collation?: Document
  readonly let?: Document
}

export interface FindOneAndOptions extends WriteOptions {
  readonly sort?: Sort
  readonly projection?: Document
  readonly upsert?: boolean
  readonly returnDocument?: 'before' | 'after'
  readonly arrayFilters?: readonly Document[]
  readonly hint?: string | Document
  readonly collation?: Document
  readonly let?: Document
  readonly maxTimeMS?: number
  /** Return what the command says, not only the document. */
  readonly includeResultMetadata?: boolean
}

export interface CountOptions {
  readonly session?: ClientSession
  readonly skip?: number
  readonly limit?: number
  readonly hint?: string | Document
  readonly collation?: Document
  readonly maxTimeMS?: number
  readonly comment?: unknown
}

export interface CommandOptions {
  readonly session?: ClientSession
  readonly maxTimeMS?: number
  readonly comment?: unknown
}

/** An index to make: its keys and its options. */
export interface IndexDescription {
  readonly key: Document | Map<string, unknown>
  readonly name?: string
  readonly unique?: boolean
  readonly sparse?: boolean
  readonly hidden?: boolean
  readonly expireAfterSeconds?: number
  readonly partialFilterExpression?: Document
  readonly wildcardProjection?: Document
  readonly collation?: Document
}

export type IndexKeys =
  | string
  | Document
  | readonly (string | readonly [string, unknown])[]
  | ReadonlyMap<string, unknown>

type Change<T> = UpdateFilter<T> | readonly Document[]

export class Collection<T extends Document = Document> {
  readonly collectionName: string
  readonly dbName: string
  readonly #executor: Executor

  constructor(executor: Executor, dbName: string, collectionName: string) {
    if (collectionName === '') throw new LauraUsageError('a collection has a name')
    this.#executor = executor
    this.dbName = dbName
    this.collectionName = collectionName
  }

  get namespace(): string {
    return `${this.dbName}.${this.collectionName}`
  }

  async insertOne(document: Insertable<T>, options: WriteOptions = {}): Promise<InsertOneResult<T>> {
    const whole = withId(document as Document)
    const { session, ...rest } = options
    await this.#write({ insert: this.collectionName, ...rest }, session, true, 'documents', whole)
    return { acknowledged: true, insertedId: whole['_id'] as IdOf<T> }
  }

  async insertMany(documents: readonly Insertable<T>[], options: BulkWriteOptions = {}): Promise<InsertManyResult<T>> {
    const operations = documents.map((document) => ({ insertOne: { document } }))
    const { insertedCount, insertedIds } = await this.bulkWrite(operations, options)
    return { acknowledged: true, insertedCount, insertedIds: insertedIds as Record<number, IdOf<T>> }
  }

  bulkWrite(operations: readonly BulkOperation<T>[], options: BulkWriteOptions = {}): Promise<BulkWriteResult> {
    return bulkWrite(this.#executor, this.dbName, this.collectionName, operations as readonly Document[], options)
  }

  find(filter: Filter<T> = {} as Filter<T>, options: FindOptions = {}): FindCursor<WithId<T>> {
    return new FindCursor(this.#source(options.session, true), this.collectionName, filter as Document, options)
  }

  async findOne(filter: Filter<T> = {} as Filter<T>, options: FindOptions = {}): Promise<WithId<T> | null> {
    const { session, sort, ...rest } = options
    const command: Document = { find: this.collectionName, filter, ...rest, limit: 1, singleBatch: true }
    if (sort !== undefined) command['sort'] = sortDocument(sort)
    const reply = await this.#executor.run(this.dbName, command, { session, again: 'read' })
    const [found] = (reply['cursor'] as { firstBatch: Document[] }).firstBatch
    return (found as WithId<T> | undefined) ?? null
  }

  async updateOne(filter: Filter<T>, update: Change<T>, options: UpdateOptions = {}): Promise<UpdateResult<T>> {
    checkUpdate(update)
    return this.#update(filter, update, false, options)
  }

  async updateMany(filter: Filter<T>, update: Change<T>, options: UpdateOptions = {}): Promise<UpdateResult<T>> {
    checkUpdate(update)
    return this.#update(filter, update, true, options)
  }

  async replaceOne(
    filter: Filter<T>,
    replacement: Omit<T, '_id'>,
    options: UpdateOptions = {},
  ): Promise<UpdateResult<T>> {
    checkReplacement(replacement)
    return this.#update(filter, replacement, false, options)
  }

  deleteOne(filter: Filter<T>, options: DeleteOptions = {}): Promise<DeleteResult> {
    return this.#delete(filter, 1, options)
  }

  deleteMany(filter: Filter<T> = {} as Filter<T>, options: DeleteOptions = {}): Promise<DeleteResult> {
    return this.#delete(filter, 0, options)
  }

  findOneAndUpdate(
    filter: Filter<T>,
    update: Change<T>,
    options: FindOneAndOptions & { includeResultMetadata: true },
  ): Promise<Document>
  findOneAndUpdate(filter: Filter<T>, update: Change<T>, options?: FindOneAndOptions): Promise<WithId<T> | null>
  async findOneAndUpdate(filter: Filter<T>, update: Change<T>, options: FindOneAndOptions = {}): Promise<unknown> {
    checkUpdate(update)
    return this.#findAndModify(filter, { update }, options)
  }

  findOneAndReplace(
    filter: Filter<T>,
    replacement: Omit<T, '_id'>,
    options: FindOneAndOptions & { includeResultMetadata: true },
  ): Promise<Document>
  findOneAndReplace(
    filter: Filter<T>,
    replacement: Omit<T, '_id'>,
    options?: FindOneAndOptions,
  ): Promise<WithId<T> | null>
  async findOneAndReplace(
    filter: Filter<T>,
    replacement: Omit<T, '_id'>,
    options: FindOneAndOptions = {},
  ): Promise<unknown> {
    checkReplacement(replacement)
    return this.#findAndModify(filter, { update: replacement }, options)
  }

  findOneAndDelete(filter: Filter<T>, options: FindOneAndOptions & { includeResultMetadata: true }): Promise<Document>
  findOneAndDelete(filter: Filter<T>, options?: FindOneAndOptions): Promise<WithId<T> | null>
  async findOneAndDelete(filter: Filter<T>, options: FindOneAndOptions = {}): Promise<unknown> {
    return this.#findAndModify(filter, { remove: true }, options)
  }

  aggregate<R extends Document = Document>(
    pipeline: readonly Document[] = [],
    options: AggregateOptions = {},
  ): CommandCursor<R> {
    const command = aggregateCommand(this.collectionName, pipeline, options)
    return new CommandCursor(this.#source(options.session, onlyReads(pipeline)), command)
  }

  async distinct<K extends string>(
    key: K,
    filter: Filter<T> = {} as Filter<T>,
    options: CommandOptions & { readonly collation?: Document } = {},
  ): Promise<(K extends keyof WithId<T> ? WithId<T>[K] : unknown)[]> {
    const { session, ...rest } = options
    const command = { distinct: this.collectionName, key, query: filter, ...rest }
    const reply = await this.#executor.run(this.dbName, command, { session, again: 'read' })
    return reply['values'] as never
  }

  /** How many documents match, counted. */
  async countDocuments(filter: Filter<T> = {} as Filter<T>, options: CountOptions = {}): Promise<number> {
    const { skip, limit, ...rest } = options
    const pipeline: Document[] = [{ $match: filter }]
    if (skip !== undefined) pipeline.push({ $skip: skip })
    if (limit !== undefined) pipeline.push({ $limit: limit })
    pipeline.push({ $group: { _id: 1, n: { $sum: 1 } } })
    const [counted] = await this.aggregate<{ n: number }>(pipeline, rest).toArray()
    return counted === undefined ? 0 : Number(counted.n)
  }

  /** How many documents there are, from what the server knows without looking. */
  async estimatedDocumentCount(options: CommandOptions = {}): Promise<number> {
    const { session, ...rest } = options
    const reply = await this.#executor.run(
      this.dbName,
      { count: this.collectionName, ...rest },
      { session, again: 'read' },
    )
    return Number(reply['n'])
  }

  async createIndex(keys: IndexKeys, options: Omit<IndexDescription, 'key'> & CommandOptions = {}): Promise<string> {
    const { session, maxTimeMS, comment, ...rest } = options
    const [name] = await this.createIndexes([{ key: keysOf(keys), ...rest }], {
      ...(session === undefined ? {} : { session }),
      ...(maxTimeMS === undefined ? {} : { maxTimeMS }),
      ...(comment === undefined ? {} : { comment }),
    })
    return name!
  }

  /** Makes indexes; those without a name are called after their keys. Resolves with the names. */
  async createIndexes(indexes: readonly IndexDescription[], options: CommandOptions = {}): Promise<string[]> {
    const { session, ...rest } = options
    const named = indexes.map((index) => ({ ...index, name: index.name ?? nameOf(index.key) }))
    await this.#executor.run(this.dbName, { createIndexes: this.collectionName, indexes: named, ...rest }, { session })
    return named.map(({ name }) => name)
  }

  listIndexes(options: CommandOptions & { readonly batchSize?: number } = {}): CommandCursor<Document> {
    const { session, batchSize, ...rest } = options
    const cursor = batchSize === undefined ? {} : { batchSize }
    return new CommandCursor(this.#source(session, true), { listIndexes: this.collectionName, cursor, ...rest })
  }

  indexes(options: CommandOptions = {}): Promise<Document[]> {
    return this.listIndexes(options).toArray()
  }

  async indexExists(names: string | readonly string[]): Promise<boolean> {
    const present = new Set((await this.indexes()).map((index) => index['name']))
    return [names].flat().every((name) => present.has(name))
  }

  async dropIndex(name: string, options: CommandOptions = {}): Promise<Document> {
    const { session, ...rest } = options
    return this.#executor.run(this.dbName, { dropIndexes: this.collectionName, index: name, ...rest }, { session })
  }

  async dropIndexes(options: CommandOptions = {}): Promise<boolean> {
    await this.dropIndex('*', options)
    return true
  }

  async drop(options: CommandOptions = {}): Promise<boolean> {
    const { session, ...rest } = options
    await this.#executor.run(this.dbName, { drop: this.collectionName, ...rest }, { session })
    return true
  }

  async rename(
    name: string,
    options: { readonly dropTarget?: boolean; readonly session?: ClientSession } = {},
  ): Promise<Collection<T>> {
    const { session, ...rest } = options
    const command = { renameCollection: this.namespace, to: `${this.dbName}.${name}`, ...rest }
    await this.#executor.run('admin', command, { session })
    return new Collection<T>(this.#executor, this.dbName, name)
  }

  async isCapped(): Promise<boolean> {
    return (await this.options())['capped'] === true
  }

  /** The options that the collection was made with. */
  async options(): Promise<Document> {
    const command = { listCollections: 1, filter: { name: this.collectionName }, cursor: {} }
    const reply = await this.#executor.run(this.dbName, command, { again: 'read' })
    const [found] = (reply['cursor'] as { firstBatch: Document[] }).firstBatch
    return (found?.['options'] ?? {}) as Document
  }

  /** The changes of the collection, from now on or from where `options` say. */
  watch<E extends Document = Document>(
    pipeline: readonly Document[] = [],
    options: ChangeStreamOptions = {},
  ): ChangeStream<E> {
    return new ChangeStream(this.#source(options.session, true), this.collectionName, pipeline, options)
  }

  #source(session: ClientSession | undefined, again: boolean): CursorSource {
    return { executor: this.#executor, databaseName: this.dbName, session, again }
  }

  #write(
    command: Document,
    session: ClientSession | undefined,
    again: boolean,
    name: string,
    statement: Document,
  ): Promise<Document> {
    const sequence = { name, documents: [this.#executor.encode(statement)] }
    return this.#executor.run(this.dbName, command, { session, again: again ? 'write' : undefined, sequence })
  }

  async #update(filter: Filter<T>, u: unknown, multi: boolean, options: UpdateOptions): Promise<UpdateResult<T>> {
    const { session, upsert, arrayFilters, hint, collation, sort, ...rest } = options
    const statement = present({
      q: filter,
      u,
      multi,
      upsert,
      arrayFilters,
      hint,
      collation,
      sort: sort && sortDocument(sort),
    })
    const reply = await this.#write({ update: this.collectionName, ...rest }, session, !multi, 'updates', statement)
    const upserted = (reply['upserted'] ?? []) as { _id: IdOf<T> }[]
    return {
      acknowledged: true,
      matchedCount: Number(reply['n']) - upserted.length,
      modifiedCount: Number(reply['nModified']),
      upsertedCount: upserted.length,
      upsertedId: upserted[0]?._id ?? null,
    }
  }

  async #delete(filter: Filter<T>, limit: 0 | 1, options: DeleteOptions): Promise<DeleteResult> {
    const { session, hint, collation, ...rest } = options
    const statement = present({ q: filter, limit, hint, collation })
    const reply = await this.#write(
      { delete: this.collectionName, ...rest },
      session,
      limit === 1,
      'deletes',
      statement,
    )
    return { acknowledged: true, deletedCount: Number(reply['n']) }
  }

  async #findAndModify(filter: Filter<T>, change: Document, options: FindOneAndOptions): Promise<unknown> {
    const { session, sort, projection, returnDocument, includeResultMetadata, ...rest } = options
    const command = present({
      findAndModify: this.collectionName,
      query: filter,
      sort: sort && sortDocument(sort),
      fields: projection,
      new: returnDocument === 'after' ? true : undefined,
      ...change,
      ...rest,
    })
    const reply = await this.#executor.run(this.dbName, command, { session, again: 'write' })
    return includeResultMetadata === true ? reply : (reply['value'] ?? null)
  }
}

/** A document without the fields that have no value. */
function present(document: Document): Document {
  return Object.fromEntries(Object.entries(document).filter(([, value]) => value !== undefined))
}

function keysOf(keys: IndexKeys): Map<string, unknown> {
  if (typeof keys === 'string') return new Map([[keys, 1]])
  if (keys instanceof Map) return keys
  if (!Array.isArray(keys)) return new Map(Object.entries(keys))
  return new Map(
    keys.map((each: string | readonly [string, unknown]) =>
      typeof each === 'string' ? [each, 1] : [each[0], each[1]],
    ),
  )
}

/** What an index is called that was given no name: `a_1_b_-1`. */
function nameOf(key: Document | Map<string, unknown>): string {
  const parts = key instanceof Map ? [...key] : Object.entries(key)
  return parts.flat().join('_')
}
