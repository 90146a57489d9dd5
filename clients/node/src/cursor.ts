/** Results that are read as they come, with the methods of the official driver's cursors. */
import type { Document } from 'bson'
import { Batches } from './batches.ts'
import { LauraUsageError } from './errors.ts'
import type { Executor } from './executor.ts'
import type { ClientSession } from './session.ts'
import type { Sort } from './types.ts'

export interface CursorSource {
  readonly executor: Executor
  readonly databaseName: string
  readonly session: ClientSession | undefined
  /** Opening it may be tried again: it writes nothing. */
  readonly again: boolean
}

export abstract class Cursor<T> implements AsyncIterable<T>, AsyncDisposable {
  protected readonly source: CursorSource
  #batches: Batches | undefined
  #documents: readonly Document[] = []
  #at = 0
  #transform: ((document: never) => unknown) | undefined
  #isClosed = false

  constructor(source: CursorSource) {
    this.source = source
  }

  /** The command that opens it. */
  protected abstract command(): Document

  protected refuseWhenOpen(): void {
    if (this.#batches !== undefined) throw new LauraUsageError('the cursor is in use already')
  }

  get closed(): boolean {
    return this.#isClosed
  }

  /** Every document goes through `transform` from now on, behind earlier ones. */
  map<U>(transform: (document: T) => U): Cursor<U> {
    const before = this.#transform as ((document: unknown) => T) | undefined
    this.#transform = before === undefined ? transform : (document: never) => transform(before(document))
    return this as unknown as Cursor<U>
  }

  /** The next document, or null at the end. */
  async next(): Promise<T | null> {
    while (this.#at >= this.#documents.length) if (!(await this.#fill())) return null
    return this.#take()
  }

  /** The next document if there is one by now, else null; waits for one answer of the server. */
  async tryNext(): Promise<T | null> {
    if (this.#at >= this.#documents.length) await this.#fill()
    return this.#at < this.#documents.length ? this.#take() : null
  }

  async hasNext(): Promise<boolean> {
    while (this.#at >= this.#documents.length) if (!(await this.#fill())) return false
    return true
  }

  async toArray(): Promise<T[]> {
    const all: T[] = []
    while (await this.hasNext()) while (this.#at < this.#documents.length) all.push(this.#take())
    return all
  }

  /** Calls `action` for every document, until it returns false. */
  async forEach(action: (document: T) => boolean | undefined): Promise<void> {
    for await (const document of this) if (action(document) === false) return
  }

  /** How many documents have arrived and were not taken. */
  bufferedCount(): number {
    return this.#documents.length - this.#at
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#documents = []
    this.#at = 0
    this.#batches?.close()
  }

  /** Closes the cursor; it can be used from the start again. */
  rewind(): void {
    this.#batches?.close()
    this.#batches = undefined
    this.#documents = []
    this.#at = 0
    this.#isClosed = false
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    try {
      while (await this.hasNext()) while (this.#at < this.#documents.length) yield this.#take()
    } finally {
      await this.close()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #take(): T {
    const document = this.#documents[this.#at++] as T
    return this.#transform === undefined ? document : (this.#transform(document as never) as T)
  }

  /** Gets the next batch, which may be empty; false at the end. */
  async #fill(): Promise<boolean> {
    if (this.#isClosed) return false
    const { executor, databaseName, session, again } = this.source
    this.#batches ??= new Batches(executor, databaseName, this.command(), { session, again })
    try {
      const batch = await this.#batches.next()
      if (batch === undefined) {
        this.#isClosed = true
        return false
      }
      this.#documents = batch.documents
      this.#at = 0
      return true
    } catch (error) {
      this.#isClosed = true
      throw error
    }
  }
}

/** What a find may be asked for, beside its filter. */
export interface FindOptions {
  readonly sort?: Sort
  readonly skip?: number
  readonly limit?: number
  readonly projection?: Document
  readonly batchSize?: number
  readonly hint?: string | Document
  readonly collation?: Document
  readonly comment?: unknown
  readonly let?: Document
  readonly min?: Document
  readonly max?: Document
  readonly maxTimeMS?: number
  readonly allowDiskUse?: boolean
  readonly noCursorTimeout?: boolean
  readonly returnKey?: boolean
  readonly showRecordId?: boolean
  readonly singleBatch?: boolean
  readonly tailable?: boolean
  readonly awaitData?: boolean
  readonly readConcern?: Document
  readonly session?: ClientSession
}

export class FindCursor<T> extends Cursor<T> {
  readonly #collectionName: string
  readonly #filter: Document
  #options: FindOptions

  constructor(source: CursorSource, collectionName: string, filter: Document, options: FindOptions) {
    super(source)
    this.#collectionName = collectionName
    this.#filter = filter
    this.#options = options
  }

  sort(sort: Sort | string, direction: 1 | -1 = 1): this {
    return this.#with({ sort: typeof sort === 'string' ? { [sort]: direction } : sort })
  }

  skip(skip: number): this {
    return this.#with({ skip })
  }

  limit(limit: number): this {
    return this.#with({ limit })
  }

  project<U extends Document = Document>(projection: Document): FindCursor<U> {
    return this.#with({ projection }) as unknown as FindCursor<U>
  }

  batchSize(batchSize: number): this {
    return this.#with({ batchSize })
  }

  hint(hint: string | Document): this {
    return this.#with({ hint })
  }

  collation(collation: Document): this {
    return this.#with({ collation })
  }

  comment(comment: unknown): this {
    return this.#with({ comment })
  }

  maxTimeMS(maxTimeMS: number): this {
    return this.#with({ maxTimeMS })
  }

  min(min: Document): this {
    return this.#with({ min })
  }

  max(max: Document): this {
    return this.#with({ max })
  }

  allowDiskUse(allowDiskUse = true): this {
    return this.#with({ allowDiskUse })
  }

  override map<U>(transform: (document: T) => U): FindCursor<U> {
    return super.map(transform) as unknown as FindCursor<U>
  }

  /** A cursor that asks for the same, from the start. */
  clone(): FindCursor<T> {
    return new FindCursor(this.source, this.#collectionName, this.#filter, this.#options)
  }

  /** How the server would find the documents. */
  async explain(verbosity = 'queryPlanner'): Promise<Document> {
    const { executor, databaseName, session } = this.source
    return executor.run(databaseName, { explain: this.command(), verbosity }, { session, again: 'read' })
  }

  #with(options: FindOptions): this {
    this.refuseWhenOpen()
    this.#options = { ...this.#options, ...options }
    return this
  }

  protected override command(): Document {
    const { session: _session, sort, limit, ...rest } = this.#options
    const command: Document = { find: this.#collectionName, filter: this.#filter, ...rest }
    if (sort !== undefined) command['sort'] = sortDocument(sort)
    if (limit !== undefined && limit !== 0) {
      command['limit'] = Math.abs(limit)
      if (limit < 0) command['singleBatch'] = true
    }
    return command
  }
}

const directions: ReadonlyMap<unknown, unknown> = new Map<unknown, unknown>([
  ['asc', 1],
  ['ascending', 1],
  ['desc', -1],
  ['descending', -1],
])

/** A sort as commands have it, in the order it was given in. */
export function sortDocument(sort: Sort): ReadonlyMap<string, unknown> {
  const given: Iterable<readonly [string, unknown]> =
    sort instanceof Map ? sort : Array.isArray(sort) ? sort : Object.entries(sort)
  return new Map([...given].map(([path, direction]) => [path, directions.get(direction) ?? direction]))
}

/** What an aggregation may be asked for, beside its pipeline. */
export interface AggregateOptions {
  readonly batchSize?: number
  readonly allowDiskUse?: boolean
  readonly bypassDocumentValidation?: boolean
  readonly collation?: Document
  readonly comment?: unknown
  readonly hint?: string | Document
  readonly let?: Document
  readonly maxTimeMS?: number
  readonly readConcern?: Document
  readonly writeConcern?: Document
  readonly session?: ClientSession
}

/** Results of any command that opens a cursor. */
export class CommandCursor<T> extends Cursor<T> {
  readonly #command: Document

  constructor(source: CursorSource, command: Document) {
    super(source)
    this.#command = command
  }

  override map<U>(transform: (document: T) => U): CommandCursor<U> {
    return super.map(transform) as unknown as CommandCursor<U>
  }

  /** How the server would carry it out. */
  async explain(verbosity = 'queryPlanner'): Promise<Document> {
    const { executor, databaseName, session } = this.source
    return executor.run(databaseName, { explain: this.#command, verbosity }, { session, again: 'read' })
  }

  protected override command(): Document {
    return this.#command
  }
}

/** The command for a pipeline. `target`: a collection, or 1 for the database. */
export function aggregateCommand(
  target: string | 1,
  pipeline: readonly Document[],
  options: AggregateOptions,
): Document {
  const { session: _session, batchSize, ...rest } = options
  return { aggregate: target, pipeline, cursor: batchSize === undefined ? {} : { batchSize }, ...rest }
}

/** Whether a pipeline writes nothing. */
export function onlyReads(pipeline: readonly Document[]): boolean {
  const last = pipeline.at(-1)
  return last === undefined || !('$out' in last || '$merge' in last)
}
