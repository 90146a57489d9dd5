/**
 * Where the documents of one insert are encoded: a buffer that is used again when the insert is done.
 *
 * The engine copies documents into its log and pages, so that nobody looks at the buffer after the command. Encoding each batch into fresh
 * memory instead makes the garbage collector mark the whole heap every few batches, because of the memory outside it.
 */

import { ObjectEncoder } from '../bson/encode.ts'
import type { ObjectIdGenerator } from '../bson/objectid.ts'
import { BsonWriter } from '../bson/writer.ts'

/** A buffer that grew beyond this is let go. */
const keptBytes = 4 * 1024 * 1024
const keptCount = 4

export class InsertBuffer {
  readonly #writer = new BsonWriter(64 * 1024)
  readonly #encoder = new ObjectEncoder(this.#writer)
  readonly #ends: number[] = []

  /** Appends a document; returns its `_id`. */
  add(document: object, generator: ObjectIdGenerator): unknown {
    const id = this.#encoder.appendWithId(document, generator)
    this.#ends.push(this.#writer.length)
    return id
  }

  /** What was added, as views into the buffer. */
  documents(): Uint8Array[] {
    const { buffer } = this.#writer.bytes
    const ends = this.#ends
    const documents: Uint8Array[] = new Array(ends.length)
    let start = 0
    for (let i = 0; i < ends.length; i++) {
      const end = ends[i]!
      documents[i] = new Uint8Array(buffer, start, end - start)
      start = end
    }
    return documents
  }

  reset(): void {
    this.#writer.length = 0
    this.#ends.length = 0
  }

  get isWorthKeeping(): boolean {
    return this.#writer.bytes.length <= keptBytes
  }
}

const free: InsertBuffer[] = []

/** Runs `action` with a buffer, which is used again after its promise has settled. */
export async function withInsertBuffer<Result>(action: (buffer: InsertBuffer) => Promise<Result>): Promise<Result> {
  const buffer = free.pop() ?? new InsertBuffer()
  try {
    return await action(buffer)
  } finally {
    buffer.reset()
    if (buffer.isWorthKeeping && free.length < keptCount) free.push(buffer)
  }
}
