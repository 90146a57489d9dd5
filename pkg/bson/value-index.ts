/**
 * Values found by equality in linear time: each distinct one has a number, from 0 in the order in which they were added. Equal are
 * values that an order over all types calls equal: 1, 1.0 and NumberLong(1) are one value, and so are 0 and -0, NaN and NaN.
 *
 * What a `Map` can compare stands for a value:
 *
 *   a number that is a double exactly, of any of the four types    that double
 *   a string or symbol compared by its bytes                       the text of these bytes, a character each
 *   everything else                                                its sort key, the same way
 */
import { compareDecimals, decimalToNumber, exactDecimal, readDecimal128 } from './decimal128.ts'
import { KeyWriter } from './key-writer.ts'
import { readDouble, readInt32, readInt64, readInt64Number } from './little-endian.ts'
import { bsonType, type Value } from './type.ts'
import { simpleOrder, type ValueOrder } from './value-order.ts'

type Latin1Slice = (this: Uint8Array, start: number, end: number) => string
/** On every Buffer, though not in the type declarations; it takes any Uint8Array. */
const latin1Slice = (Buffer.prototype as unknown as { latin1Slice: Latin1Slice }).latin1Slice

const key = new KeyWriter()

export class ValueIndex {
  readonly #numbers = new Map<number, number>()
  readonly #texts = new Map<string, number>()
  readonly #keys = new Map<string, number>()
  readonly #order: ValueOrder
  #size = 0

  constructor(order: ValueOrder = simpleOrder, values: readonly Value[] = []) {
    this.#order = order
    for (const { type, bytes, start } of values) this.add(type, bytes, start)
  }

  /** How many distinct values there are. */
  get size(): number {
    return this.#size
  }

  clear(): void {
    this.#numbers.clear()
    this.#texts.clear()
    this.#keys.clear()
    this.#size = 0
  }

  /** Whether the value of `type` at `start` was not there before. */
  add(type: number, bytes: Uint8Array, start: number): boolean {
    const number = doubleOf(type, bytes, start)
    if (number !== undefined) return this.#addTo(this.#numbers, number)
    if (this.#isText(type)) return this.#addTo(this.#texts, textOf(bytes, start))
    return this.#addTo(this.#keys, this.#keyOf(type, bytes, start))
  }

  #addTo<K>(map: Map<K, number>, standsFor: K): boolean {
    if (map.has(standsFor)) return false
    map.set(standsFor, this.#size++)
    return true
  }

  /** The number of the value equal to that of `type` at `start`, or -1. */
  indexOf(type: number, bytes: Uint8Array, start: number): number {
    const number = doubleOf(type, bytes, start)
    if (number !== undefined) return this.#numbers.get(number) ?? -1
    if (this.#isText(type)) return this.#texts.size === 0 ? -1 : (this.#texts.get(textOf(bytes, start)) ?? -1)
    return this.#keys.size === 0 ? -1 : (this.#keys.get(this.#keyOf(type, bytes, start)) ?? -1)
  }

  #isText(type: number): boolean {
    return (type === bsonType.string || type === bsonType.symbol) && this.#order === simpleOrder
  }

  #keyOf(type: number, bytes: Uint8Array, start: number): string {
    key.reset()
    this.#order.encodeKey(key, type, bytes, start)
    return latin1Slice.call(key.bytes, 0, key.length)
  }
}

function textOf(bytes: Uint8Array, start: number): string {
  return latin1Slice.call(bytes, start + 4, start + 3 + readInt32(bytes, start))
}

/** The double that a number is exactly; undefined when it is none, and for what is no number. */
function doubleOf(type: number, bytes: Uint8Array, start: number): number | undefined {
  switch (type) {
    case bsonType.int32:
      return readInt32(bytes, start)
    case bsonType.double:
      return readDouble(bytes, start)
    case bsonType.int64: {
      const n = readInt64Number(bytes, start)
      return Number.isSafeInteger(n) || BigInt(n) === readInt64(bytes, start) ? n : undefined
    }
    case bsonType.decimal128: {
      const decimal = readDecimal128(bytes, start)
      const n = decimalToNumber(decimal)
      return compareDecimals(exactDecimal(n), decimal) === 0 ? n : undefined
    }
    default:
      return undefined
  }
}
