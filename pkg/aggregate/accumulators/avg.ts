import { NumberSum } from '../../bson/number-sum.ts'
import { nullValue, type Value } from '../../bson/value.ts'
import { type Accumulation, unaryAccumulator } from './accumulator.ts'
import { SlidingSum } from './sliding-sum.ts'

/** `{$avg: expression}`: the mean of the numbers among the values; null of none. */
export const avg = unaryAccumulator(
  '$avg',
  () => new Average(),
  () => new SlidingSum('average'),
)

class Average implements Accumulation {
  readonly usedBytes = 120
  readonly #sum = new NumberSum()

  add(value: Value): void {
    this.#sum.add(value.type, value.bytes, value.start)
  }

  result(): Value {
    return this.#sum.average() ?? nullValue
  }
}
