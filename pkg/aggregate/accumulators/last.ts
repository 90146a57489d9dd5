import type { Value } from '../../bson/value.ts'
import { type Accumulation, unaryAccumulator } from './accumulator.ts'
import { HeldValue } from './held-value.ts'

/** `{$last: expression}`: of the last document; null when it is missing there. */
export const last = unaryAccumulator('$last', () => new Last())

class Last implements Accumulation {
  readonly #last = new HeldValue()

  get usedBytes(): number {
    return this.#last.usedBytes
  }

  add(value: Value): void {
    this.#last.set(value)
  }

  result(): Value {
    return this.#last.orNull()
  }
}
