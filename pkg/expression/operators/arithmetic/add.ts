import { DatabaseError } from '../../../base/errors.ts'
import { addNumbers } from '../../../bson/number.ts'
import { NumberSum } from '../../../bson/number-sum.ts'
import { bsonType } from '../../../bson/type.ts'
import { dateValue, doubleValue, isNumber, nullValue, numberOf, readInt64, type Value } from '../../../bson/value.ts'
import { isNullish } from '../../expression.ts'
import { variadicOperator } from '../operator.ts'
import { shownType } from '../shown-type.ts'
import { dateBy } from './date-arithmetic.ts'

/**
 * `{$add: [number, ...]}`: the sum in the widest type, int64 overflow as a double; with one date among them, a later date.
 * Null when one is null or missing. Errors: TypeMismatch, 16612 for a second date.
 */
export const add = variadicOperator('$add', (operands) => {
  const [left, right] = operands
  if (operands.length === 2) return (context) => addTwo(left!(context), right!(context))
  return (context) => addAll(operands.map((operand) => operand(context)))
})

function addTwo(a: Value, b: Value): Value {
  if (isNumber(a.type) && isNumber(b.type)) {
    const sum = addNumbers(a, b)
    if (sum !== undefined) return sum
  }
  return addAll([a, b])
}

function addAll(values: readonly Value[]): Value {
  const sum = new NumberSum()
  let date: Value | undefined
  for (const value of values) {
    if (isNumber(value.type)) sum.addValue(value)
    else if (value.type === bsonType.date) {
      if (date !== undefined) throw new DatabaseError(16612, 'only one date allowed in an $add expression')
      date = value
    } else if (isNullish(value)) return nullValue
    else {
      throw new DatabaseError('TypeMismatch', `$add only supports numeric or date types, not ${shownType(value)}`)
    }
  }
  // Decimals are rounded at each step, in the order written.
  if (date === undefined && values.some(({ type }) => type === bsonType.decimal128)) return addInOrder(values)
  return date === undefined ? sum.total() : dateValue(dateBy(readInt64(date.bytes, date.start), sum.total()))
}

function addInOrder(numbers: readonly Value[]): Value {
  return numbers.reduce((total, number) => addNumbers(total, number) ?? doubleValue(numberOf(total) + numberOf(number)))
}
