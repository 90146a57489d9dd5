/**
 * How long callers in this process have kept the thread to themselves. An answer that is there at once is given in its caller's turn;
 * who asks for one after the other that way, and only awaits them, lets nobody else in: no timer, no socket, no sync of the log that a
 * writer waits for. So an answer at the end of a long turn waits until the others have had theirs.
 */
import type { Clock } from '../io/clock.ts'
import type { FairShare } from './fair-share.ts'

/** Long enough that the pause, some microseconds, is lost in it; short enough for those who wait. */
const turnMs = 2
/** The clock is looked at after so many answers that took next to no time: asking it takes longer than some of them. */
const answersPerLook = 16

export class Turn {
  readonly #clock: Clock
  readonly #share: FairShare
  #beganMs: number | undefined
  #answers = 0

  constructor(clock: Clock, share: FairShare) {
    this.#clock = clock
    this.#share = share
  }

  /** Before work that a caller has asked for: now at the latest the turn begins. */
  begin(): void {
    if (this.#beganMs !== undefined) return
    this.#beganMs = this.#clock.monotonicMs()
    this.#answers = 0
    this.#clock.defer(() => {
      this.#beganMs = undefined
    })
  }

  /**
   * After an answer: what to await before it is given; undefined: nothing. `brief`: there may be very many like it, from callers who
   * commit together, and are not to be parted.
   */
  rest(brief: boolean): Promise<void> | undefined {
    const beganMs = this.#beganMs
    if (beganMs === undefined) {
      this.begin()
      return undefined
    }
    if (brief) {
      if (++this.#answers % answersPerLook !== 0) return undefined
      return this.#clock.monotonicMs() - beganMs < turnMs ? undefined : this.#clock.yield()
    }
    const workedMs = this.#clock.monotonicMs() - beganMs
    return workedMs < Math.min(turnMs, this.#share.sliceMs) ? undefined : this.#share.pause(workedMs)
  }
}
