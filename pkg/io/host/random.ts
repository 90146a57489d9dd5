import { randomBytes, randomFillSync } from 'node:crypto'
import type { Random } from '../random.ts'

/** The operating system's generator, drawn in batches because each call to it costs about a microsecond. */
export class HostRandom implements Random {
  readonly #words = new Uint32Array(512)
  #used = 512

  next(): number {
    if (this.#used === this.#words.length) {
      randomFillSync(this.#words)
      this.#used = 0
    }
    const high = this.#words[this.#used++]! >>> 5
    const low = this.#words[this.#used++]! >>> 6
    return (high * 2 ** 26 + low) / 2 ** 53
  }

  bytes(length: number): Uint8Array {
    return new Uint8Array(randomBytes(length))
  }
}
