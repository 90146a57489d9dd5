/**
 * Where replies are built. A reply is handed out as a part of the buffer it was built in, and the next one is built behind
 * it: nothing is copied, and small replies share one allocation. A buffer lives as long as the replies in it.
 */
import { BsonWriter } from '../bson/writer.ts'

const bufferBytes = 64 * 1024
/** With less room than this left, the next reply begins a new buffer. */
const roomBytes = 1024

export class ReplyBuffer {
  readonly #writer = new BsonWriter(bufferBytes)

  /** Empty: to be filled in this turn, then taken. */
  begin(): BsonWriter {
    return this.#writer.reset()
  }

  /** What was written since `begin`. */
  take(): Uint8Array {
    const writer = this.#writer
    const { bytes, length } = writer
    writer.bytes = bytes.length - length >= roomBytes ? bytes.subarray(length) : new Uint8Array(bufferBytes)
    writer.reset()
    return bytes.subarray(0, length)
  }
}
