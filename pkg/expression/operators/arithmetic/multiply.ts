import { DatabaseError } from '../../../base/errors.ts'
import { multiplyNumbers } from '../../../bson/number.ts'
import { doubleValue, int32Value, isNumber, nullValue, numberOf, type Value } from '../../../bson/value.ts'
import { isNullish } from '../../expression.ts'
import { variadicOperator } from '../operator.ts'
import { shownType } from '../shown-type.ts'

const one = int32Value(1)

/** `{$multiply: [number, ...]}`: the product in the widest type, int64 overflow as a double; null when one is null or missing. */
export const multiply = variadicOperator('$multiply', (operands) => (context) => {
  let product: Value = one
  for (const operand of operands) {
    const value = operand(context)
    if (isNullish(value)) return nullValue
    if (!isNumber(value.type)) {
      throw new DatabaseError('TypeMismatch', `$multiply only supports numeric types, not ${shownType(value)}`)
    }
    product = multiplyNumbers(product, value) ?? doubleValue(numberOf(product) * numberOf(value))
  }
  return product
})
