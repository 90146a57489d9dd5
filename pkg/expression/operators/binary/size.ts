/** `$binarySize`, `$bsonSize` and `$subtype`. */
import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { int32Value, nullValue, type Value } from '../../../bson/value.ts'
import { isNullish } from '../../expression.ts'
import { fixedOperator, type Operator } from '../operator.ts'
import { shownType } from '../shown-type.ts'

/** `measure`: undefined for what has no such measure. Null of null. Errors: `code`. */
function measuringOperator(
  name: string,
  code: number,
  wanted: string,
  measure: (value: Value) => number | undefined,
): Operator {
  return fixedOperator(name, 1, ([operand]) => (context) => {
    const value = operand!(context)
    if (isNullish(value)) return nullValue
    const size = measure(value)
    if (size === undefined) throw new DatabaseError(code, `${name} requires ${wanted}, found: ${shownType(value)}`)
    return int32Value(size)
  })
}

/** Bytes of the content. */
export const binarySize = measuringOperator('$binarySize', 51276, 'a string or BinData', ({ type, start, end }) => {
  if (type === bsonType.string) return end - start - 5
  return type === bsonType.binary ? end - start - 5 : undefined
})

export const bsonSize = measuringOperator('$bsonSize', 31393, 'a document input', ({ type, start, end }) =>
  type === bsonType.document ? end - start : undefined,
)

export const subtype = measuringOperator('$subtype', 10389300, 'a BinData argument', ({ type, bytes, start }) =>
  type === bsonType.binary ? bytes[start + 4] : undefined,
)
