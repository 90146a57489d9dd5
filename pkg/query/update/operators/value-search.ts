/** A search for elements of arrays among the values of an operand: few are compared one after the other, many are found by an index. */
import type { Value } from '../../../bson/value.ts'
import { ValueIndex } from '../../../bson/value-index.ts'
import type { ValueOrder } from '../../../bson/value-order.ts'

/** Comparing so many values takes as long as finding one by its index. */
const fewValues = 4

export class ValueSearch {
  /** The distinct values, each where it came first. */
  readonly values: readonly Value[]
  readonly #order: ValueOrder
  #index: ValueIndex | undefined

  constructor(values: readonly Value[], order: ValueOrder) {
    this.#order = order
    this.values = values.length > fewValues ? this.#distinct(values) : firsts(values, order)
  }

  #distinct(values: readonly Value[]): Value[] {
    const index = new ValueIndex(this.#order)
    this.#index = index
    return values.filter(({ type, bytes, start }) => index.add(type, bytes, start))
  }

  /** The one of `values` that equals the value of `type` at `start`. */
  find(type: number, bytes: Uint8Array, start: number): Value | undefined {
    if (this.#index !== undefined) return this.values[this.#index.indexOf(type, bytes, start)]
    const { equalValues } = this.#order
    for (const value of this.values) {
      if (equalValues(value.type, value.bytes, value.start, type, bytes, start)) return value
    }
    return undefined
  }
}

function firsts(values: readonly Value[], { equal }: ValueOrder): readonly Value[] {
  return values.length < 2
    ? values
    : values.filter((value, i) => values.findIndex((other) => equal(other, value)) === i)
}
