import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { booleanValue } from '../../../bson/value.ts'
import { ElementWalker } from '../../../bson/walk.ts'
import { missing } from '../../expression.ts'
import { fixedOperator } from '../operator.ts'
import { shownType } from '../shown-type.ts'
import { stepsPerElement } from './element-count.ts'

/** `{$in: [a, array]}`: whether an element equals a. Errors: 40081 when the second is no array. */
export const inArray = fixedOperator('$in', 2, ([operand, array], { equalValues }) => {
  const walker = new ElementWalker()
  return (context) => {
    const value = operand!(context)
    const list = array!(context)
    if (list.type !== bsonType.array) {
      throw new DatabaseError(40081, `$in requires an array as a second argument, found: ${shownType(list)}`)
    }
    if (value === missing) return booleanValue(false)
    walker.reset(list.bytes, list.start)
    while (walker.next()) {
      context.spend(stepsPerElement)
      if (equalValues(value.type, value.bytes, value.start, walker.type, list.bytes, walker.valueStart)) {
        return booleanValue(true)
      }
    }
    return booleanValue(false)
  }
})
