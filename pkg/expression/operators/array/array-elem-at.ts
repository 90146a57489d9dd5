import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { isNumber, nullValue, numberOf } from '../../../bson/value.ts'
import { ElementWalker } from '../../../bson/walk.ts'
import { isNullish, missing } from '../../expression.ts'
import { int32Of } from '../int32.ts'
import { fixedOperator } from '../operator.ts'
import { shownType } from '../shown-type.ts'
import { countedElements, stepsPerElement } from './element-count.ts'

/** `{$arrayElemAt: [array, index]}`: from the end when negative; missing when out of bounds. */
export const arrayElemAt = fixedOperator('$arrayElemAt', 2, ([array, index]) => {
  const walker = new ElementWalker()
  return (context) => {
    const list = array!(context)
    const position = index!(context)
    if (isNullish(list) || isNullish(position)) return nullValue
    if (list.type !== bsonType.array) {
      throw new DatabaseError(28689, `$arrayElemAt's first argument must be an array, but is ${shownType(list)}`)
    }
    if (!isNumber(position.type)) {
      throw new DatabaseError(
        28690,
        `$arrayElemAt's second argument must be a numeric value, but is ${shownType(position)}`,
      )
    }
    let wanted = int32Of(position)
    if (wanted === undefined) {
      throw new DatabaseError(
        28691,
        `$arrayElemAt's second argument must be representable as a 32-bit integer: ${numberOf(position)}`,
      )
    }
    if (wanted < 0) wanted += countedElements(context, list)
    if (wanted < 0) return missing
    walker.reset(list.bytes, list.start)
    while (walker.next()) {
      context.spend(stepsPerElement)
      if (wanted-- === 0) return walker.value()
    }
    return missing
  }
})
