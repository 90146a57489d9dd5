import { DatabaseError } from '../base/errors.ts'
import { decodeDocument } from '../bson/convert.ts'
import type { Batch } from '../command/batch.ts'
import { aggregate } from '../command/commands/aggregate.ts'
import { getMore } from '../command/commands/get-more.ts'
import { killCursors } from '../command/commands/kill-cursors.ts'
import { arrayBytes } from './encode.ts'
import type { Port } from './port.ts'
import type { Document } from './types.ts'

export interface ChangeStreamOptions {
  readonly resumeAfter?: Document
  readonly startAfter?: Document
  /** A BSON Timestamp. */
  readonly startAtOperationTime?: unknown
  readonly fullDocument?: 'default' | 'updateLookup' | 'whenAvailable' | 'required'
  readonly fullDocumentBeforeChange?: 'off' | 'whenAvailable' | 'required'
  readonly showExpandedEvents?: boolean
  readonly batchSize?: number
  /** How long `tryNext` waits for an event, in milliseconds; 1000 when it is not said. */
  readonly maxAwaitTimeMS?: number
}

/** What a stream watches: a collection, a database, or with neither everything. */
export interface Watched {
  readonly database: string | undefined
  readonly collection: string | undefined
}

type Listeners = {
  readonly change: Set<(event: Document) => void>
  readonly error: Set<(error: unknown) => void>
  readonly close: Set<() => void>
  readonly end: Set<() => void>
  readonly resumeTokenChanged: Set<(token: Document) => void>
}

/**
 * The changes of a collection, a database or everything: from the call of `watch` on, or from where the options say. Methods are the
 * official Node driver's. Every event is on disk when it is given, and none is left out: what is not asked for stays in the log.
 */
export class ChangeStream<Event extends object = Document> implements AsyncIterable<Event> {
  readonly #port: Port
  readonly #databaseName: string
  readonly #collection: string
  readonly #options: ChangeStreamOptions
  readonly #listeners: Listeners = {
    change: new Set(),
    error: new Set(),
    close: new Set(),
    end: new Set(),
    resumeTokenChanged: new Set(),
  }
  /** Opens the stream at once: what happens after `watch` was called is seen. Its failure is for whoever asks first. */
  readonly #opening: Promise<void>
  #batch: Batch | undefined
  #next = 0
  #cursorId = 0n
  #resumeToken: Document | undefined
  #closed = false
  #listening = false

  constructor(port: Port, watched: Watched, pipeline: readonly Document[], options: ChangeStreamOptions) {
    this.#port = port
    this.#databaseName = watched.database ?? 'admin'
    this.#collection = watched.collection ?? '$cmd.aggregate'
    this.#options = options
    const { batchSize: _size, maxAwaitTimeMS: _wait, ...spec } = options
    const allChangesForCluster = watched.database === undefined ? { allChangesForCluster: true } : {}
    const stages = [{ $changeStream: { ...spec, ...allChangesForCluster } }, ...pipeline]
    this.#opening = this.#open(watched.collection, stages)
    this.#opening.catch(noUse)
  }

  /** Goes on after the last event that was given, or that was passed over: for `resumeAfter`. */
  get resumeToken(): Document | undefined {
    return this.#resumeToken
  }

  get closed(): boolean {
    return this.#closed
  }

  /** The next event; waits for it. Rejects when the stream is closed, or closes meanwhile. */
  async next(): Promise<Event> {
    this.#refuseMixing()
    const event = await this.#take(true)
    if (event === undefined) throw closedError()
    return event
  }

  /** Waits for an event; false when the stream has ended. */
  async hasNext(): Promise<boolean> {
    this.#refuseMixing()
    return this.#fill(true)
  }

  /** The next event, or null when there is none within `maxAwaitTimeMS`. */
  async tryNext(): Promise<Event | null> {
    this.#refuseMixing()
    return (await this.#take(false)) ?? null
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Event, void, void> {
    this.#refuseMixing()
    try {
      for (let event = await this.#take(true); event !== undefined; event = await this.#take(true)) yield event
    } finally {
      await this.close()
    }
  }

  /** `change` gets every event; with the first listener to it events begin to flow, and can no longer be asked for. */
  on(event: 'change', listener: (event: Event) => void): this
  on(event: 'error', listener: (error: unknown) => void): this
  on(event: 'close' | 'end', listener: () => void): this
  on(event: 'resumeTokenChanged', listener: (token: Document) => void): this
  on(event: keyof Listeners, listener: (argument: never) => void): this {
    ;(this.#listeners[event] as Set<(argument: never) => void>).add(listener)
    if (event === 'change' && !this.#listening) {
      this.#listening = true
      void this.#flow()
    }
    return this
  }

  off(event: keyof Listeners, listener: (argument: never) => void): this {
    ;(this.#listeners[event] as Set<(argument: never) => void>).delete(listener)
    return this
  }

  /** Ends the stream; whoever waits for an event is told. Safe to call twice. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#opening.catch(noUse)
    this.#batch?.release()
    this.#batch = undefined
    const id = this.#cursorId
    this.#cursorId = 0n
    if (id !== 0n) await this.#port.run(killCursors, this.#databaseName, { collection: this.#collection, ids: [id] })
    for (const listener of this.#listeners.close) listener()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #open(collection: string | undefined, stages: readonly Document[]): Promise<void> {
    const result = await this.#port.run(aggregate, this.#databaseName, {
      collection,
      pipeline: arrayBytes(stages),
      batchSize: this.#options.batchSize,
      hint: undefined,
      explained: false,
      hasCursor: true,
    })
    this.#receive(result as Batch)
  }

  #receive(batch: Batch): void {
    this.#batch = batch
    this.#next = 0
    this.#cursorId = batch.cursorId
    if (batch.count === 0) this.#passed(batch)
  }

  /** Everything in the batch was given. */
  #passed(batch: Batch): void {
    if (batch.resumeToken !== undefined) this.#setToken(decodeDocument(batch.resumeToken))
  }

  #setToken(token: Document): void {
    this.#resumeToken = token
    for (const listener of this.#listeners.resumeTokenChanged) listener(token)
  }

  /** Has an event at hand; false when the stream has ended or, without `waits`, none came in time. */
  async #fill(waits: boolean): Promise<boolean> {
    await this.#opening
    let asked = false
    for (;;) {
      if (this.#closed) return false
      if (this.#batch !== undefined && this.#next < this.#batch.count) return true
      this.#batch?.release()
      this.#batch = undefined
      if (this.#cursorId === 0n) {
        await this.close()
        return false
      }
      if (asked && !waits) return false
      asked = true
      await this.#more()
    }
  }

  async #more(): Promise<void> {
    try {
      this.#receive(
        await this.#port.run(getMore, this.#databaseName, {
          cursorId: this.#cursorId,
          collection: this.#collection,
          batchSize: this.#options.batchSize ?? 0,
          awaitMs: this.#options.maxAwaitTimeMS,
        }),
      )
    } catch (error) {
      // Closing it ends the wait, which is no failure.
      if (this.#closed) return
      this.#cursorId = 0n
      throw error
    }
  }

  async #take(waits: boolean): Promise<Event | undefined> {
    if (!(await this.#fill(waits))) return undefined
    const batch = this.#batch!
    const event = decodeDocument(batch.bytes, batch.start(this.#next++))
    if (this.#next === batch.count) this.#passed(batch)
    else this.#setToken(event['_id'] as Document)
    return event as Event
  }

  async #flow(): Promise<void> {
    try {
      for (let event = await this.#take(true); event !== undefined; event = await this.#take(true))
        for (const listener of this.#listeners.change) (listener as (event: Event) => void)(event)
      for (const listener of this.#listeners.end) listener()
    } catch (error) {
      for (const listener of this.#listeners.error) listener(error)
      await this.close()
    }
  }

  #refuseMixing(): void {
    if (this.#listening)
      throw new DatabaseError('IllegalOperation', 'a change stream with listeners cannot be asked for events, too')
    if (this.#closed) throw closedError()
  }
}

function closedError(): DatabaseError {
  return new DatabaseError('CursorNotFound', 'the change stream is closed')
}

function noUse(): void {
  // Whoever asks for the first event is told.
}
