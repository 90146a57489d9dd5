import { unaryAccumulator } from './accumulator.ts'
import { Extreme, SlidingExtreme } from './extreme.ts'

/** `{$min: expression}`: the least of the values that are neither null nor missing; null of none. */
export const min = unaryAccumulator(
  '$min',
  (order) => new Extreme(-1, order),
  (order) => new SlidingExtreme(-1, order),
)
