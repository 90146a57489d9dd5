/** `$covariancePop` and `$covarianceSamp`. */
import { bsonType } from '../../bson/type.ts'
import { doubleValue, isNumber, nullValue, numberOf, type Value } from '../../bson/value.ts'
import { ElementWalker } from '../../bson/walk.ts'
import { parseExpression } from '../../expression/parse.ts'
import type { SlidingAccumulation } from '../accumulators/accumulator.ts'
import { wholePartition } from './frame.ts'
import { framedFunction } from './framed.ts'
import type { WindowFunctionDefinition } from './window-function.ts'

/** `{$covariancePop: [x, y]}`: of the documents where both are numbers; null of none. */
export const covariancePop = covariance('$covariancePop', false)
/** `{$covarianceSamp: [x, y]}`: as estimated from a sample; null of fewer than two. */
export const covarianceSamp = covariance('$covarianceSamp', true)

function covariance(name: string, sample: boolean): WindowFunctionDefinition {
  return {
    name,
    parse(operand, { scope, frame }) {
      const expression = parseExpression(operand, scope)
      const open = (): SlidingAccumulation => new Covariance(sample)
      return framedFunction({ expression, open, openSliding: open }, frame ?? wholePartition)
    },
  }
}

/** Welford's way, one pair at a time, with pairs taken out again. */
class Covariance implements SlidingAccumulation {
  readonly usedBytes = 120
  readonly #sample: boolean
  #count = 0
  #meanX = 0
  #meanY = 0
  #products = 0
  #unfit = 0
  #x = 0
  #y = 0

  constructor(sample: boolean) {
    this.#sample = sample
  }

  /** Whether the value is a pair of numbers, which are then in `#x` and `#y`. */
  #take(value: Value): boolean {
    if (value.type !== bsonType.array) return false
    const pair = new ElementWalker().reset(value.bytes, value.start)
    if (!pair.next() || !isNumber(pair.type)) return false
    this.#x = numberOf(pair.value())
    if (!pair.next() || !isNumber(pair.type)) return false
    this.#y = numberOf(pair.value())
    return !pair.next()
  }

  add(value: Value): void {
    if (!this.#take(value)) return
    this.#count++
    if (!Number.isFinite(this.#x) || !Number.isFinite(this.#y)) {
      this.#unfit++
      return
    }
    const fit = this.#count - this.#unfit
    const dx = this.#x - this.#meanX
    this.#meanX += dx / fit
    this.#meanY += (this.#y - this.#meanY) / fit
    this.#products += dx * (this.#y - this.#meanY)
  }

  remove(value: Value): void {
    if (!this.#take(value)) return
    this.#count--
    if (!Number.isFinite(this.#x) || !Number.isFinite(this.#y)) {
      this.#unfit--
      return
    }
    const fit = this.#count - this.#unfit
    if (fit === 0) {
      this.#meanX = 0
      this.#meanY = 0
      this.#products = 0
      return
    }
    const dy = this.#y - this.#meanY
    this.#meanY -= dy / fit
    this.#products -= dy * (this.#x - this.#meanX)
    this.#meanX -= (this.#x - this.#meanX) / fit
  }

  result(): Value {
    const degrees = this.#sample ? this.#count - 1 : this.#count
    if (degrees <= 0) return nullValue
    return doubleValue(this.#unfit > 0 ? Number.NaN : this.#products / degrees)
  }
}
