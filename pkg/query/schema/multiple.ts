/** Whether one number is a multiple of another, exactly: doubles count as the decimals they are shown as (15 digits). */

import { decimalOf } from '../../bson/number.ts'
import { bsonType } from '../../bson/type.ts'
import { readInt32, type Value } from '../../bson/value.ts'

/** Beyond so many powers of ten apart the numbers are not multiplied out: the greater is a multiple, or none can tell. */
const digitsMax = 6200

export function remainderIsZero(type: number, bytes: Uint8Array, start: number, divisor: Value): boolean {
  if (type === bsonType.int32 && divisor.type === bsonType.int32) {
    return readInt32(bytes, start) % readInt32(divisor.bytes, divisor.start) === 0
  }
  const a = decimalOf({ type, bytes, start, end: start })
  const b = decimalOf(divisor)
  if (a.form !== 'finite') return false
  if (a.coefficient === 0n) return true
  if (b.form !== 'finite') return false
  const exponent = Math.min(a.exponent, b.exponent)
  if (a.exponent - exponent > digitsMax || b.exponent - exponent > digitsMax) return a.exponent > b.exponent
  return (
    (a.coefficient * 10n ** BigInt(a.exponent - exponent)) % (b.coefficient * 10n ** BigInt(b.exponent - exponent)) ===
    0n
  )
}
