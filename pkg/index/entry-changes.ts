/**
 * Changes of one index's entries that wait to be made together, in the order of their keys: those that fall into one leaf then find it once,
 * wherever the documents lie that they come from.
 *
 *   change i   entry's key in [starts[i], middles[i])   value in [middles[i], starts[i + 1]), empty: the entry goes
 */
import { orderOfKeys } from '../bson/key-sort.ts'

/** What waits at most: making so many changes takes less than a millisecond. */
const changesMax = 2048
const bytesMax = 256 * 1024
const bytesMin = 4096

export class EntryChanges {
  #bytes = new Uint8Array(bytesMin)
  readonly #starts = new Uint32Array(changesMax + 1)
  readonly #middles = new Uint32Array(changesMax)
  #count = 0

  get isFull(): boolean {
    return this.#count === changesMax || this.#starts[this.#count]! >= bytesMax
  }

  /** Makes room for a change of so many bytes; its key and value are to be written to the memory that it returns, from `position` on. */
  room(length: number): Uint8Array {
    const used = this.position
    if (used + length > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(this.#bytes.length * 2, used + length))
      bytes.set(this.#bytes.subarray(0, used))
      this.#bytes = bytes
    }
    return this.#bytes
  }

  get position(): number {
    return this.#starts[this.#count]!
  }

  /** The change that was written: where its key ends, and its value. */
  push(middle: number, end: number): void {
    this.#middles[this.#count++] = middle
    this.#starts[this.#count] = end
  }

  /** Gives the changes out, by key, those of one key as they came, and forgets them. */
  take(act: (bytes: Uint8Array, start: number, middle: number, end: number) => void): void {
    const count = this.#count
    const starts = this.#starts
    const middles = this.#middles
    const bytes = this.#bytes
    this.#count = 0
    const order = orderOfKeys(bytes, starts, middles, count)
    for (let i = 0; i < count; i++) {
      const change = order[i]!
      act(bytes, starts[change]!, middles[change]!, starts[change + 1]!)
    }
    if (bytes.length > bytesMax) this.#bytes = new Uint8Array(bytesMin)
  }
}
