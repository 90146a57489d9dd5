/**
 * How much an operation does between two looks at the clock: as many units of work (a row, a key, a document written) as take about a
 * millisecond. What a unit takes is known only when it is done, and differs a thousandfold: the stride begins with one unit,
 * grows while they are quick and shrinks when they are not.
 */

const sizeMax = 512
const quickMs = 0.5
const slowMs = 2

export class Stride {
  /** Units that may be done now without another look. */
  size = 1
  #left = 1
  /** When the last look was; undefined: others have run since. */
  #lookedMs: number | undefined

  constructor(nowMs: number) {
    this.#lookedMs = nowMs
  }

  /** Counts work that was done; true: it is time to look at the clock, and to tell `looked`. */
  passed(units: number): boolean {
    this.#left -= units
    return this.#left <= 0
  }

  /** The next look is due at once. */
  end(): void {
    this.#left = 0
  }

  /** `isOver`: others run now, so that the time until the next look says nothing. */
  looked(nowMs: number, isOver: boolean): void {
    if (this.#lookedMs !== undefined) {
      const tookMs = nowMs - this.#lookedMs
      if (tookMs > slowMs) this.size = Math.max(1, this.size >>> 2)
      else if (tookMs < quickMs) this.size = Math.min(sizeMax, this.size * 2)
    }
    this.#left = this.size
    this.#lookedMs = isOver ? undefined : nowMs
  }
}
