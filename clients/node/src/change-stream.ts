/** Changes as they happen: read like a cursor, or told to listeners; goes on where it was when the connection breaks. */
import { EventEmitter } from 'node:events'
import type { Document, Timestamp } from 'bson'
import { type Batch, Batches } from './batches.ts'
import type { CursorSource } from './cursor.ts'
import { type LauraError, LauraNetworkError, LauraServerError, LauraUsageError, mayReadAgain } from './errors.ts'
import type { ClientSession } from './session.ts'

export interface ChangeStreamOptions {
  readonly fullDocument?: 'default' | 'updateLookup' | 'whenAvailable' | 'required'
  readonly fullDocumentBeforeChange?: 'off' | 'whenAvailable' | 'required'
  /** Where to begin: after the event that has this token. */
  readonly resumeAfter?: Document
  /** As resumeAfter, also after an invalidate event. */
  readonly startAfter?: Document
  readonly startAtOperationTime?: Timestamp
  readonly showExpandedEvents?: boolean
  readonly batchSize?: number
  readonly collation?: Document
  readonly comment?: unknown
  readonly session?: ClientSession
}

interface Events<E> {
  change: [E]
  error: [unknown]
  resumeTokenChanged: [Document]
  close: []
}

export class ChangeStream<E extends Document = Document> extends EventEmitter<Events<E>> implements AsyncIterable<E> {
  readonly #source: CursorSource
  readonly #target: string | 1
  readonly #pipeline: readonly Document[]
  readonly #options: ChangeStreamOptions
  #batches: Batches | undefined
  #events: readonly Document[] = []
  #at = 0
  #batchToken: Document | undefined
  #resumeToken: Document | undefined
  #isClosed = false
  #isTelling = false

  /** `target`: a collection, or 1 for the database; on `admin`, for everything. */
  constructor(source: CursorSource, target: string | 1, pipeline: readonly Document[], options: ChangeStreamOptions) {
    super()
    this.#source = source
    this.#target = target
    this.#pipeline = pipeline
    this.#options = options
    this.on('newListener', (name) => {
      if (name === 'change') this.#tell()
    })
  }

  /** Where to resume after what was read so far. */
  get resumeToken(): Document | undefined {
    return this.#resumeToken
  }

  get closed(): boolean {
    return this.#isClosed
  }

  /** The next event. Errors: LauraUsageError, when the stream was closed; those of the server. */
  async next(): Promise<E> {
    while (this.#at >= this.#events.length) await this.#fill()
    return this.#take()
  }

  /** The next event if there is one by now, else null; waits for one answer of the server. */
  async tryNext(): Promise<E | null> {
    if (this.#at >= this.#events.length) await this.#fill()
    return this.#at < this.#events.length ? this.#take() : null
  }

  async hasNext(): Promise<boolean> {
    while (this.#at >= this.#events.length && !this.#isClosed) await this.#fill()
    return this.#at < this.#events.length
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<E, void, void> {
    try {
      while (!this.#isClosed) yield await this.next()
    } catch (error) {
      if (!this.#isClosed) throw error
    } finally {
      await this.close()
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#batches?.close()
    this.emit('close')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #take(): E {
    const event = this.#events[this.#at++]!
    const isLast = this.#at === this.#events.length
    this.#resumeToken = (isLast ? this.#batchToken : undefined) ?? (event['_id'] as Document)
    this.emit('resumeTokenChanged', this.#resumeToken)
    return event as E
  }

  /** Gets the next batch, which may be empty, opening the stream again when the connection broke. */
  async #fill(): Promise<void> {
    for (;;) {
      if (this.#isClosed) throw new LauraUsageError('the change stream is closed')
      this.#batches ??= this.#opened()
      let batch: Batch | undefined
      try {
        batch = await this.#batches.next()
      } catch (error) {
        if (this.#isClosed || !mayResume(error)) {
          await this.close()
          throw error
        }
        this.#batches = undefined
        continue
      }
      if (batch === undefined) {
        // The server ends a stream after an invalidate event.
        await this.close()
        return
      }
      this.#events = batch.documents
      this.#at = 0
      this.#batchToken = batch.resumeToken
      if (batch.documents.length === 0 && batch.resumeToken !== undefined) this.#resumeToken = batch.resumeToken
      return
    }
  }

  #opened(): Batches {
    const { session, batchSize, collation, comment, resumeAfter, startAfter, startAtOperationTime, ...rest } =
      this.#options
    const begin =
      this.#resumeToken !== undefined
        ? { resumeAfter: this.#resumeToken }
        : { resumeAfter, startAfter, startAtOperationTime }
    const { executor, databaseName } = this.#source
    const cluster = databaseName === 'admin' && this.#target === 1 ? { allChangesForCluster: true } : {}
    const stage = Object.fromEntries(
      Object.entries({ ...rest, ...begin, ...cluster }).filter(([, value]) => value !== undefined),
    )
    const command: Document = {
      aggregate: this.#target,
      pipeline: [{ $changeStream: stage }, ...this.#pipeline],
      cursor: batchSize === undefined ? {} : { batchSize },
      ...(collation === undefined ? {} : { collation }),
      ...(comment === undefined ? {} : { comment }),
    }
    return new Batches(executor, databaseName, command, { session, again: true })
  }

  /** Tells listeners, one event after another. */
  #tell(): void {
    if (this.#isTelling) return
    this.#isTelling = true
    const tell = async () => {
      for await (const event of this) this.emit('change', event)
    }
    setImmediate(() => tell().catch((error: unknown) => this.emit('error', error)))
  }
}

function mayResume(error: unknown): boolean {
  if (error instanceof LauraNetworkError) return true
  if (!(error instanceof LauraServerError)) return false
  // CursorNotFound: the server was started again, or the cursor timed out.
  return error.code === 43 || mayReadAgain(error) || (error as LauraError).hasErrorLabel('ResumableChangeStreamError')
}
