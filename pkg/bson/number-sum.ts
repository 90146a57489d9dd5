/**
 * Sums over many numbers, as `$sum` and `$avg` make them: integers and doubles in a double-double (two doubles that
 * together hold about 106 bits: sums of int64 stay exact, sums of doubles lose next to nothing), decimals beside it.
 */
import { addDecimals, divideDecimals, fullDecimalOfDouble } from './decimal-arithmetic.ts'
import { type Decimal, decimal128Bytes, decimalZero, integerDecimal, readDecimal128 } from './decimal128.ts'
import { readDouble, readInt32, readInt64Number, readUint32, twoTo32 } from './little-endian.ts'
import { fitsInt32, widerType } from './number.ts'
import { bsonType, isNumber, type Value } from './type.ts'
import { decimal128Value, doubleValue, int32Value, int64Value } from './value.ts'

/** Small integers are gathered in one double up to here, where all of them are still exact. */
const gatheredMax = 2 ** 52

export class NumberSum {
  /** How many numbers were added. */
  count = 0
  #type: number = bsonType.int32
  #gathered = 0
  #sum = 0
  /** What `#sum` rounded away. */
  #rest = 0
  /** The plain sum: right when infinities or NaN are in it, which make nonsense of the rest. */
  #plain = 0
  #decimal: Decimal = decimalZero

  reset(): this {
    this.count = 0
    this.#type = bsonType.int32
    this.#gathered = 0
    this.#sum = 0
    this.#rest = 0
    this.#plain = 0
    this.#decimal = decimalZero
    return this
  }

  /** Adds the number of `type` at `start`; what is not a number is passed over. */
  add(type: number, bytes: Uint8Array, start: number): void {
    switch (type) {
      case bsonType.int32:
        this.#gather(readInt32(bytes, start))
        break
      case bsonType.int64: {
        const near = readInt64Number(bytes, start)
        if (near > -gatheredMax && near < gatheredMax) this.#gather(near)
        else {
          this.#addDouble(readInt32(bytes, start + 4) * twoTo32)
          this.#addDouble(readUint32(bytes, start))
        }
        break
      }
      case bsonType.double:
        this.#addDouble(readDouble(bytes, start))
        break
      case bsonType.decimal128:
        this.#decimal = addDecimals(this.#decimal, readDecimal128(bytes, start))
        break
      default:
        return
    }
    this.count++
    if (type !== this.#type) this.#type = widerType(type, this.#type)
  }

  addValue(value: Value): void {
    if (isNumber(value.type)) this.add(value.type, value.bytes, value.start)
  }

  #gather(n: number): void {
    this.#gathered += n
    if (this.#gathered > gatheredMax || this.#gathered < -gatheredMax) this.#settle()
  }

  #settle(): void {
    if (this.#gathered === 0) return
    this.#addDouble(this.#gathered)
    this.#gathered = 0
  }

  /** Knuth's two-sum, and the error carried into `#rest`. */
  #addDouble(n: number): void {
    this.#plain += n
    const sum = this.#sum + n
    const added = sum - this.#sum
    const error = this.#sum - (sum - added) + (n - added)
    const rest = this.#rest + error
    this.#sum = sum + rest
    this.#rest = rest - (this.#sum - sum)
  }

  #double(): number {
    this.#settle()
    return Number.isFinite(this.#sum) ? this.#sum : this.#plain
  }

  #wholeDecimal(): Decimal {
    const double = this.#double()
    if (!Number.isFinite(double)) return addDecimals(this.#decimal, fullDecimalOfDouble(double))
    const binary = addDecimals(fullDecimalOfDouble(this.#sum), fullDecimalOfDouble(this.#rest))
    return addDecimals(this.#decimal, binary)
  }

  /**
   * The total in the widest type that was added. Of int32 alone an int32, or an int64 if it does not fit; of integers
   * beyond int64 a double. Of nothing, the int32 0.
   */
  total(): Value {
    if (this.#type === bsonType.decimal128) return decimal128Value(decimal128Bytes(this.#wholeDecimal()))
    const double = this.#double()
    if (this.#type === bsonType.double || !Number.isFinite(double)) return doubleValue(double)
    if (this.#type === bsonType.int32 && this.#rest === 0 && fitsInt32(double)) return int32Value(double)
    const whole = BigInt(this.#sum) + BigInt(this.#rest)
    return BigInt.asIntN(64, whole) === whole ? int64Value(whole) : doubleValue(double)
  }

  /** The mean: a decimal when a decimal was added, else a double; undefined of nothing. */
  average(): Value | undefined {
    if (this.count === 0) return undefined
    if (this.#type !== bsonType.decimal128) return doubleValue(this.#double() / this.count)
    const mean = divideDecimals(this.#wholeDecimal(), integerDecimal(BigInt(this.count)))
    return decimal128Value(decimal128Bytes(mean))
  }
}
