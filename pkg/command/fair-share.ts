/**
 * How long an operation works on before others have a turn, and how long that turn is. All of them have one thread.
 *
 *   work   for a slice                      sliceMinMs to sliceMaxMs
 *   pause  for as many rounds of the event loop as others have something to do, until they have used about as much as the slice took
 *   work   for a slice as long as what others used in the pause ...
 *
 * So an operation that goes on and on and all the others together share the thread about equally, whoever of them wants more. A turn is
 * more than one round, because a short request may take several: the socket, the commit, the disk. Several operations that go on and on
 * count as one party each: what they use is not taken for the others'.
 *
 * A pause in which nobody wanted anything doubles the next slice, up to `sliceAloneMs`: who is alone loses next to nothing.
 */
import type { Clock } from '../io/clock.ts'

const sliceMinMs = 0.5
const sliceMaxMs = 10
/** Short enough for those who come when somebody has been alone, long enough that pauses are lost in it. */
const sliceAloneMs = 6
/** A round of the event loop in which nobody else does anything takes less. */
const quietMs = 0.02
/** After so many of them in a row nobody has anything to do: in one, a request may only have been put off to the next. */
const quietRoundsMax = 2

export class FairShare {
  readonly #clock: Clock
  /** How long whoever begins or goes on now may work. */
  sliceMs = sliceAloneMs
  /** What all slices took so far. */
  #workedMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Lets others have their turn, after work of `workedMs`. */
  async pause(workedMs: number): Promise<void> {
    const clock = this.#clock
    const sliceMs = Math.min(workedMs, sliceMaxMs)
    this.#workedMs += sliceMs
    let othersMs = 0
    let nowMs = clock.monotonicMs()
    for (let quietRounds = 0; quietRounds < quietRoundsMax; ) {
      const beforeMs = nowMs
      const workedBefore = this.#workedMs
      await clock.yield()
      nowMs = clock.monotonicMs()
      const usedMs = nowMs - beforeMs - (this.#workedMs - workedBefore)
      othersMs += usedMs
      if (usedMs < quietMs) quietRounds++
      else {
        quietRounds = 0
        // Another round, likely as long, would take them farther beyond the slice than they are below it.
        if (othersMs + usedMs / 2 >= sliceMs) break
      }
    }
    this.sliceMs =
      othersMs < quietMs
        ? Math.min(sliceAloneMs, Math.max(sliceMinMs, 2 * this.sliceMs))
        : Math.min(sliceMaxMs, Math.max(sliceMinMs, othersMs))
  }
}
