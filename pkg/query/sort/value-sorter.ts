/** Sorts values, in slices when there are many. */
import { sortedByKeys } from '../../bson/key-sort.ts'
import { KeyWriter } from '../../bson/key-writer.ts'
import type { Value } from '../../bson/value.ts'
import { simpleOrder, type ValueOrder } from '../../bson/value-order.ts'
import { Sorter } from './sorter.ts'

/** So many are sorted in one go. */
const fewValues = 4096

export class ValueSorter {
  readonly #given: readonly Value[]
  readonly #order: ValueOrder
  readonly #sorter = new Sorter({ memoryLimitBytes: Number.POSITIVE_INFINITY })
  readonly #key = new KeyWriter()
  #taken = 0
  /** In order, once `advance` has returned true. */
  values: readonly Value[] = []

  constructor(values: readonly Value[], order: ValueOrder = simpleOrder) {
    this.#given = values
    this.#order = order
  }

  /** Whether they are sorted; takes about `budget` steps. */
  advance(budget: number): boolean {
    const given = this.#given
    const { encodeKey } = this.#order
    if (given.length <= fewValues) {
      this.values = sortedByKeys(given, ({ type, bytes, start }, key) => encodeKey(key, type, bytes, start))
      return true
    }
    let left = budget
    const key = this.#key
    for (; this.#taken < given.length && left > 0; left--) {
      const { type, bytes, start } = given[this.#taken]!
      encodeKey(key.reset(), type, bytes, start)
      this.#sorter.add(key.bytes, key.length, this.#taken++)
    }
    const sorted = this.values as Value[]
    for (; sorted.length < given.length && left > 0; left--) {
      this.#sorter.next()
      sorted.push(given[this.#sorter.tag]!)
    }
    return sorted.length === given.length
  }
}
