import { doubleValue, isNumber, nullValue, numberOf, type Value } from '../../bson/value.ts'
import { type SlidingAccumulation, unaryAccumulator } from './accumulator.ts'
import { Deviation } from './deviation.ts'

/** `{$stdDevPop: expression}`: the standard deviation of the numbers among the values; null of none. */
export const stdDevPop = unaryAccumulator(
  '$stdDevPop',
  () => new StandardDeviation(false),
  () => new StandardDeviation(false),
)
/** `{$stdDevSamp: expression}`: as estimated from a sample; null of fewer than two. */
export const stdDevSamp = unaryAccumulator(
  '$stdDevSamp',
  () => new StandardDeviation(true),
  () => new StandardDeviation(true),
)

class StandardDeviation implements SlidingAccumulation {
  readonly usedBytes = 120
  readonly #sample: boolean
  readonly #deviation = new Deviation()

  constructor(sample: boolean) {
    this.#sample = sample
  }

  add(value: Value): void {
    if (isNumber(value.type)) this.#deviation.add(numberOf(value))
  }

  remove(value: Value): void {
    if (isNumber(value.type)) this.#deviation.remove(numberOf(value))
  }

  result(): Value {
    const deviation = this.#deviation.result(this.#sample)
    return deviation === undefined ? nullValue : doubleValue(deviation)
  }
}
