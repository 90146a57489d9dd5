import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { int32Value, nullValue, type Value } from '../../../bson/value.ts'
import { ElementWalker } from '../../../bson/walk.ts'
import { isNullish, missing } from '../../expression.ts'
import { int32Of } from '../int32.ts'
import { rangedOperator } from '../operator.ts'
import { shownType } from '../shown-type.ts'
import { stepsPerElement } from './element-count.ts'

/**
 * `{$indexOfArray: [array, value, start?, end?]}`: where the value comes first from `start` on and before `end`, or -1.
 * Errors: 40090 for what is no array, 9711600 and 9711601 for bounds that are no int32 or negative.
 */
export const indexOfArray = rangedOperator('$indexOfArray', 2, 4, (operands, { equalValues }) => {
  const walker = new ElementWalker()
  const [arrayOf, bodyOf, startOf, endOf] = operands
  return (context) => {
    const array = arrayOf!(context)
    if (isNullish(array)) return nullValue
    if (array.type !== bsonType.array) {
      throw new DatabaseError(40090, `$indexOfArray requires an array as a first argument, found: ${shownType(array)}`)
    }
    const value = bodyOf!(context)
    const start = startOf === undefined ? 0 : bound(startOf(context), 'starting')
    const end = endOf === undefined ? Number.POSITIVE_INFINITY : bound(endOf(context), 'ending')
    if (value === missing) return int32Value(-1)
    walker.reset(array.bytes, array.start)
    for (let i = 0; i < end && walker.next(); i++) {
      context.spend(stepsPerElement)
      if (i < start) continue
      if (equalValues(value.type, value.bytes, value.start, walker.type, array.bytes, walker.valueStart)) {
        return int32Value(i)
      }
    }
    return int32Value(-1)
  }
})

function bound(value: Value, which: string): number {
  const index = int32Of(value)
  if (index === undefined) {
    throw new DatabaseError(
      9711600,
      `$indexOfArray requires an integral ${which} index, found a value of type: ${shownType(value)}`,
    )
  }
  if (index < 0) {
    throw new DatabaseError(9711601, `$indexOfArray requires a nonnegative ${which} index, found: ${index}`)
  }
  return index
}
