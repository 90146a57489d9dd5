/**
 * Sums over windows that slide: each kind of number is summed apart, so that what is left when values of a kind are gone is
 * exactly nothing, and infinities and NaN are counted rather than added.
 */
import { addDecimals, negateDecimal } from '../../bson/decimal-arithmetic.ts'
import { type Decimal, decimal128Bytes, decimalZero, readDecimal128 } from '../../bson/decimal128.ts'
import { NumberSum } from '../../bson/number-sum.ts'
import { bsonType } from '../../bson/type.ts'
import {
  decimal128Value,
  doubleValue,
  int64Value,
  nullValue,
  numberOf,
  readInt64,
  type Value,
} from '../../bson/value.ts'
import type { SlidingAccumulation } from './accumulator.ts'

export class SlidingSum implements SlidingAccumulation {
  readonly usedBytes = 200
  readonly #gives: 'sum' | 'average'
  /** How many values of each kind are in. */
  #int32s = 0
  #int64s = 0
  #doubles = 0
  #decimals = 0
  /** Int32 values, exactly: no window holds as many as would leave the whole numbers of a double. */
  #small = 0
  #large = 0n
  /** Finite doubles as a double-double. */
  #double = 0
  #rest = 0
  #decimal: Decimal = decimalZero
  #nans = 0
  #infinities = 0
  #negativeInfinities = 0
  #decimalNans = 0

  constructor(gives: 'sum' | 'average') {
    this.#gives = gives
  }

  add(value: Value): void {
    this.#change(value, 1)
  }

  remove(value: Value): void {
    this.#change(value, -1)
  }

  #change(value: Value, sign: 1 | -1): void {
    switch (value.type) {
      case bsonType.int32:
        this.#int32s += sign
        this.#small += sign * numberOf(value)
        return
      case bsonType.int64:
        this.#int64s += sign
        this.#large += BigInt(sign) * readInt64(value.bytes, value.start)
        return
      case bsonType.double:
        this.#doubles += sign
        this.#changeDouble(numberOf(value), sign)
        return
      case bsonType.decimal128:
        this.#decimals += sign
        this.#changeDecimal(readDecimal128(value.bytes, value.start), sign)
        return
    }
  }

  #changeDouble(n: number, sign: 1 | -1): void {
    if (Number.isNaN(n)) this.#nans += sign
    else if (n === Infinity) this.#infinities += sign
    else if (n === -Infinity) this.#negativeInfinities += sign
    else this.#addDouble(sign * n)
    if (this.#doubles === 0) {
      this.#double = 0
      this.#rest = 0
    }
  }

  #changeDecimal(decimal: Decimal, sign: 1 | -1): void {
    if (decimal.form === 'nan') this.#decimalNans += sign
    else if (decimal.form === 'infinity') {
      if (decimal.negative) this.#negativeInfinities += sign
      else this.#infinities += sign
    } else this.#decimal = addDecimals(this.#decimal, sign > 0 ? decimal : negateDecimal(decimal))
    if (this.#decimals === 0) this.#decimal = decimalZero
  }

  /** Knuth's two-sum, and the error carried into `#rest`. */
  #addDouble(n: number): void {
    const sum = this.#double + n
    const added = sum - this.#double
    const error = this.#double - (sum - added) + (n - added)
    const rest = this.#rest + error
    this.#double = sum + rest
    this.#rest = rest - (this.#double - sum)
  }

  result(): Value {
    const sum = new NumberSum()
    const count = this.#int32s + this.#int64s + this.#doubles + this.#decimals
    if (count === 0) return this.#gives === 'sum' ? sum.total() : nullValue
    if (this.#int32s > 0) sum.addValue(wholeValue(this.#small, bsonType.int32))
    if (this.#int64s > 0) addLarge(sum, this.#large)
    if (this.#doubles > 0) {
      sum.addValue(doubleValue(this.#double))
      sum.addValue(doubleValue(this.#rest))
    }
    if (this.#decimals > 0) sum.addValue(decimal128Value(decimal128Bytes(this.#decimal)))
    if (this.#nans + this.#decimalNans > 0) sum.addValue(doubleOr(Number.NaN, this.#doubles > 0))
    if (this.#infinities > 0) sum.addValue(doubleOr(Infinity, this.#doubles > 0))
    if (this.#negativeInfinities > 0) sum.addValue(doubleOr(-Infinity, this.#doubles > 0))
    if (this.#gives === 'sum') return sum.total()
    sum.count = count
    return sum.average() ?? nullValue
  }
}

/** A special value of a kind that does not widen the sum: of decimals alone it is a decimal. */
function doubleOr(n: number, hasDoubles: boolean): Value {
  if (hasDoubles) return doubleValue(n)
  const form = Number.isNaN(n) ? 'nan' : 'infinity'
  return decimal128Value(decimal128Bytes({ ...decimalZero, form, negative: n < 0 } as Decimal))
}

/** A sum of int32 values: a value of that type, as far as it fits. */
function wholeValue(n: number, type: number): Value {
  if (type === bsonType.int32 && n === (n | 0)) {
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setInt32(0, n, true)
    return { type, bytes, start: 0, end: 4 }
  }
  return int64Value(n)
}

const largestStep = 2n ** 62n

/** Adds a sum of int64 values, which may lie beyond int64. */
function addLarge(sum: NumberSum, whole: bigint): void {
  let left = whole
  while (BigInt.asIntN(64, left) !== left) {
    const part = left < 0n ? -largestStep : largestStep
    sum.addValue(int64Value(part))
    left -= part
  }
  sum.addValue(int64Value(left))
}
