/** `$mod: [divisor, remainder]` */

import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { documentFields, isNumber, readInt32, readInt64, type Value } from '../../../bson/value.ts'
import type { PathOperator, ValueTest } from '../operator.ts'
import type { ModFilter } from '../tree.ts'
import { truncatedInt64 } from './integer.ts'

export const modOperator: PathOperator = {
  name: '$mod',
  parse(path, operand): ModFilter {
    if (operand.type !== bsonType.array) throw new DatabaseError('BadValue', 'malformed mod, needs to be an array')
    const [divisor, remainder, extra] = [...documentFields(operand.bytes, operand.start)]
    if (divisor === undefined || remainder === undefined) {
      throw new DatabaseError('BadValue', 'malformed mod, not enough elements')
    }
    if (extra !== undefined) throw new DatabaseError('BadValue', 'malformed mod, too many elements')
    const filter: ModFilter = {
      kind: 'mod',
      path,
      divisor: integer(divisor, 'divisor'),
      remainder: integer(remainder, 'remainder'),
    }
    if (filter.divisor === 0n) throw new DatabaseError('BadValue', 'divisor cannot be 0')
    return filter
  },
}

/** Fractions are cut off. */
function integer(value: Value, name: string): bigint {
  if (!isNumber(value.type)) throw new DatabaseError('BadValue', `malformed mod, ${name} not a number`)
  const n = truncatedInt64(value)
  if (n === undefined) {
    throw new DatabaseError(
      'BadValue',
      `malformed mod, ${name} value is invalid :: caused by :: out of the range of a 64-bit integer`,
    )
  }
  return n
}

export function modTest(filter: ModFilter): ValueTest {
  const { divisor, remainder } = filter
  const smallDivisor = Number(divisor)
  const smallRemainder = Number(remainder)
  const small = Number.isSafeInteger(smallDivisor) && Number.isSafeInteger(smallRemainder)
  return (type, bytes, start) => {
    if (type === bsonType.int32 && small) return readInt32(bytes, start) % smallDivisor === smallRemainder
    if (type === bsonType.int64) return readInt64(bytes, start) % divisor === remainder
    if (!isNumber(type)) return false
    const n = truncatedInt64({ type, bytes, start, end: start })
    return n !== undefined && n % divisor === remainder
  }
}
