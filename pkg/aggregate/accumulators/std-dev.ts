import { doubleValue, int32Value, isNumber, nullValue, numberOf, type Value } from '../../bson/value.ts'
import { Deviation } from '../../expression/operators/accumulator/deviation.ts'
import { type Accumulation, type SlidingAccumulation, unaryAccumulator } from './accumulator.ts'

/** `{$stdDevPop: expression}`: the standard deviation of the numbers among the values; null of none. */
export const stdDevPop = unaryAccumulator(
  '$stdDevPop',
  () => new StandardDeviation(false),
  () => new SlidingDeviation(false),
)
/** `{$stdDevSamp: expression}`: as estimated from a sample; null of fewer than two. */
export const stdDevSamp = unaryAccumulator(
  '$stdDevSamp',
  () => new StandardDeviation(true),
  () => new SlidingDeviation(true),
)

class StandardDeviation implements Accumulation {
  readonly usedBytes = 120
  readonly #sample: boolean
  readonly #deviation = new Deviation()

  constructor(sample: boolean) {
    this.#sample = sample
  }

  add(value: Value): void {
    if (isNumber(value.type)) this.#deviation.add(numberOf(value))
  }

  result(): Value {
    const deviation = this.#deviation.result(this.#sample)
    return deviation === undefined ? nullValue : doubleValue(deviation)
  }
}

/**
 * Sums of the numbers and of the squares about their mean, exact enough that what was added can be taken out again. Numbers that are
 * not finite are counted: while one is in, there is no deviation.
 */
class SlidingDeviation implements SlidingAccumulation {
  readonly usedBytes = 160
  readonly #sample: boolean
  #count = 0
  #unfit = 0
  #sum = new DoubleDouble()
  #squares = new DoubleDouble()

  constructor(sample: boolean) {
    this.#sample = sample
  }

  add(value: Value): void {
    if (isNumber(value.type)) this.#change(numberOf(value), 1)
  }

  remove(value: Value): void {
    if (isNumber(value.type)) this.#change(numberOf(value), -1)
  }

  #change(n: number, sign: 1 | -1): void {
    if (!Number.isFinite(n)) {
      this.#unfit += sign
      return
    }
    const before = this.#count
    this.#count += sign
    const after = this.#count
    if (after === 0) {
      this.#sum = new DoubleDouble()
      this.#squares = new DoubleDouble()
      return
    }
    const distance = before * n - this.#sum.value
    this.#sum.add(n * sign)
    if (before > 0) this.#squares.add((distance * distance * sign) / (after * before))
  }

  /** Of one number alone, and where rounding would leave less than nothing, a whole 0. */
  result(): Value {
    const count = this.#count + this.#unfit
    const degrees = this.#sample ? count - 1 : count
    if (degrees <= 0 || this.#unfit > 0) return nullValue
    const squares = this.#squares.value
    if (squares < 0 || count === 1) return int32Value(0)
    return doubleValue(Math.sqrt(squares / degrees))
  }
}

/** A sum of doubles with the part that rounding would lose. */
class DoubleDouble {
  #high = 0
  #low = 0

  get value(): number {
    return this.#high + this.#low
  }

  add(n: number): void {
    const sum = this.#high + n
    const added = sum - this.#high
    this.#low += this.#high - (sum - added) + (n - added)
    this.#high = sum
  }
}
