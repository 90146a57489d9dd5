/**
 * The batches of a cursor. The server sends them by itself, two ahead, and one more for each that was taken.
 */
import type { Document } from 'bson'
import type { Connection } from './connection.ts'
import { LauraUsageError, mayReadAgain } from './errors.ts'
import { type Executor, throwIfFailed } from './executor.ts'
import type { ClientSession } from './session.ts'

const ahead = 2

export interface Batch {
  readonly documents: readonly Document[]
  readonly resumeToken: Document | undefined
}

export interface BatchesOptions {
  readonly session?: ClientSession | undefined
  /** Opening it may be tried again. */
  readonly again?: boolean
}

export class Batches {
  readonly #executor: Executor
  readonly #databaseName: string
  readonly #command: Document
  readonly #options: BatchesOptions
  readonly #arrived: Buffer[] = []
  #connection: Connection | undefined
  #commandId = 0
  #isOpened = false
  /** No reply will follow those that have arrived. */
  #isComplete = false
  #isClosed = false
  #failure: unknown
  /** Who waits for a reply: one, unless several read at once. */
  #waiting: (() => void)[] = []

  constructor(executor: Executor, databaseName: string, command: Document, options: BatchesOptions) {
    this.#executor = executor
    this.#databaseName = databaseName
    this.#command = command
    this.#options = options
  }

  /** The next batch, which may be empty; undefined at the end. Errors: those of the command. */
  async next(): Promise<Batch | undefined> {
    if (this.#isClosed) return undefined
    if (this.#isOpened) return this.#read()
    this.#isOpened = true
    try {
      await this.#open()
      return await this.#read()
    } catch (error) {
      const { session, again } = this.#options
      const { retryReads } = this.#executor.settings
      if (again !== true || !retryReads || session?.inTransaction() || !mayReadAgain(error)) throw error
      this.#failure = undefined
      this.#isComplete = false
      await this.#open()
      return this.#read()
    }
  }

  async #open(): Promise<void> {
    const connection = await this.#executor.acquire()
    const { session } = this.#options
    const body = this.#executor.body(this.#databaseName, this.#command, session)
    this.#connection = connection
    this.#commandId = connection.send(
      { body, batches: ahead, lane: 0 },
      {
        reply: (bytes, more) => {
          this.#arrived.push(bytes)
          this.#isComplete = !more
          this.#wake()
        },
        failed: (error) => {
          this.#failure = error
          this.#isComplete = true
          this.#wake()
        },
      },
    )
  }

  async #read(): Promise<Batch | undefined> {
    while (this.#arrived.length === 0 && !this.#isComplete) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    if (this.#isClosed) return undefined
    const bytes = this.#arrived.shift()
    if (bytes === undefined) {
      if (this.#failure !== undefined) throw this.#failure
      return undefined
    }
    this.#connection!.credit(this.#commandId, 1)
    const reply = this.#executor.decode(bytes)
    throwIfFailed(reply)
    const cursor = reply['cursor'] as Document | undefined
    if (cursor === undefined) throw new LauraUsageError('the command opens no cursor')
    return {
      documents: (cursor['firstBatch'] ?? cursor['nextBatch']) as Document[],
      resumeToken: cursor['postBatchResumeToken'] as Document | undefined,
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** Closes the cursor on the server, if it is open still. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    if (!this.#isComplete && this.#connection !== undefined) this.#connection.cancel(this.#commandId)
    this.#arrived.length = 0
    this.#isComplete = true
    this.#wake()
  }
}
