import { NumberSum } from '../../bson/number-sum.ts'
import type { Value } from '../../bson/value.ts'
import { type Accumulation, unaryAccumulator } from './accumulator.ts'
import { SlidingSum } from './sliding-sum.ts'

/** `{$sum: expression}`: of the numbers among the values; int32 0 of none. */
export const sum = unaryAccumulator(
  '$sum',
  () => new Sum(),
  () => new SlidingSum('sum'),
)

class Sum implements Accumulation {
  readonly usedBytes = 120
  readonly #sum = new NumberSum()

  add(value: Value): void {
    this.#sum.add(value.type, value.bytes, value.start)
  }

  result(): Value {
    return this.#sum.total()
  }
}
