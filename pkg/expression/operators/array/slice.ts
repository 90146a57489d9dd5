import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { isNumber, nullValue, numberOf, type Value } from '../../../bson/value.ts'
import { ElementWalker } from '../../../bson/walk.ts'
import { ArrayResult } from '../../array-result.ts'
import { isNullish } from '../../expression.ts'
import { int32Of } from '../int32.ts'
import { rangedOperator } from '../operator.ts'
import { shownType } from '../shown-type.ts'
import { countedElements, stepsPerElement } from './element-count.ts'

/**
 * `{$slice: [array, n]}`: the first n, or the last -n; `{$slice: [array, position, n]}`: n from a position on, which counts
 * from the end when negative. Errors: 28724 for what is no array, 28725..28728 for what is no number or no int32, 28729 for an n
 * that is not positive after a position.
 */
export const slice = rangedOperator('$slice', 2, 3, ([arrayOf, secondOf, thirdOf]) => {
  const result = new ArrayResult()
  const walker = new ElementWalker()
  return (context) => {
    const array = arrayOf!(context)
    const second = secondOf!(context)
    if (isNullish(array) || isNullish(second)) return nullValue
    if (array.type !== bsonType.array) {
      throw new DatabaseError(28724, `First argument to $slice must be an array, but is of type: ${shownType(array)}`)
    }
    const position = int32(second, 'Second', 28725)
    let start: number
    let end: number
    if (thirdOf === undefined) {
      start = position < 0 ? Math.max(0, countedElements(context, array) + position) : 0
      end = position < 0 ? Number.POSITIVE_INFINITY : position
    } else {
      const third = thirdOf(context)
      if (isNullish(third)) return nullValue
      const count = int32(third, 'Third', 28727)
      if (count <= 0) throw new DatabaseError(28729, `Third argument to $slice must be positive: ${count}`)
      start = position < 0 ? Math.max(0, countedElements(context, array) + position) : position
      end = start + count
    }
    result.reset()
    walker.reset(array.bytes, array.start)
    for (let i = 0; i < end && walker.next(); i++) {
      context.spend(stepsPerElement)
      if (i >= start) result.addElement(walker)
    }
    return result.value(context)
  }
})

/** Errors: `code` for what is no number, the next one for what is no int32. */
function int32(value: Value, which: string, code: number): number {
  if (!isNumber(value.type)) {
    throw new DatabaseError(code, `${which} argument to $slice must be numeric, but is of type: ${shownType(value)}`)
  }
  const n = int32Of(value)
  if (n === undefined) {
    throw new DatabaseError(
      code + 1,
      `${which} argument to $slice can't be represented as a 32-bit integer: ${numberOf(value)}`,
    )
  }
  return n
}
