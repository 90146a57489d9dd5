/**
 * Finds bytes within bytes in linear time, whatever they are (Knuth, Morris, Pratt: Fast Pattern Matching in Strings, 1977).
 * UTF-8 within UTF-8 is found exactly at characters.
 */
export class ByteSearch {
  #bytes: Uint8Array = new Uint8Array(0)
  #start = 0
  #length = 0
  /** By matched length, how much of it is still matched when the next byte differs. */
  #borders = new Int32Array(16)

  /** What is looked for from now on. */
  lookFor(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes
    this.#start = start
    this.#length = end - start
    if (this.#borders.length <= this.#length) this.#borders = new Int32Array(this.#length * 2)
    const borders = this.#borders
    let matched = 0
    borders[0] = 0
    borders[1] = 0
    for (let i = 1; i < this.#length; i++) {
      while (matched > 0 && bytes[start + i] !== bytes[start + matched]) matched = borders[matched]!
      if (bytes[start + i] === bytes[start + matched]) matched++
      borders[i + 1] = matched
    }
  }

  /** Where it comes first within `start` and `end`, or -1. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const length = this.#length
    if (length === 0) return start <= end ? start : -1
    const sought = this.#bytes
    const from = this.#start
    const borders = this.#borders
    let matched = 0
    for (let at = start; at < end; at++) {
      while (matched > 0 && bytes[at] !== sought[from + matched]) matched = borders[matched]!
      if (bytes[at] === sought[from + matched] && ++matched === length) return at + 1 - length
    }
    return -1
  }
}
