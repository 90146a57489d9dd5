import type { Random } from '../io/random.ts'

/**
 * A small seeded generator: sfc32 (Chris Doty-Humphrey, PractRand), 128 bits of state, passes BigCrush.
 * The same seed gives the same sequence on every machine.
 */
export class SeededRandom implements Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number) {
    this.#a = seed | 0
    this.#b = Math.floor(seed / 2 ** 32) | 0
    this.#c = 0x9e3779b9 | 0
    // The first outputs still resemble the seed.
    for (let round = 0; round < 12; round++) this.uint32()
  }

  /** Uniform in [0, 2^32). */
  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  next(): number {
    return ((this.uint32() >>> 5) * 2 ** 26 + (this.uint32() >>> 6)) / 2 ** 53
  }

  /** Uniform in [0, limit), `limit` at most 2^32. */
  integer(limit: number): number {
    return Math.floor((this.uint32() * limit) / 2 ** 32)
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.uint32() < probability * 2 ** 32
  }

  bytes(length: number): Uint8Array {
    const result = new Uint8Array(length)
    for (let at = 0; at < length; at++) result[at] = this.uint32() & 0xff
    return result
  }
}
