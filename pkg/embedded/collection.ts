import { ObjectId } from 'bson'
import { DatabaseError } from '../base/errors.ts'
import { buildDocument } from '../bson/build.ts'
import { decodeDocument, decodeValue, encodeDocument, encodeDocumentWithId } from '../bson/convert.ts'
import { writeInt32 } from '../bson/little-endian.ts'
import { int32Value, objectIdValue } from '../bson/value.ts'
import { count } from '../command/commands/count.ts'
import { deleteCommand } from '../command/commands/delete.ts'
import { distinct } from '../command/commands/distinct.ts'
import { find } from '../command/commands/find.ts'
import { findAndModify } from '../command/commands/find-and-modify.ts'
import { type InsertResult, insert } from '../command/commands/insert.ts'
import { type UpdateResult as DoneUpdates, update } from '../command/commands/update.ts'
import type { UpdateOutcome } from '../command/write.ts'
import { type AggregateOptions, AggregationCursor } from './aggregation-cursor.ts'
import { runBulk } from './bulk.ts'
import { BulkWriteError } from './bulk-write-error.ts'
import { ChangeStream, type ChangeStreamOptions } from './change-stream.ts'
import { filterBytes, hintValue, optionalBytes, sortBytes, updateRequest, updateValue } from './encode.ts'
import { FindCursor } from './find-cursor.ts'
import { withInsertBuffer } from './insert-buffer.ts'
import type { Port } from './port.ts'
import { shownError } from './shown-error.ts'
import type {
  BulkOperation,
  BulkWriteResult,
  CollationDocument,
  DeleteResult,
  Document,
  Filter,
  FindOneAndOptions,
  FindOptions,
  HintOption,
  InsertManyResult,
  InsertOneResult,
  SessionOption,
  Update,
  UpdateOptions,
  UpdateResult,
} from './types.ts'

/** Where `readById` says a document lies; read at once. */
const lent = { bytes: new Uint8Array(0), start: 0, end: 0 }

/** `{_id: ObjectId}` and `{_id: <an int32>}` in BSON, with room for the id: the filters asked for most need no encoder. */
const objectIdFilter = buildDocument({ _id: objectIdValue(new Uint8Array(12)) })
const int32Filter = buildDocument({ _id: int32Value(0) })
const idAt = 9

/** Left out of the package's type declarations. */
interface Packable {
  serializeInto(bytes: Uint8Array, at: number): number
}

/** The filter until the next call, when it is an equality of `_id` with an ObjectId or a whole number. */
function lentIdFilter(filter: Filter): Uint8Array | undefined {
  const id = filter['_id']
  const isInt32 = typeof id === 'number' && (id | 0) === id && !Object.is(id, -0)
  if (!isInt32 && !(id instanceof ObjectId)) return undefined
  for (const name in filter) if (name !== '_id') return undefined
  if (isInt32) {
    writeInt32(int32Filter, idAt, id)
    return int32Filter
  }
  ;(id as unknown as Packable).serializeInto(objectIdFilter, idAt)
  return objectIdFilter
}

function isLent(filter: Uint8Array): boolean {
  return filter === int32Filter || filter === objectIdFilter
}

interface IndexOptions {
  readonly name?: string
  readonly unique?: boolean
  readonly collation?: CollationDocument
}

/**
 * One collection. It need not exist: the first insert makes it. Methods, arguments and results are the official Node driver's;
 * a write has reached the disk when its promise resolves.
 */
export class Collection<Item extends object = Document> {
  readonly collectionName: string
  readonly dbName: string
  readonly #port: Port

  constructor(port: Port, dbName: string, collectionName: string) {
    this.#port = port
    this.dbName = dbName
    this.collectionName = collectionName
  }

  get namespace(): string {
    return `${this.dbName}.${this.collectionName}`
  }

  /** A missing `_id` is made here, and added to `document` as the driver does. */
  insertOne(document: Item, options?: SessionOption): Promise<InsertOneResult> {
    try {
      const { bytes, id } = encodeDocumentWithId(document, this.#port.database.objectIds)
      addId(document, id)
      const request = { collection: this.collectionName, documents: [bytes], ordered: true }
      const running = this.#portOf(options).run(insert, this.dbName, request)
      if (running instanceof Promise) return running.then((result) => this.#answer(shownInsert(result, id)))
      return this.#answer(shownInsert(running, id))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** One log entry and one wait for the disk for all. Throws BulkWriteError naming the documents that failed. */
  insertMany(
    documents: readonly Item[],
    options: SessionOption & { readonly ordered?: boolean } = {},
  ): Promise<InsertManyResult> {
    return withInsertBuffer(async (buffer) => {
      const insertedIds: Record<number, unknown> = {}
      const generator = this.#port.database.objectIds
      for (let i = 0; i < documents.length; i++) {
        const id = buffer.add(documents[i]!, generator)
        addId(documents[i]!, id)
        insertedIds[i] = id
      }
      const ordered = options.ordered !== false
      const result = await this.#insert(buffer.documents(), ordered, options)
      if (result.errors.length > 0) throw bulkInsertError(result, insertedIds, ordered)
      return { acknowledged: true, insertedCount: result.inserted, insertedIds }
    })
  }

  find(filter: Filter = {}, options: FindOptions = {}): FindCursor<Item> {
    return new FindCursor<Item>(this.#portOf(options), this.dbName, this.collectionName, filter, options)
  }

  /** The first document that matches, or null. */
  findOne(filter: Filter = {}, options?: FindOptions): Promise<Item | null> {
    try {
      const isPlain = options === undefined
      const bytes = (isPlain ? lentIdFilter(filter) : undefined) ?? encodeDocument(filter)
      if (isPlain) {
        const found = this.#port.readById(this.dbName, this.collectionName, bytes, lent)
        if (found !== undefined) return this.#answer(found ? (decodeDocument(lent.bytes, lent.start) as Item) : null)
      }
      const running = this.#portOf(options).run(find, this.dbName, {
        collection: this.collectionName,
        filter: isLent(bytes) ? bytes.slice() : bytes,
        sort: sortBytes(options?.sort),
        projection: optionalBytes(options?.projection),
        hint: hintValue(options?.hint),
        skip: options?.skip ?? 0,
        limit: 1,
        batchSize: undefined,
        singleBatch: true,
        noCursorTimeout: false,
        tailable: false,
        awaitData: false,
        collation: optionalBytes(options?.collation),
      })
      if (running instanceof Promise) return running.then(takeFirst<Item>)
      return this.#answer(takeFirst<Item>(running))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  updateOne(filter: Filter, change: Update, options: UpdateOptions = {}): Promise<UpdateResult> {
    return this.#update(filter, change, 'updateOne', options)
  }

  updateMany(filter: Filter, change: Update, options: UpdateOptions = {}): Promise<UpdateResult> {
    return this.#update(filter, change, 'updateMany', options)
  }

  replaceOne(filter: Filter, replacement: Item, options: UpdateOptions = {}): Promise<UpdateResult> {
    return this.#update(filter, replacement as Document, 'replaceOne', options)
  }

  deleteOne(filter: Filter, options: HintOption & SessionOption = {}): Promise<DeleteResult> {
    return this.#delete(filter, 1, options)
  }

  deleteMany(filter: Filter = {}, options: HintOption & SessionOption = {}): Promise<DeleteResult> {
    return this.#delete(filter, 0, options)
  }

  findOneAndUpdate(filter: Filter, change: Update, options: FindOneAndOptions = {}): Promise<Item | null> {
    return this.#findAndModify(filter, change, false, options)
  }

  findOneAndReplace(filter: Filter, replacement: Item, options: FindOneAndOptions = {}): Promise<Item | null> {
    return this.#findAndModify(filter, replacement as Document, true, options)
  }

  findOneAndDelete(filter: Filter, options: FindOneAndOptions = {}): Promise<Item | null> {
    return this.#findAndModify(filter, undefined, false, options)
  }

  /** Several writes with one wait for the disk; `ordered` (the default): nothing after the first that fails. */
  bulkWrite(
    operations: readonly BulkOperation[],
    options: SessionOption & { readonly ordered?: boolean } = {},
  ): Promise<BulkWriteResult> {
    return runBulk(this.#portOf(options), this.dbName, this.collectionName, operations, options.ordered !== false)
  }

  async countDocuments(
    filter: Filter = {},
    options: { readonly skip?: number; readonly limit?: number } & HintOption & SessionOption = {},
  ): Promise<number> {
    const counted = await this.#portOf(options).run(count, this.dbName, {
      collection: this.collectionName,
      filter: filterBytes(filter),
      skip: options.skip ?? 0,
      limit: options.limit ?? 0,
      hint: hintValue(options.hint),
      collation: optionalBytes(options.collation),
    })
    await this.#port.rest()
    return counted
  }

  /** From the catalog: looks at no document. */
  estimatedDocumentCount(): Promise<number> {
    return this.countDocuments()
  }

  async distinct(
    key: string,
    filter: Filter = {},
    options: SessionOption & { readonly collation?: CollationDocument } = {},
  ): Promise<unknown[]> {
    const values = await this.#portOf(options).run(distinct, this.dbName, {
      collection: this.collectionName,
      key,
      filter: filterBytes(filter),
      hint: undefined,
      collation: optionalBytes(options.collation),
    })
    const decoded = values.map((value) => decodeValue(value.type, value.bytes, value.start))
    await this.#port.rest()
    return decoded
  }

  /** What changes in the collection, from now on: see `ChangeStream`. */
  watch<Event extends object = Document>(
    pipeline: readonly Document[] = [],
    options: ChangeStreamOptions = {},
  ): ChangeStream<Event> {
    const watched = { database: this.dbName, collection: this.collectionName }
    return new ChangeStream<Event>(this.#port, watched, pipeline, options)
  }

  aggregate<Result = Document>(
    pipeline: readonly Document[] = [],
    options: AggregateOptions = {},
  ): AggregationCursor<Result> {
    return new AggregationCursor<Result>(this.#portOf(options), this.dbName, this.collectionName, pipeline, options)
  }

  /** Returns the index's name. */
  async createIndex(key: string | Document, options: IndexOptions = {}): Promise<string> {
    const [name] = await this.createIndexes([{ key: typeof key === 'string' ? { [key]: 1 } : key, ...options }])
    return name!
  }

  async createIndexes(indexes: readonly ({ readonly key: Document } & IndexOptions)[]): Promise<string[]> {
    const named = indexes.map((index) => ({ ...index, name: index.name ?? indexName(index.key) }))
    await this.#command({ createIndexes: this.collectionName, indexes: named })
    return named.map((index) => index.name)
  }

  async dropIndex(name: string): Promise<void> {
    await this.#command({ dropIndexes: this.collectionName, index: name })
  }

  async dropIndexes(): Promise<void> {
    await this.#command({ dropIndexes: this.collectionName, index: '*' })
  }

  /** The definitions, the `_id` index first. */
  async indexes(): Promise<Document[]> {
    const { cursor } = await this.#command({ listIndexes: this.collectionName })
    return (cursor as { firstBatch: Document[] }).firstBatch
  }

  /** True when there was something to drop. */
  async drop(): Promise<boolean> {
    const existed = this.#port.database.engine.collection(this.dbName, this.collectionName) !== undefined
    await this.#command({ drop: this.collectionName })
    return existed
  }

  async rename(name: string, options: { readonly dropTarget?: boolean } = {}): Promise<Collection<Item>> {
    const to = `${this.dbName}.${name}`
    await this.#port.command('admin', { renameCollection: this.namespace, to, dropTarget: options.dropTarget === true })
    return new Collection<Item>(this.#port, this.dbName, name)
  }

  /** An answer that was there at once. */
  #answer<Answer>(answer: Answer): Promise<Answer> {
    const rest = this.#port.rest(true)
    return rest === undefined ? Promise.resolve(answer) : rest.then(() => answer)
  }

  #portOf(options: SessionOption | undefined): Port {
    return options?.session?.port ?? this.#port
  }

  #command(command: Document): Promise<Document> {
    return this.#port.command(this.dbName, command)
  }

  async #insert(
    documents: readonly Uint8Array[],
    ordered: boolean,
    options: SessionOption | undefined,
  ): Promise<InsertResult> {
    const result = await this.#portOf(options).run(insert, this.dbName, {
      collection: this.collectionName,
      documents,
      ordered,
    })
    const rest = this.#port.rest(true)
    if (rest !== undefined) await rest
    return result
  }

  #update(
    filter: Filter,
    change: Update,
    kind: 'updateOne' | 'updateMany' | 'replaceOne',
    options: UpdateOptions,
  ): Promise<UpdateResult> {
    try {
      if (kind === 'updateOne' && isPlain(options)) {
        const bytes = lentIdFilter(filter) ?? encodeDocument(filter)
        const value = updateValue(change, false)
        const done = this.#portOf(options).updateById(this.dbName, this.collectionName, bytes, value)
        if (done !== undefined) return this.#answer(shownOutcome(done))
      }
      const request = {
        collection: this.collectionName,
        updates: [updateRequest(filter, change, kind, options)],
        ordered: true,
      }
      const running = this.#portOf(options).run(update, this.dbName, request)
      if (running instanceof Promise) return running.then((result) => this.#answer(shownUpdate(result)))
      return this.#answer(shownUpdate(running))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async #delete(filter: Filter, limit: 0 | 1, options: HintOption & SessionOption): Promise<DeleteResult> {
    const statement = {
      filter: encodeDocument(filter),
      limit,
      hint: hintValue(options.hint),
      collation: optionalBytes(options.collation),
    }
    const result = await this.#portOf(options).run(deleteCommand, this.dbName, {
      collection: this.collectionName,
      deletes: [statement],
      ordered: true,
    })
    const rest = this.#port.rest(true)
    if (rest !== undefined) await rest
    if (result.errors.length > 0) throw shownError(result.errors[0]!.error)
    return { acknowledged: true, deletedCount: result.removed }
  }

  async #findAndModify(
    filter: Filter,
    change: Update | undefined,
    isReplacement: boolean,
    options: FindOneAndOptions,
  ): Promise<Item | null> {
    const bytes = encodeDocument(filter)
    const sort = sortBytes(options.sort)
    const hint = hintValue(options.hint)
    const collation = optionalBytes(options.collation)
    const { value } = await this.#portOf(options).run(findAndModify, this.dbName, {
      collection: this.collectionName,
      filter: bytes,
      sort,
      projection: optionalBytes(options.projection),
      hint,
      update:
        change === undefined
          ? undefined
          : {
              filter: bytes,
              update: updateValue(change, isReplacement),
              multi: false,
              upsert: options.upsert === true,
              arrayFilters: options.arrayFilters?.map((each) => encodeDocument(each)) ?? [],
              hint,
              sort,
              collation,
            },
      collation,
      showAfter: options.returnDocument === 'after',
    })
    return this.#answer(value === undefined ? null : (decodeDocument(value) as Item))
  }
}

function takeFirst<Item>(batch: {
  count: number
  bytes: Uint8Array
  start(index: number): number
  release(): void
}): Item | null {
  const document = batch.count === 0 ? null : decodeDocument(batch.bytes, batch.start(0))
  batch.release()
  return document as Item | null
}

function addId(document: object, id: unknown): void {
  if (document instanceof Map) {
    if (!document.has('_id')) document.set('_id', id)
  } else if ((document as Document)['_id'] === undefined) (document as Document)['_id'] = id
}

function bulkInsertError(result: InsertResult, ids: Record<number, unknown>, ordered: boolean): BulkWriteError {
  const failed = new Set(result.errors.map((failure) => failure.index))
  const end = ordered ? result.errors[0]!.index : Number.POSITIVE_INFINITY
  const insertedIds = Object.fromEntries(
    Object.entries(ids).filter(([index]) => Number(index) < end && !failed.has(Number(index))),
  )
  return new BulkWriteError(result.errors, {
    acknowledged: true,
    insertedCount: result.inserted,
    matchedCount: 0,
    modifiedCount: 0,
    deletedCount: 0,
    upsertedCount: 0,
    insertedIds,
    upsertedIds: {},
  })
}

/** `a_1_b_-1`, as MongoDB names an index that was given no name. */
function indexName(key: Document): string {
  const parts = Object.entries(key).map(([path, kind]) => `${path}_${String(kind)}`)
  if (parts.length === 0) throw new DatabaseError('CannotCreateIndex', 'Index keys cannot be an empty object')
  return parts.join('_')
}

/** Throws the error of its one document. */
function shownInsert({ errors }: InsertResult, insertedId: unknown): InsertOneResult {
  if (errors.length > 0) throw shownError(errors[0]!.error)
  return { acknowledged: true, insertedId }
}

/** Whether nothing but a session is asked for. */
function isPlain({ upsert, arrayFilters, hint, collation }: UpdateOptions): boolean {
  return upsert !== true && arrayFilters === undefined && hint === undefined && collation === undefined
}

/** Of an update that has inserted nothing. */
function shownOutcome({ matched, modified }: UpdateOutcome): UpdateResult {
  return { acknowledged: true, matchedCount: matched, modifiedCount: modified, upsertedCount: 0, upsertedId: null }
}

/** Throws the error of its one statement. */
function shownUpdate({ matched, modified, upserted, errors }: DoneUpdates): UpdateResult {
  if (errors.length > 0) throw shownError(errors[0]!.error)
  const id = upserted[0]?.id
  return {
    acknowledged: true,
    matchedCount: matched,
    modifiedCount: modified,
    upsertedCount: upserted.length,
    upsertedId: id === undefined ? null : decodeValue(id.type, id.bytes, id.start),
  }
}
