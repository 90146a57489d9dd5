import { KeyWriter } from '../bson/key.ts'
import { bsonType } from '../bson/type.ts'
import { isNumber, readInt32 } from '../bson/value.ts'
import { simpleOrder, type ValueOrder } from '../bson/value-order.ts'
import type { EvaluationContext } from './context.ts'
import { int32Of } from './operators/int32.ts'

const key = new KeyWriter()

/** What a look into a set counts for, of the steps that a document may take. */
const integerSteps = 2
const keySteps = 12
const keyBytesPerStep = 8

/** A set of values that are the same when they are equal in an order over all types: 1 and 1.0 are one. */
export class ValueSet {
  /** Numbers that are an int32, of whatever type; all else by its sort key. */
  readonly #integers = new Set<number>()
  readonly #keys = new Set<string>()
  readonly #order: ValueOrder

  constructor(order: ValueOrder = simpleOrder) {
    this.#order = order
  }

  get size(): number {
    return this.#integers.size + this.#keys.size
  }

  /** Whether the value was not there before. */
  add(context: EvaluationContext, type: number, bytes: Uint8Array, start: number): boolean {
    const before = this.size
    const n = integerOf(type, bytes, start)
    if (n === undefined) this.#keys.add(this.#keyOf(context, type, bytes, start))
    else {
      context.spend(integerSteps)
      this.#integers.add(n)
    }
    return this.size > before
  }

  has(context: EvaluationContext, type: number, bytes: Uint8Array, start: number): boolean {
    const n = integerOf(type, bytes, start)
    if (n === undefined) return this.#keys.has(this.#keyOf(context, type, bytes, start))
    context.spend(integerSteps)
    return this.#integers.has(n)
  }

  clear(): void {
    this.#integers.clear()
    this.#keys.clear()
  }

  /** The value's sort key with a character a byte: what a `Set` can compare. */
  #keyOf(context: EvaluationContext, type: number, bytes: Uint8Array, start: number): string {
    key.reset()
    this.#order.encodeKey(key, type, bytes, start)
    context.spend(keySteps + key.length / keyBytesPerStep)
    return Buffer.from(key.bytes.buffer, key.bytes.byteOffset, key.length).toString('latin1')
  }
}

function integerOf(type: number, bytes: Uint8Array, start: number): number | undefined {
  if (type === bsonType.int32) return readInt32(bytes, start)
  return isNumber(type) ? int32Of({ type, bytes, start, end: start }) : undefined
}
