/**
 * How long the disk takes for a sync, of late: the median of the last few. A mean would be governed by the few that met somebody else's
 * writing, and by those that were waited for from another thread while this one was busy: both are no reason to hand the next one over.
 */
const sampleCount = 9

export class SyncPace {
  readonly #samples = new Float64Array(sampleCount)
  readonly #sorted = new Float64Array(sampleCount)
  #next = 0

  note(ms: number): void {
    this.#samples[this.#next] = ms
    this.#next = (this.#next + 1) % sampleCount
  }

  /** 0 until there are enough to tell. */
  get medianMs(): number {
    this.#sorted.set(this.#samples)
    return this.#sorted.sort()[sampleCount >>> 1]!
  }
}
