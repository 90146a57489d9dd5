/**
 * An order of values that can be chosen: the one order, or what a collation makes of it by ordering strings its own way. Whoever
 * compares values that a query may name a collation for is given one.
 */
import { encodeKey, type KeyWriter } from './key.ts'
import { compare, compareValues, equal, equalValues } from './order.ts'
import type { Value } from './type.ts'

/** Its functions stand alone: they may be taken out of it. What each does is said in `order.ts` and `key.ts`. */
export interface ValueOrder {
  readonly compare: (a: Value, b: Value) => number
  readonly equal: (a: Value, b: Value) => boolean
  readonly compareValues: typeof compareValues
  readonly equalValues: typeof equalValues
  readonly encodeKey: (writer: KeyWriter, type: number, bytes: Uint8Array, start: number, descending?: boolean) => void
}

/** Strings by their bytes. */
export const simpleOrder: ValueOrder = { compare, equal, compareValues, equalValues, encodeKey }
