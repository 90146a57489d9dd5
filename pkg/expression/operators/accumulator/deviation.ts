/** Means of squares about the mean of doubles, one value at a time (Welford), with values taken out again. */
export class Deviation {
  count = 0
  #mean = 0
  /** Sum of the squares about the mean. */
  #squares = 0
  #unfit = 0

  add(n: number): void {
    if (!Number.isFinite(n)) {
      this.#unfit++
      this.count++
      return
    }
    this.count++
    const fit = this.count - this.#unfit
    const delta = n - this.#mean
    this.#mean += delta / fit
    this.#squares += delta * (n - this.#mean)
  }

  remove(n: number): void {
    this.count--
    if (!Number.isFinite(n)) {
      this.#unfit--
      return
    }
    const fit = this.count - this.#unfit
    if (fit === 0) {
      this.#mean = 0
      this.#squares = 0
      return
    }
    const delta = n - this.#mean
    this.#mean -= delta / fit
    this.#squares = Math.max(0, this.#squares - delta * (n - this.#mean))
  }

  /** The standard deviation; undefined of too few values, NaN when one is infinite or NaN. */
  result(sample: boolean): number | undefined {
    const degrees = sample ? this.count - 1 : this.count
    if (degrees <= 0) return undefined
    if (this.#unfit > 0) return Number.NaN
    return Math.sqrt(this.#squares / degrees)
  }
}
