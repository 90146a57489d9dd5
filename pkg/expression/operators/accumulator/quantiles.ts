/** What `$percentile` and `$median` have in common as expressions and as accumulators: their arguments, and their arithmetic. */
import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import {
  documentFields,
  doubleValue,
  isNumber,
  nullValue,
  numberOf,
  readString,
  type Value,
} from '../../../bson/value.ts'
import type { Expression } from '../../expression.ts'
import { foldConstants } from '../../fold.ts'
import { shownType } from '../shown-type.ts'

/** `approximate` is answered exactly, as `discrete`. */
export type QuantileMethod = 'discrete' | 'continuous'

/** Errors: TypeMismatch, BadValue. */
export function quantileMethodOf(value: Value): QuantileMethod {
  if (value.type !== bsonType.string) {
    throw new DatabaseError(
      'TypeMismatch',
      `BSON field 'method' is the wrong type '${shownType(value)}', expected type 'string'`,
    )
  }
  const method = readString(value.bytes, value.start)
  if (method === 'approximate' || method === 'discrete') return 'discrete'
  if (method === 'continuous') return method
  throw new DatabaseError('BadValue', "Only 'approximate', 'discrete' and 'continuous' can be used as 'method'.")
}

/**
 * The `p` of `$percentile`. Errors: 7750300 for an expression that is no constant, 7750301 for no array of at least one, 7750302 and
 * 7750303 for its elements.
 */
export function fractionsOf(given: Expression): number[] {
  const expression = foldConstants(given)
  if (expression.kind !== 'constant')
    throw new DatabaseError(7750300, "The 'p' of $percentile must be a constant expression")
  const { value } = expression
  const elements = value.type === bsonType.array ? [...documentFields(value.bytes, value.start)] : []
  const message = "The $percentile 'p' field must be an array of numbers from [0.0, 1.0]"
  if (elements.length === 0) throw new DatabaseError(7750301, message)
  return elements.map((element) => {
    if (!isNumber(element.type)) throw new DatabaseError(7750302, message)
    const p = numberOf(element)
    if (!(p >= 0 && p <= 1)) throw new DatabaseError(7750303, message)
    return p
  })
}

/** MongoDB's order of numbers: NaN before all others. */
export function sortNumbers(numbers: Float64Array): Float64Array {
  return numbers.sort(nanFirst)
}

function nanFirst(a: number, b: number): number {
  if (a < b) return -1
  if (a > b) return 1
  if (a === b) return 0
  return Number(Number.isNaN(b)) - Number(Number.isNaN(a))
}

/** What so large a part of the numbers, which are in order, does not exceed; null of none. */
export function quantileOf(sorted: Float64Array, p: number, method: QuantileMethod): Value {
  const { length } = sorted
  if (length === 0) return nullValue
  if (method === 'discrete') return doubleValue(sorted[Math.max(0, Math.ceil(p * length) - 1)]!)
  const rank = p * (length - 1)
  const low = Math.floor(rank)
  const below = sorted[low]!
  return doubleValue(rank === low ? below : below + (rank - low) * (sorted[low + 1]! - below))
}
