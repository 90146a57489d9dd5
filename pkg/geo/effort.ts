/** What looking at one polygon may take: borders can be made such that no order of their edges keeps them apart, and nothing else runs meanwhile. */
import { DatabaseError } from '../base/errors.ts'

/** Comparisons of two boxes, some 20 ns each. A coast of 100,000 vertices takes a million or two. */
const stepsMax = 50_000_000

export class Effort {
  #left = stepsMax

  /** Throws ExceededTimeLimit when that is too much. */
  step(): void {
    if (--this.#left < 0) {
      throw new DatabaseError('ExceededTimeLimit', 'The borders of a polygon are too intricate to be checked')
    }
  }
}
