import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { isNumber, nullValue, numberOf, type Value } from '../../../bson/value.ts'
import { ElementWalker } from '../../../bson/walk.ts'
import { isNullish, missing } from '../../expression.ts'
import { fixedOperator } from '../operator.ts'
import { shownType } from '../shown-type.ts'

/** `{$arrayElemAt: [array, index]}`: from the end when negative; missing when out of bounds. */
export const arrayElemAt = fixedOperator('$arrayElemAt', 2, ([array, index]) => (context) => {
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
  const number = numberOf(position)
  if (!Number.isInteger(number) || Math.abs(number) > 2 ** 31) {
    throw new DatabaseError(
      28691,
      `$arrayElemAt's second argument must be representable as a 32-bit integer: ${number}`,
    )
  }
  const elements: Value[] = []
  const walker = new ElementWalker().reset(list.bytes, list.start)
  while (walker.next()) elements.push(walker.value())
  return elements.at(number) ?? missing
})
