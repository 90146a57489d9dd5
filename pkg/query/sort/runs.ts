/** Sorted runs of rows, and how they are made. */
import { compareBytes } from '../../bson/key.ts'

export const runRowsMax = 4096

/** Rows in order, as columns: entry i's key and document lie in `bytes`. */
export interface Run {
  readonly count: number
  readonly bytes: Uint8Array
  /** The first six bytes of each key as a number, so that most comparisons are of two numbers. */
  readonly heads: Float64Array
  readonly keyStarts: Uint32Array
  readonly keyEnds: Uint32Array
  readonly documentStarts: Uint32Array
  readonly documentEnds: Uint32Array
  readonly tags: Float64Array
  readonly usedBytes: number
}

/** The columns: eight bytes for head and tag, four for each offset. */
const entryBytes = 32
const headLength = 6
/** A run is closed early when its rows are large, so that a run's bytes stay addressable and its sort short. */
const runBytesMax = 16 * 1024 * 1024

export class RunBuilder {
  #bytes = new Uint8Array(64 * 1024)
  #length = 0
  #count = 0
  readonly #heads = new Float64Array(runRowsMax)
  readonly #keyStarts = new Uint32Array(runRowsMax)
  readonly #keyEnds = new Uint32Array(runRowsMax)
  readonly #documentEnds = new Uint32Array(runRowsMax)
  readonly #tags = new Float64Array(runRowsMax)

  get full(): boolean {
    return this.#count === runRowsMax || this.#length >= runBytesMax
  }

  get usedBytes(): number {
    return this.#length + this.#count * entryBytes
  }

  add(key: Uint8Array, keyLength: number, tag: number, document: Uint8Array, start: number, end: number): void {
    const entry = this.#count++
    this.#ensure(keyLength + end - start)
    const bytes = this.#bytes
    const keyStart = this.#length
    const keyEnd = keyStart + keyLength
    for (let i = 0; i < keyLength; i++) bytes[keyStart + i] = key[i]!
    if (end > start) bytes.set(document.subarray(start, end), keyEnd)
    this.#length = keyEnd + end - start
    this.#heads[entry] = headOf(bytes, keyStart, keyEnd)
    this.#keyStarts[entry] = keyStart
    this.#keyEnds[entry] = keyEnd
    this.#documentEnds[entry] = this.#length
    this.#tags[entry] = tag
  }

  /** The rows in order; the builder must not be used again. */
  sort(): Run {
    const { heads, keyStarts, keyEnds } = { heads: this.#heads, keyStarts: this.#keyStarts, keyEnds: this.#keyEnds }
    const bytes = this.#bytes.slice(0, this.#length)
    const order = new Uint16Array(this.#count)
    for (let i = 0; i < order.length; i++) order[i] = i
    order.sort(
      (a, b) =>
        heads[a]! - heads[b]! ||
        compareBytes(bytes, keyStarts[a]!, keyEnds[a]!, bytes, keyStarts[b]!, keyEnds[b]!) ||
        a - b,
    )
    return {
      count: order.length,
      bytes,
      heads: Float64Array.from(order, (entry) => heads[entry]!),
      keyStarts: Uint32Array.from(order, (entry) => keyStarts[entry]!),
      keyEnds: Uint32Array.from(order, (entry) => keyEnds[entry]!),
      documentStarts: Uint32Array.from(order, (entry) => keyEnds[entry]!),
      documentEnds: Uint32Array.from(order, (entry) => this.#documentEnds[entry]!),
      tags: Float64Array.from(order, (entry) => this.#tags[entry]!),
      usedBytes: bytes.length + order.length * entryBytes,
    }
  }

  #ensure(count: number): void {
    const needed = this.#length + count
    if (needed <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
  }
}

/** The first six bytes of a key as a number. */
export function headOf(bytes: Uint8Array, start: number, end: number): number {
  let head = 0
  for (let i = 0; i < headLength; i++) head = head * 256 + (start + i < end ? bytes[start + i]! : 0)
  return head
}
