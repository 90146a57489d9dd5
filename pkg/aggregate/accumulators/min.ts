import { compareValues } from '../../bson/order.ts'
import type { Value } from '../../bson/value.ts'
import { isNullish, missing } from '../../expression/expression.ts'
import { type Accumulation, unaryAccumulator } from './accumulator.ts'
import { HeldValue } from './held-value.ts'

/** `{$min: expression}`: the least of the values that are neither null nor missing; null of none. */
export const min = unaryAccumulator('$min', () => new Min())

class Min implements Accumulation {
  readonly #least = new HeldValue()

  get usedBytes(): number {
    return this.#least.usedBytes
  }

  add(value: Value): void {
    if (isNullish(value)) return
    const least = this.#least
    if (
      least.type === missing.type ||
      compareValues(value.type, value.bytes, value.start, least.type, least.bytes, 0) < 0
    ) {
      least.set(value)
    }
  }

  result(): Value {
    return this.#least.orNull()
  }
}
