/** `$concatArrays` and `$setUnion`: arrays put together. */
import { DatabaseError } from '../../base/errors.ts'
import { KeyWriter } from '../../bson/key.ts'
import { bsonType } from '../../bson/type.ts'
import type { Value } from '../../bson/value.ts'
import type { ValueOrder } from '../../bson/value-order.ts'
import { ElementWalker } from '../../bson/walk.ts'
import { missing } from '../../expression/expression.ts'
import { shownType } from '../../expression/operators/shown-type.ts'
import { KeyTable } from '../key-table.ts'
import { type Accumulation, unaryAccumulator } from './accumulator.ts'
import { GatheredArray } from './gathered.ts'

/** `{$concatArrays: expression}`: the elements of all arrays, one after the other. Errors: TypeMismatch for what is no array. */
export const concatArrays = unaryAccumulator(
  '$concatArrays',
  (order) => new ArrayUnion('$concatArrays', undefined, order),
)
/** `{$setUnion: expression}`: each different element of all arrays once. */
export const setUnion = unaryAccumulator('$setUnion', (order) => new ArrayUnion('$setUnion', new KeyTable(), order))

const key = new KeyWriter()

class ArrayUnion implements Accumulation {
  readonly #name: string
  readonly #seen: KeyTable | undefined
  readonly #order: ValueOrder
  readonly #array = new GatheredArray()

  constructor(name: string, seen: KeyTable | undefined, order: ValueOrder) {
    this.#order = order
    this.#name = name
    this.#seen = seen
  }

  get usedBytes(): number {
    return 64 + this.#array.usedBytes + (this.#seen?.usedBytes ?? 0)
  }

  add(value: Value): void {
    if (value === missing) return
    if (value.type !== bsonType.array) {
      throw new DatabaseError(
        'TypeMismatch',
        `${this.#name} requires array inputs, but input is of type ${shownType(value)}`,
      )
    }
    const seen = this.#seen
    const walker = new ElementWalker().reset(value.bytes, value.start)
    while (walker.next()) {
      if (seen !== undefined) {
        this.#order.encodeKey(key.reset(), walker.type, value.bytes, walker.valueStart)
        if (seen.numberOf(key.bytes, key.length) !== this.#array.count) continue
      }
      this.#array.add(walker.value())
    }
  }

  result(): Value {
    return this.#array.value()
  }
}
