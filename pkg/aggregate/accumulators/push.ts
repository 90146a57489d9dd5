import type { Value } from '../../bson/value.ts'
import { missing } from '../../expression/expression.ts'
import { type Accumulation, unaryAccumulator } from './accumulator.ts'
import { GatheredArray } from './gathered.ts'

/** `{$push: expression}`: all values in an array, but the missing. */
export const push = unaryAccumulator('$push', () => new Push())

class Push implements Accumulation {
  readonly #array = new GatheredArray()

  get usedBytes(): number {
    return 64 + this.#array.usedBytes
  }

  add(value: Value): void {
    if (value !== missing) this.#array.add(value)
  }

  result(): Value {
    return this.#array.value()
  }
}
