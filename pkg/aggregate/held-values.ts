import type { Value } from '../bson/value.ts'
import type { BsonWriter } from '../bson/writer.ts'
import { copyBytes } from '../storage/copy.ts'

/** Values are copied into chunks of this size; a longer one has a chunk of its own. */
const chunkBytes = 64 * 1024
/** What a value costs besides its bytes: its type, place and chunk. */
const valueBytes = 32

/** Very many values, by number in the order they came: an array of their own for each would cost more than most values. */
export class HeldValues {
  readonly #types: number[] = []
  readonly #chunks: Uint8Array[] = []
  readonly #starts: number[] = []
  readonly #ends: number[] = []
  #chunk = new Uint8Array(1024)
  #chunkLength = 0
  #chunkedBytes = 1024

  get count(): number {
    return this.#types.length
  }

  get usedBytes(): number {
    return this.#chunkedBytes + this.#types.length * valueBytes
  }

  /** Copies a value. */
  push({ type, bytes, start, end }: Value): void {
    const length = end - start
    if (this.#chunkLength + length > this.#chunk.length) {
      this.#chunk = new Uint8Array(Math.max(length, chunkBytes))
      this.#chunkLength = 0
      this.#chunkedBytes += this.#chunk.length
    }
    const at = this.#chunkLength
    copyBytes(bytes, start, end, this.#chunk, at)
    this.#chunkLength = at + length
    this.#types.push(type)
    this.#chunks.push(this.#chunk)
    this.#starts.push(at)
    this.#ends.push(at + length)
  }

  /** Writes value `i` as the field `name`. */
  write(i: number, name: string, writer: BsonWriter): void {
    writer.head(this.#types[i]!, name)
    writer.append(this.#chunks[i]!, this.#starts[i]!, this.#ends[i]!)
  }
}
