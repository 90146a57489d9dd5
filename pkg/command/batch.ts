/**
 * The documents of one reply: in the form they have in the reply's array, so that writing it is one copy; or, for a caller in this
 * process who will look at all of them, as objects, made where the documents lie.
 */
import { documentSizeMax } from '../base/limits.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { decodeDocument } from '../bson/convert.ts'
import { bsonType } from '../bson/type.ts'
import { documentOf, getField } from '../bson/value.ts'
import { BsonWriter, indexName } from '../bson/writer.ts'

/** A buffer that grew beyond this is let go rather than kept for the next batch. */
const keptBytes = 256 * 1024

export class Batch {
  readonly #pool: BatchPool
  readonly #writer = new BsonWriter(4096)
  /** Where each document begins in the buffer. */
  readonly #starts: number[] = []
  /** The documents, in a batch of objects; and how long they were. */
  #objects: Record<string, unknown>[] | undefined
  #objectBytes = 0
  /** Where the only document lies when it was lent: somebody else's memory. */
  #lent: Uint8Array | undefined
  /** 0 when there is nothing more to get. */
  cursorId = 0n
  namespace = ''
  /** Of a change stream: where it goes on, `{_data}`. */
  resumeToken: Uint8Array | undefined
  /** The moment at which it was read, when the client is to know. */
  atClusterTime: Timestamp | undefined

  constructor(pool: BatchPool) {
    this.#pool = pool
  }

  /** Nobody looks at the batch after this. */
  release(): void {
    this.#objects = undefined
    this.#pool.give(this)
  }

  get count(): number {
    return this.#objects === undefined ? this.#starts.length : this.#objects.length
  }

  get sizeBytes(): number {
    return this.#objects === undefined ? this.#writer.length : this.#objectBytes
  }

  /** The documents, in a batch of objects: they are the caller's. undefined: they lie in `bytes`. */
  get objects(): Record<string, unknown>[] | undefined {
    return this.#objects
  }

  /** `asObjects`: it is to be a batch of objects, which has no bytes and cannot be written. */
  reset(namespace: string, asObjects: boolean): this {
    this.#writer.reset()
    this.#objects = asObjects ? [] : undefined
    this.#objectBytes = 0
    this.#starts.length = 0
    this.#lent = undefined
    this.cursorId = 0n
    this.namespace = namespace
    this.resumeToken = undefined
    this.atClusterTime = undefined
    return this
  }

  /** Adds the document `bytes[start, end)`; false when it would make the reply too large. The first one always fits. */
  add(bytes: Uint8Array, start: number, end: number): boolean {
    const objects = this.#objects
    if (objects !== undefined) {
      if (objects.length > 0 && this.#objectBytes + end - start > documentSizeMax) return false
      objects.push(decodeDocument(bytes, start))
      this.#objectBytes += end - start
      return true
    }
    const writer = this.#writer
    const count = this.#starts.length
    if (count > 0 && writer.length + end - start > documentSizeMax) return false
    writer.document(indexName(count), bytes, start, end)
    this.#starts.push(writer.length - (end - start))
    return true
  }

  /**
   * As `add` of the only document, without copying it: the batch must be written, read or made its own (`own`) in the
   * caller's turn, before anything else touches the engine.
   */
  lend(bytes: Uint8Array, start: number): void {
    if (this.#objects !== undefined) {
      this.add(bytes, start, start + lengthAt(bytes, start))
      return
    }
    this.#lent = bytes
    this.#starts.push(start)
  }

  /** Copies a lent document, so that the batch may be kept. */
  own(): this {
    const lent = this.#lent
    if (lent === undefined) return this
    const start = this.#starts.pop()!
    this.#lent = undefined
    this.add(lent, start, start + lengthAt(lent, start))
    return this
  }

  /** The document at `index`, copied out of the buffer. */
  document(index: number): Uint8Array {
    const start = this.#starts[index]!
    const { bytes } = this
    return bytes.slice(start, start + lengthAt(bytes, start))
  }
  /** The buffer the documents lie in: for reading them in place before `release`. */
  get bytes(): Uint8Array {
    return this.#lent ?? this.#writer.bytes
  }

  /** Where the document at `index` begins in `bytes`. */
  start(index: number): number {
    return this.#starts[index]!
  }

  /** The `_id` of the last document, where that is a resume token. */
  lastToken(): Uint8Array | undefined {
    const id = getField(this.bytes, '_id', this.start(this.count - 1))
    return id?.type === bsonType.document ? documentOf(id).slice() : undefined
  }

  documents(): Uint8Array[] {
    return this.#starts.map((_, index) => this.document(index))
  }

  /** Writes `cursor: {<name>: [...], id, ns}`, and releases the batch. */
  writeCursor(writer: BsonWriter, name: 'firstBatch' | 'nextBatch'): void {
    writer.beginDocument('cursor')
    writer.beginArray(name)
    const lent = this.#lent
    if (lent === undefined) writer.raw(this.#writer.bytes, 0, this.#writer.length)
    else {
      const start = this.#starts[0]!
      writer.document('0', lent, start, start + lengthAt(lent, start))
    }
    writer.end()
    if (this.resumeToken !== undefined) writer.document('postBatchResumeToken', this.resumeToken)
    if (this.atClusterTime !== undefined) writer.timestamp('atClusterTime', this.atClusterTime)
    writer.int64('id', this.cursorId === 0n ? 0 : this.cursorId)
    writer.string('ns', this.namespace)
    writer.end()
    this.release()
  }

  get worthKeeping(): boolean {
    return this.#writer.bytes.length <= keptBytes
  }
}

function lengthAt(bytes: Uint8Array, start: number): number {
  return bytes[start]! | (bytes[start + 1]! << 8) | (bytes[start + 2]! << 16) | (bytes[start + 3]! << 24)
}

/** Batches between two uses. */
export class BatchPool {
  readonly #free: Batch[] = []

  take(namespace: string, asObjects = false): Batch {
    return (this.#free.pop() ?? new Batch(this)).reset(namespace, asObjects)
  }

  /** Called by `Batch.release`. */
  give(batch: Batch): void {
    if (batch.worthKeeping && this.#free.length < 64) this.#free.push(batch)
  }
}
