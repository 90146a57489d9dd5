/** Sorted runs of rows, and how they are made. */
import { compareBytes } from '../../bson/key.ts'
import { copyBytes } from '../../storage/copy.ts'

export const runRowsMax = 4096

/** Rows in order, as columns: entry i's key and document lie in `bytes`. */
export interface Run {
  readonly count: number
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly keyStarts: Uint32Array
  readonly keyEnds: Uint32Array
  readonly documentStarts: Uint32Array
  readonly documentEnds: Uint32Array
  readonly tags: Float64Array
  readonly usedBytes: number
}

/** The columns: eight bytes for the tag, four for each offset. */
const entryBytes = 24
/** Bytes of a key that fit into the whole numbers of a double beside an entry's number of 12 bits. */
const sortedLength = 5
/** A run is closed early when its rows are large, so that its memory is soon free again once its rows are on disk. */
const runBytesMax = 4 * 1024 * 1024

/** Gives a run's memory back at once: the garbage collector would let many runs' pile up first. Nobody reads its rows after this. */
export function releaseRun(run: Run): void {
  run.bytes.buffer.transfer(0)
}

/** Makes one run after another in the same memory. */
export class RunBuilder {
  #bytes = new Uint8Array(64 * 1024)
  #length = 0
  #count = 0
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
    if (end > start) copyBytes(document, start, end, bytes, keyEnd)
    this.#length = keyEnd + end - start
    this.#keyStarts[entry] = keyStart
    this.#keyEnds[entry] = keyEnd
    this.#documentEnds[entry] = this.#length
    this.#tags[entry] = tag
  }

  get isEmpty(): boolean {
    return this.#count === 0
  }

  /** The rows in order; the builder is empty then. */
  sort(): Run {
    const count = this.#count
    const order = this.#order()
    const bytes = this.#bytes.slice(0, this.#length)
    const run = {
      count,
      bytes,
      keyStarts: new Uint32Array(count),
      keyEnds: new Uint32Array(count),
      documentStarts: new Uint32Array(count),
      documentEnds: new Uint32Array(count),
      tags: new Float64Array(count),
      usedBytes: bytes.length + count * entryBytes,
    }
    for (let i = 0; i < count; i++) {
      const entry = order[i]!
      run.keyStarts[i] = this.#keyStarts[entry]!
      run.keyEnds[i] = this.#keyEnds[entry]!
      run.documentStarts[i] = this.#keyEnds[entry]!
      run.documentEnds[i] = this.#documentEnds[entry]!
      run.tags[i] = this.#tags[entry]!
    }
    this.#count = 0
    this.#length = 0
    return run
  }

  /**
   * The entries' numbers in the order of their keys, equal keys as they came. What all keys begin with is passed over; the
   * next bytes of each and the entry's number make one number, so that sorting numbers sorts all but those whose bytes are
   * the same there.
   */
  #order(): Uint16Array {
    const count = this.#count
    const bytes = this.#bytes
    const keyStarts = this.#keyStarts
    const keyEnds = this.#keyEnds
    const shared = this.#sharedLength()
    const numbers = new Float64Array(count)
    for (let i = 0; i < count; i++) {
      let number = 0
      const from = keyStarts[i]! + shared
      const end = keyEnds[i]!
      for (let at = from; at < from + sortedLength; at++) number = number * 256 + (at < end ? bytes[at]! : 0)
      numbers[i] = number * runRowsMax + i
    }
    numbers.sort()
    const order = new Uint16Array(count)
    for (let i = 0; i < count; i++) order[i] = numbers[i]! % runRowsMax
    const compare = (a: number, b: number): number =>
      compareBytes(bytes, keyStarts[a]! + shared, keyEnds[a]!, bytes, keyStarts[b]! + shared, keyEnds[b]!) || a - b
    for (let from = 0; from < count; ) {
      const head = Math.floor(numbers[from]! / runRowsMax)
      let to = from + 1
      while (to < count && Math.floor(numbers[to]! / runRowsMax) === head) to++
      if (to - from > 1) order.subarray(from, to).sort(compare)
      from = to
    }
    return order
  }

  /** How many bytes all keys begin with. */
  #sharedLength(): number {
    const bytes = this.#bytes
    const first = this.#keyStarts[0]!
    let shared = this.#count === 0 ? 0 : this.#keyEnds[0]! - first
    for (let i = 1; i < this.#count; i++) {
      const start = this.#keyStarts[i]!
      shared = Math.min(shared, this.#keyEnds[i]! - start)
      for (let at = 0; at < shared; at++) {
        if (bytes[start + at] === bytes[first + at]) continue
        shared = at
        break
      }
    }
    return shared
  }

  #ensure(count: number): void {
    const needed = this.#length + count
    if (needed <= this.#bytes.length) return
    const size = Math.max(needed, Math.min(this.#bytes.length * 2, runBytesMax))
    this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(size))
  }
}
