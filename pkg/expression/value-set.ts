import { KeyWriter } from '../bson/key.ts'
import { simpleOrder, type ValueOrder } from '../bson/value-order.ts'

const key = new KeyWriter()

/** A set of values that are the same when they are equal in an order over all types: 1 and 1.0 are one. */
export class ValueSet {
  readonly #keys = new Set<string>()
  readonly #order: ValueOrder

  constructor(order: ValueOrder = simpleOrder) {
    this.#order = order
  }

  get size(): number {
    return this.#keys.size
  }

  /** Whether the value was not there before. */
  add(type: number, bytes: Uint8Array, start: number): boolean {
    const before = this.#keys.size
    this.#keys.add(keyText(this.#order, type, bytes, start))
    return this.#keys.size > before
  }

  has(type: number, bytes: Uint8Array, start: number): boolean {
    return this.#keys.has(keyText(this.#order, type, bytes, start))
  }

  clear(): void {
    this.#keys.clear()
  }
}

/** Characters made from at once: `fromCharCode` takes them as arguments, which have a limit. */
const chunk = 4096

/** The value's sort key with a character a byte: what a `Set` can compare. */
function keyText({ encodeKey }: ValueOrder, type: number, bytes: Uint8Array, start: number): string {
  key.reset()
  encodeKey(key, type, bytes, start)
  let text = ''
  for (let at = 0; at < key.length; at += chunk) {
    text += String.fromCharCode(...key.bytes.subarray(at, Math.min(at + chunk, key.length)))
  }
  return text
}
