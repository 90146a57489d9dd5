/** `{$toInt: a}` and its kin: `$convert` to one type. Null of null. Errors: 50723 for several operands, ConversionFailure. */
import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { documentFields, nullValue, type Value } from '../../../bson/value.ts'
import { type Expression, isNullish } from '../../expression.ts'
import type { Scope } from '../../scope.ts'
import type { Operator, ParseOperand } from '../operator.ts'
import { uuidSubtype } from './binary-text.ts'
import { type ConversionOptions, convert, plainConversion } from './conversion.ts'

function conversionOperator(name: string, target: number, options: ConversionOptions = plainConversion): Operator {
  return {
    name,
    parse: (operand, scope, parse) => ({
      kind: 'operator',
      name,
      operands: [parseOnly(name, operand, scope, parse)],
      foldable: true,
      make:
        ([input]) =>
        (context) => {
          const value = input!(context)
          return isNullish(value) ? nullValue : convert(value, target, options)
        },
    }),
  }
}

function parseOnly(name: string, operand: Value, scope: Scope, parse: ParseOperand): Expression {
  if (operand.type !== bsonType.array) return parse(operand, scope)
  const elements = [...documentFields(operand.bytes, operand.start)]
  if (elements.length !== 1) {
    throw new DatabaseError(50723, `${name} requires a single argument, got ${elements.length}`)
  }
  return parse(elements[0]!, scope)
}

const anyText: ConversionOptions = { ...plainConversion, format: 'auto' }
const uuid: ConversionOptions = { ...plainConversion, format: 'uuid', subtype: uuidSubtype }

export const conversionOperators: readonly Operator[] = [
  conversionOperator('$toArray', bsonType.array),
  conversionOperator('$toBool', bsonType.boolean),
  conversionOperator('$toDate', bsonType.date),
  conversionOperator('$toDecimal', bsonType.decimal128),
  conversionOperator('$toDouble', bsonType.double),
  conversionOperator('$toInt', bsonType.int32),
  conversionOperator('$toLong', bsonType.int64),
  conversionOperator('$toObject', bsonType.document),
  conversionOperator('$toObjectId', bsonType.objectId),
  conversionOperator('$toString', bsonType.string, anyText),
  conversionOperator('$toUUID', bsonType.binary, uuid),
]
