import { nullValue, type Value } from '../../bson/value.ts'
import { missing } from '../../expression/expression.ts'
import { type Accumulation, copyOf, unaryAccumulator } from './accumulator.ts'

/** `{$first: expression}`: of the first document; null when it is missing there. */
export const first = unaryAccumulator('$first', () => new First())

class First implements Accumulation {
  #first: Value | undefined

  get usedBytes(): number {
    return 48 + (this.#first?.end ?? 0)
  }

  add(value: Value): void {
    if (this.#first === undefined) this.#first = value === missing ? nullValue : copyOf(value)
  }

  result(): Value {
    return this.#first ?? nullValue
  }
}
