/** What the cursors of find and aggregate share: batches fetched as they are needed, read one document at a time. */
import { decodeDocument } from '../bson/convert.ts'
import type { Batch } from '../command/batch.ts'
import { getMore } from '../command/commands/get-more.ts'
import { killCursors } from '../command/commands/kill-cursors.ts'
import type { Operation } from '../command/operation.ts'
import type { Port } from './port.ts'
import type { Document } from './types.ts'

const wantObjects = (operation: Operation): void => {
  operation.wantsObjects = true
}

export abstract class Cursor<Item> implements AsyncIterable<Item> {
  readonly #port: Port
  readonly #databaseName: string
  #batch: Batch | undefined
  #next = 0
  #namespace = ''
  #cursorId = 0n
  #opened = false
  #closed = false
  /** All that is left is being read: documents are best decoded as they are found. */
  #readsAll = false
  #map: ((document: Document) => Item) | undefined

  constructor(port: Port, databaseName: string, map?: (document: Document) => Item) {
    this.#port = port
    this.#databaseName = databaseName
    this.#map = map
  }

  /** Runs the command that opens the cursor. `setUp` says how its documents are wanted. */
  protected abstract open(setUp: ((operation: Operation) => void) | undefined): Batch | Promise<Batch>
  protected abstract readonly batchSize: number | undefined

  /** No more documents will come and the server holds nothing for it. */
  get closed(): boolean {
    return this.#closed
  }

  /** The next document, or null at the end. */
  async next(): Promise<Item | null> {
    return (await this.#fill()) ? this.#take() : null
  }

  async hasNext(): Promise<boolean> {
    return this.#fill()
  }

  async toArray(): Promise<Item[]> {
    this.#readsAll = true
    let items: Item[] = []
    while (await this.#fill()) {
      const objects = this.#batch!.objects
      if (items.length === 0 && this.#next === 0 && objects !== undefined && this.#map === undefined) {
        // They are the caller's, and the batch does without them from its release on.
        items = objects as Item[]
        this.#next = objects.length
      } else {
        do items.push(this.#take())
        while (this.#batch !== undefined && this.#next < this.#batch.count)
      }
      if (this.#cursorId !== 0n) continue
      this.#letGo()
      break
    }
    return items
  }

  /** Stops early when `action` returns false. */
  async forEach(action: (item: Item) => unknown): Promise<void> {
    for await (const item of this) if (action(item) === false) break
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, void> {
    try {
      while (await this.#fill()) yield this.#take()
    } finally {
      await this.close()
    }
  }

  /** Lets go of what the cursor holds. Safe to call twice. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#letGo()
    if (this.#cursorId === 0n) return
    const collection = this.#namespace.slice(this.#databaseName.length + 1)
    await this.#port.run(killCursors, this.#databaseName, { collection, ids: [this.#cursorId] })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  protected get isOpen(): boolean {
    return this.#opened
  }

  protected setMap(map: (document: Document) => Item): void {
    this.#map = map
  }

  /** Has a document at hand; false at the end. */
  async #fill(): Promise<boolean> {
    for (;;) {
      if (this.#batch !== undefined && this.#next < this.#batch.count) return true
      if (this.#closed) return false
      if (this.#opened && this.#cursorId === 0n) {
        await this.close()
        return false
      }
      this.#batch?.release()
      this.#batch = undefined
      const setUp = this.#readsAll ? wantObjects : undefined
      const opened = this.#opened ? this.#more(setUp) : this.open(setUp)
      const batch = opened instanceof Promise ? await opened : opened
      const rest = this.#port.rest()
      if (rest !== undefined) await rest
      this.#opened = true
      this.#batch = batch
      this.#next = 0
      this.#cursorId = batch.cursorId
      this.#namespace = batch.namespace
    }
  }

  /** Closed, as far as this process goes. */
  #letGo(): void {
    this.#closed = true
    this.#batch?.release()
    this.#batch = undefined
  }

  #more(setUp: ((operation: Operation) => void) | undefined): Batch | Promise<Batch> {
    const collection = this.#namespace.slice(this.#databaseName.length + 1)
    const request = { cursorId: this.#cursorId, collection, batchSize: this.batchSize ?? 0, awaitMs: undefined }
    return this.#port.run(getMore, this.#databaseName, request, setUp)
  }

  #take(): Item {
    const batch = this.#batch!
    const at = this.#next++
    const document = batch.objects?.[at] ?? decodeDocument(batch.bytes, batch.start(at))
    return this.#map === undefined ? (document as Item) : this.#map(document)
  }
}
