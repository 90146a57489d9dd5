import { DatabaseError } from '../../base/errors.ts'
import { wholeNumberOf } from '../../bson/number.ts'
import { isNumber, type Value } from '../../bson/value.ts'
import { shownType } from '../../expression/operators/shown-type.ts'

/** The `n` of `$firstN` and kin. Errors: 7548606 unless it is a whole number of at least 1. */
export function countOf(name: string, n: Value | undefined): number {
  if (n === undefined || !isNumber(n.type)) {
    throw new DatabaseError(
      7548606,
      `Value for 'n' must be of integral type, but found ${n === undefined ? 'missing' : shownType(n)} for ${name}`,
    )
  }
  const count = wholeNumberOf(n)
  if (count === undefined) {
    throw new DatabaseError(7548606, `Value for 'n' must be of integral type in ${name}`)
  }
  if (count < 1) throw new DatabaseError(7548606, `'n' must be greater than 0, found ${count} for ${name}`)
  return count
}
