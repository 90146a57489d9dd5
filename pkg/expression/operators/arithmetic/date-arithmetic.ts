import { DatabaseError } from '../../../base/errors.ts'
import { decimalOf } from '../../../bson/number.ts'
import { bsonType } from '../../../bson/type.ts'
import { numberOf, readInt32, readInt64, type Value } from '../../../bson/value.ts'

/** Milliseconds of `date` moved by a number of milliseconds; fractions are rounded. Errors: Overflow. */
export function dateBy(date: bigint, offset: Value): bigint {
  const moved = date + wholeMs(offset)
  if (BigInt.asIntN(64, moved) !== moved) throw new DatabaseError('Overflow', 'date overflow')
  return moved
}

function wholeMs(offset: Value): bigint {
  switch (offset.type) {
    case bsonType.int32:
      return BigInt(readInt32(offset.bytes, offset.start))
    case bsonType.int64:
      return readInt64(offset.bytes, offset.start)
    case bsonType.decimal128: {
      const { coefficient, exponent, negative, form } = decimalOf(offset)
      if (form !== 'finite' || exponent > 0) return rounded(numberOf(offset))
      const scale = 10n ** BigInt(-exponent)
      const whole = (coefficient + scale / 2n) / scale
      return negative ? -whole : whole
    }
    default:
      return rounded(numberOf(offset))
  }
}

function rounded(ms: number): bigint {
  if (!Number.isFinite(ms)) throw new DatabaseError('Overflow', 'date overflow')
  // Half away from zero.
  return BigInt(Math.sign(ms) * Math.round(Math.abs(ms)))
}
