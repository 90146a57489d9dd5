import { unaryAccumulator } from './accumulator.ts'
import { Extreme, SlidingExtreme } from './extreme.ts'

/** `{$max: expression}`: the greatest of the values that are neither null nor missing; null of none. */
export const max = unaryAccumulator(
  '$max',
  (order) => new Extreme(1, order),
  (order) => new SlidingExtreme(1, order),
)
