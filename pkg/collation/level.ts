/** One level of a sort key after the first: weights around a common one, whose runs take a byte (see sort-key.ts). */
import type { KeyWriter } from '../bson/key-writer.ts'

const runMax = 64

/** Weights below the common one are above this. */
export const leastWeight = -14_000

export class Level {
  #weights = new Int32Array(64)
  #count = 0

  reset(): void {
    this.#count = 0
  }

  /** 0: the common weight; below: smaller ones, from `leastWeight`; above: greater ones, to 2,900. */
  add(weight: number): void {
    if (this.#count === this.#weights.length) {
      const grown = new Int32Array(this.#count * 2)
      grown.set(this.#weights)
      this.#weights = grown
    }
    this.#weights[this.#count++] = weight
  }

  write(into: KeyWriter, backwards = false): void {
    const count = this.#count
    const weights = backwards ? this.#weights.subarray(0, count).reverse() : this.#weights
    let run = 0
    for (let i = 0; i < count; i++) {
      const weight = weights[i]!
      if (weight === 0) run++
      else {
        writeRun(into, run, weight > 0)
        run = 0
        writeWeight(into, weight)
      }
    }
    writeRun(into, run, false)
  }
}

function writeRun(into: KeyWriter, count: number, greaterFollows: boolean): void {
  if (count === 0) return
  for (; count > runMax; count -= runMax) into.byte(0x80)
  into.byte(greaterFollows ? 0xc1 - count : 0x3f + count)
}

function writeWeight(into: KeyWriter, weight: number): void {
  if (weight > 0 && weight <= 50) {
    into.byte(0xc0 + weight)
    return
  }
  const [base, n] = weight > 0 ? [0xf3, weight - 51] : [0x04, weight - leastWeight]
  into.byte(base + Math.floor(n / 240))
  into.byte(3 + (n % 240))
}
