/**
 * Hybrid logical timestamps: seconds since the epoch and a counter within the second, in one safe integer.
 *
 *   value = seconds * 2^20 + counter          seconds: 32 bits, counter: 20 bits (1..1048575)
 *
 * Shown outside as a BSON Timestamp (t = seconds, i = counter).
 *
 * INVARIANTS
 *  (1) Two entries of one log never have the same timestamp, and a later entry has the greater one.
 *  (2) A timestamp never goes backwards, not across restarts: `HybridClock.observe` is told every timestamp
 *      that recovery or a peer brings before the next one is given out.
 */
declare const brand: unique symbol
export type Timestamp = number & { readonly [brand]: 'Timestamp' }

const counterLimit = 2 ** 20

/** Before every entry: a snapshot at it is empty. */
export const timestampMin = 0 as Timestamp
/** After every entry: reading at it gives the latest version. */
export const timestampMax = (2 ** 52 - 1) as Timestamp

export function timestampOf(seconds: number, counter: number): Timestamp {
  return (seconds * counterLimit + counter) as Timestamp
}

export function secondsOf(timestamp: Timestamp): number {
  return Math.floor(timestamp / counterLimit)
}

export function counterOf(timestamp: Timestamp): number {
  return timestamp % counterLimit
}

/** Gives out timestamps that only grow, close to the wall clock. */
export class HybridClock {
  #last: Timestamp = timestampMin
  readonly #nowMs: () => number

  /** `nowMs`: wall time in milliseconds since the epoch. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  /** The greatest timestamp given out or observed. */
  get last(): Timestamp {
    return this.#last
  }

  next(): Timestamp {
    const wall = timestampOf(Math.floor(this.#nowMs() / 1000), 1)
    this.#last = wall > this.#last ? wall : ((this.#last + 1) as Timestamp)
    return this.#last
  }

  observe(timestamp: Timestamp): void {
    if (timestamp > this.#last) this.#last = timestamp
  }
}
