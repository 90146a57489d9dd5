import { bsonType } from '../../../bson/type.ts'
import { booleanValue } from '../../../bson/value.ts'
import { fixedOperator } from '../operator.ts'

/** `{$isArray: [a]}` */
export const isArray = fixedOperator(
  '$isArray',
  1,
  ([operand]) =>
    (context) =>
      booleanValue(operand!(context).type === bsonType.array),
)
