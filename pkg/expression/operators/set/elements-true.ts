import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { booleanValue, truthy } from '../../../bson/value.ts'
import { ElementWalker } from '../../../bson/walk.ts'
import { fixedOperator, type Operator } from '../operator.ts'
import { shownType } from '../shown-type.ts'

/** `{$allElementsTrue: [array]}`: true of an empty one. Errors: 17040 for what is no array. */
export const allElementsTrue = elementsOperator('$allElementsTrue', 17040, false)

/** `{$anyElementTrue: [array]}`: false of an empty one. Errors: 17041 for what is no array. */
export const anyElementTrue = elementsOperator('$anyElementTrue', 17041, true)

/** `decisive`: the truth of an element that decides the result, which is the same then; the opposite when there is none. */
function elementsOperator(name: string, code: number, decisive: boolean): Operator {
  return fixedOperator(name, 1, ([operand]) => {
    const walker = new ElementWalker()
    return (context) => {
      const array = operand!(context)
      if (array.type !== bsonType.array) {
        throw new DatabaseError(code, `${name}'s argument must be an array, but is ${shownType(array)}`)
      }
      walker.reset(array.bytes, array.start)
      while (walker.next()) if (truthy(walker.value()) === decisive) return booleanValue(decisive)
      return booleanValue(!decisive)
    }
  })
}
