import { bsonType } from '../../../bson/type.ts'
import { numberOf, type Value } from '../../../bson/value.ts'
import type { ValueOrder } from '../../../bson/value-order.ts'
import type { EvaluationContext } from '../../context.ts'

/** What a comparison, and sorting a number, counts for, of the steps that a document may take. */
const comparisonSteps = 2.5
const numberSteps = 3

/** The values as `compare` orders them, equal ones as they come. */
export function sortedBy(
  context: EvaluationContext,
  values: readonly Value[],
  compare: (a: Value, b: Value) => number,
): Value[] {
  context.spend(comparisonSteps * values.length * Math.log2(values.length + 1))
  return values.toSorted(compare)
}

/** The values in order, equal ones as they come; `direction` -1: the greatest first. */
export function sortedValues(
  context: EvaluationContext,
  values: readonly Value[],
  { compare }: ValueOrder,
  direction: 1 | -1,
): Value[] {
  const numbers = numbersOf(values)
  if (numbers === undefined) return sortedBy(context, values, (a, b) => direction * compare(a, b))
  context.spend(values.length * numberSteps)
  const places = Uint32Array.from(values, (_, i) => i)
  places.sort((a, b) => direction * (numbers[a]! - numbers[b]!) || a - b)
  return Array.from(places, (place) => values[place]!)
}

/** The values as finite numbers that are compared by subtraction, if that is what all are. */
function numbersOf(values: readonly Value[]): Float64Array | undefined {
  const numbers = new Float64Array(values.length)
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (value.type !== bsonType.int32 && value.type !== bsonType.double) return undefined
    const number = numberOf(value)
    if (!Number.isFinite(number)) return undefined
    numbers[i] = number
  }
  return numbers
}
