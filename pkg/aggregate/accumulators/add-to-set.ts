import { KeyWriter } from '../../bson/key.ts'
import type { Value } from '../../bson/value.ts'
import type { ValueOrder } from '../../bson/value-order.ts'
import { missing } from '../../expression/expression.ts'
import { KeyTable } from '../key-table.ts'
import { type Accumulation, unaryAccumulator } from './accumulator.ts'
import { GatheredArray } from './gathered.ts'

/** `{$addToSet: expression}`: each different value once, in the order they came first. */
export const addToSet = unaryAccumulator('$addToSet', (order) => new AddToSet(order))

const key = new KeyWriter()

class AddToSet implements Accumulation {
  readonly #array = new GatheredArray()
  readonly #keys = new KeyTable()
  readonly #order: ValueOrder

  constructor(order: ValueOrder) {
    this.#order = order
  }

  get usedBytes(): number {
    return 64 + this.#array.usedBytes + this.#keys.usedBytes
  }

  add(value: Value): void {
    if (value === missing) return
    key.reset()
    this.#order.encodeKey(key, value.type, value.bytes, value.start)
    if (this.#keys.numberOf(key.bytes, key.length) === this.#array.count) this.#array.add(value)
  }

  result(): Value {
    return this.#array.value()
  }
}
