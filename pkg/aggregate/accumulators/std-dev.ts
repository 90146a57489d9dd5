import { doubleValue, isNumber, nullValue, numberOf, type Value } from '../../bson/value.ts'
import { Deviation } from '../../expression/operators/accumulator/deviation.ts'
import { type SlidingAccumulation, unaryAccumulator } from './accumulator.ts'

/** `{$stdDevPop: expression}`: the standard deviation of the numbers among the values; null of none. */
export const stdDevPop = unaryAccumulator(
  '$stdDevPop',
  () => new StandardDeviation(false, doubleValue(Number.NaN)),
  () => new StandardDeviation(false, nullValue),
)
/** `{$stdDevSamp: expression}`: as estimated from a sample; null of fewer than two. */
export const stdDevSamp = unaryAccumulator(
  '$stdDevSamp',
  () => new StandardDeviation(true, doubleValue(Number.NaN)),
  () => new StandardDeviation(true, nullValue),
)

class StandardDeviation implements SlidingAccumulation {
  readonly usedBytes = 120
  readonly #sample: boolean
  readonly #deviation = new Deviation()

  readonly #unfit: Value

  /** `unfit`: the result when a value is infinite or NaN. */
  constructor(sample: boolean, unfit: Value) {
    this.#sample = sample
    this.#unfit = unfit
  }

  add(value: Value): void {
    if (isNumber(value.type)) this.#deviation.add(numberOf(value))
  }

  remove(value: Value): void {
    if (isNumber(value.type)) this.#deviation.remove(numberOf(value))
  }

  result(): Value {
    const deviation = this.#deviation.result(this.#sample)
    if (deviation === undefined) return nullValue
    return Number.isNaN(deviation) ? this.#unfit : doubleValue(deviation)
  }
}
