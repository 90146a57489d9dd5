import { bsonType } from '../bson/type.ts'
import { isNumber } from '../bson/value.ts'
import { ValueIndex } from '../bson/value-index.ts'
import type { ValueOrder } from '../bson/value-order.ts'
import { valueEnd } from '../bson/walk.ts'
import type { EvaluationContext } from './context.ts'

/** What a look into a set counts for, of the steps that a document may take. */
const numberSteps = 2
const otherSteps = 12
const bytesPerStep = 8

/** A set of values that are the same when they are equal in an order over all types: 1 and 1.0 are one. Looks into it are counted. */
export class ValueSet {
  readonly #values: ValueIndex

  constructor(order?: ValueOrder) {
    this.#values = new ValueIndex(order)
  }

  get size(): number {
    return this.#values.size
  }

  /** Whether the value was not there before. */
  add(context: EvaluationContext, type: number, bytes: Uint8Array, start: number): boolean {
    count(context, type, bytes, start)
    return this.#values.add(type, bytes, start)
  }

  has(context: EvaluationContext, type: number, bytes: Uint8Array, start: number): boolean {
    count(context, type, bytes, start)
    return this.#values.indexOf(type, bytes, start) >= 0
  }

  clear(): void {
    this.#values.clear()
  }
}

function count(context: EvaluationContext, type: number, bytes: Uint8Array, start: number): void {
  const isQuick = isNumber(type) && type !== bsonType.decimal128
  context.spend(isQuick ? numberSteps : otherSteps + (valueEnd(bytes, type, start) - start) / bytesPerStep)
}
