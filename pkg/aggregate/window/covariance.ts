/** `$covariancePop` and `$covarianceSamp`. */
import { decimalOfDouble, divideDecimals } from '../../bson/decimal-arithmetic.ts'
import { decimal128Bytes, readDecimal128 } from '../../bson/decimal128.ts'
import { addNumbers, decimalOf, multiplyNumbers, subtractNumbers } from '../../bson/number.ts'
import { bsonType } from '../../bson/type.ts'
import { decimal128Value, doubleValue, isNumber, nullValue, numberOf, type Value } from '../../bson/value.ts'
import { ElementWalker } from '../../bson/walk.ts'
import { parseExpression } from '../../expression/parse.ts'
import type { SlidingAccumulation } from '../accumulators/accumulator.ts'
import { SlidingSum } from '../accumulators/sliding-sum.ts'
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

/**
 * Sums of products about the means, one pair at a time, with pairs taken out again. Pairs that are not finite are counted
 * apart: they decide once there are two others.
 */
class Covariance implements SlidingAccumulation {
  readonly usedBytes = 600
  readonly #sample: boolean
  #count = 0
  readonly #sumX = new SlidingSum('sum')
  readonly #sumY = new SlidingSum('sum')
  #products: Value = zero
  /** Of what is not finite, x and y alike. */
  readonly #unfit = new SlidingSum('sum')
  #unfitCount = 0
  #x: Value = zero
  #y: Value = zero

  constructor(sample: boolean) {
    this.#sample = sample
  }

  /** Whether the value is a pair of numbers, which are then in `#x` and `#y`. */
  #take(value: Value): boolean {
    if (value.type !== bsonType.array) return false
    const pair = new ElementWalker().reset(value.bytes, value.start)
    if (!pair.next() || !isNumber(pair.type)) return false
    this.#x = pair.value()
    if (!pair.next() || !isNumber(pair.type)) return false
    this.#y = pair.value()
    return !pair.next()
  }

  /** Counts a pair that is not finite in or out; false when it is finite. */
  #countUnfit(sign: 1 | -1): boolean {
    const unfit = [this.#x, this.#y].filter((each) => !isFiniteNumber(each))
    if (unfit.length === 0) return false
    this.#unfitCount += sign
    for (const each of unfit) {
      if (sign > 0) this.#unfit.add(each)
      else this.#unfit.remove(each)
    }
    return true
  }

  add(value: Value): void {
    if (!this.#take(value) || this.#countUnfit(1)) return
    const [x, y] = [this.#x, this.#y]
    const before = this.#mean(this.#sumX)
    this.#count++
    this.#sumX.add(x)
    this.#sumY.add(y)
    if (this.#count === 1) return
    this.#products = plus(this.#products, times(minus(x, before), minus(y, this.#mean(this.#sumY))))
  }

  remove(value: Value): void {
    if (!this.#take(value) || this.#countUnfit(-1)) return
    const [x, y] = [this.#x, this.#y]
    const before = this.#mean(this.#sumY)
    this.#count--
    this.#sumX.remove(x)
    this.#sumY.remove(y)
    if (this.#count < 2) this.#products = zero
    else this.#products = minus(this.#products, times(minus(x, this.#mean(this.#sumX)), minus(y, before)))
  }

  #mean(sum: SlidingSum): Value {
    return this.#count === 0 ? zero : quotient(sum.result(), this.#count)
  }

  result(): Value {
    const degrees = this.#sample ? this.#count - 1 : this.#count
    if (degrees <= 0) return nullValue
    if (this.#count === 1) return zero
    return this.#unfitCount > 0 ? this.#unfit.result() : quotient(this.#products, degrees)
  }
}

const zero = doubleValue(0)

function isFiniteNumber(value: Value): boolean {
  return value.type === bsonType.decimal128
    ? readDecimal128(value.bytes, value.start).form === 'finite'
    : Number.isFinite(numberOf(value))
}

/** Integers beyond int64 go on as doubles. */
function plus(a: Value, b: Value): Value {
  return addNumbers(a, b) ?? doubleValue(numberOf(a) + numberOf(b))
}

function minus(a: Value, b: Value): Value {
  return subtractNumbers(a, b) ?? doubleValue(numberOf(a) - numberOf(b))
}

function times(a: Value, b: Value): Value {
  return multiplyNumbers(a, b) ?? doubleValue(numberOf(a) * numberOf(b))
}

/** The count divides as a double does: a decimal of fifteen digits. */
function quotient(value: Value, count: number): Value {
  if (value.type !== bsonType.decimal128) return doubleValue(numberOf(value) / count)
  return decimal128Value(decimal128Bytes(divideDecimals(decimalOf(value), decimalOfDouble(count))))
}
