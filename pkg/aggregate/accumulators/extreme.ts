/** The least or the greatest of the values. */
import { compareValues } from '../../bson/order.ts'
import { nullValue, type Value } from '../../bson/value.ts'
import { simpleOrder, type ValueOrder } from '../../bson/value-order.ts'
import { isNullish, missing } from '../../expression/expression.ts'
import { type Accumulation, copyOf, type SlidingAccumulation } from './accumulator.ts'
import { HeldValue } from './held-value.ts'

/** `sign`: 1 for the greatest, -1 for the least. Null and missing do not count; null of none. */
export class Extreme implements Accumulation {
  readonly #sign: 1 | -1
  readonly #order: ValueOrder
  readonly #held = new HeldValue()

  constructor(sign: 1 | -1, order: ValueOrder) {
    this.#sign = sign
    this.#order = order
  }

  get usedBytes(): number {
    return this.#held.usedBytes
  }

  add(value: Value): void {
    if (isNullish(value)) return
    const held = this.#held
    if (held.type === missing.type || this.#sign * this.#compareTo(value) > 0) {
      held.set(value)
    }
  }

  #compareTo({ type, bytes, start }: Value): number {
    const held = this.#held
    // Called by its own name it is part of the loop.
    if (this.#order === simpleOrder) return compareValues(type, bytes, start, held.type, held.bytes, 0)
    return this.#order.compareValues(type, bytes, start, held.type, held.bytes, 0)
  }

  result(): Value {
    return this.#held.orNull()
  }
}

/** The same for a window that slides: only those values are kept that may still be the one, each less extreme than the one before. */
export class SlidingExtreme implements SlidingAccumulation {
  readonly #sign: 1 | -1
  readonly #order: ValueOrder
  #candidates: { readonly value: Value; readonly position: number }[] = []
  #head = 0
  #added = 0
  #removed = 0
  usedBytes = 64

  constructor(sign: 1 | -1, order: ValueOrder) {
    this.#sign = sign
    this.#order = order
  }

  add(value: Value): void {
    const position = this.#added++
    if (isNullish(value)) return
    const candidates = this.#candidates
    // Of equal values the one that came first is given, as long as it is in.
    while (candidates.length > this.#head && this.#compare(value, candidates.at(-1)!.value) > 0) {
      this.usedBytes -= 64 + candidates.pop()!.value.end
    }
    candidates.push({ value: copyOf(value), position })
    this.usedBytes += 64 + value.end - value.start
  }

  remove(): void {
    const position = this.#removed++
    const first = this.#candidates[this.#head]
    if (first?.position !== position) return
    this.usedBytes -= 64 + first.value.end
    if (++this.#head < 256 || this.#head * 2 < this.#candidates.length) return
    this.#candidates = this.#candidates.slice(this.#head)
    this.#head = 0
  }

  #compare(a: Value, b: Value): number {
    return this.#sign * this.#order.compare(a, b)
  }

  result(): Value {
    return this.#candidates[this.#head]?.value ?? nullValue
  }
}
