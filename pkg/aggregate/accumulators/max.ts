import { compareValues } from '../../bson/order.ts'
import type { Value } from '../../bson/value.ts'
import { isNullish, missing } from '../../expression/expression.ts'
import { type Accumulation, unaryAccumulator } from './accumulator.ts'
import { HeldValue } from './held-value.ts'

/** `{$max: expression}`: the greatest of the values that are neither null nor missing; null of none. */
export const max = unaryAccumulator('$max', () => new Max())

class Max implements Accumulation {
  readonly #greatest = new HeldValue()

  get usedBytes(): number {
    return this.#greatest.usedBytes
  }

  add(value: Value): void {
    if (isNullish(value)) return
    const greatest = this.#greatest
    if (
      greatest.type === missing.type ||
      compareValues(value.type, value.bytes, value.start, greatest.type, greatest.bytes, 0) > 0
    ) {
      greatest.set(value)
    }
  }

  result(): Value {
    return this.#greatest.orNull()
  }
}
