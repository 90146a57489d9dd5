import { DatabaseError } from '../../../base/errors.ts'
import { bsonType, typeAlias } from '../../../bson/type.ts'
import { documentFields, int32Value, int64Value, readInt32, readInt64, type Value } from '../../../bson/value.ts'
import { describeElement } from '../describe.ts'
import { onMissing, type UpdateOperator } from '../update.ts'
import { describeId } from './arithmetic.ts'

interface Operation {
  readonly operand: Value
  apply(a: bigint, b: bigint): bigint
}

const operations: Readonly<Record<string, Operation['apply'] | undefined>> = {
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
}

/** `{$bit: {path: {and: integer, or: integer, xor: integer}}}`: in the order written; a missing field counts as 0. */
export const bit: UpdateOperator = {
  name: '$bit',
  parse(path, operand, target) {
    const steps = parseOperations(operand)
    target.add(path, {
      operator: '$bit',
      onMissing: () => onMissing.create,
      modify(existing, state, fieldName): Value {
        if (existing !== undefined && !isInteger(existing)) {
          throw new DatabaseError(
            'BadValue',
            `Cannot apply $bit to a value of non-integral type.${describeId(state)} has the field ${fieldName} of non-integer type ${typeAlias(existing.type)}`,
          )
        }
        let bits = existing === undefined ? 0n : integerOf(existing)
        let wide = existing !== undefined && existing.type === bsonType.int64
        for (const step of steps) {
          bits = step.apply(bits, integerOf(step.operand))
          if (step.operand.type === bsonType.int64) wide = true
        }
        return wide ? int64Value(bits) : int32Value(Number(bits))
      },
    })
  },
}

function parseOperations(operand: Value): Operation[] {
  if (operand.type !== bsonType.document) {
    throw new DatabaseError(
      'BadValue',
      `The $bit modifier is not compatible with a ${typeAlias(operand.type)}. You must pass in an embedded document: {$bit: {field: {and/or/xor: #}}`,
    )
  }
  const steps: Operation[] = []
  for (const field of documentFields(operand.bytes, operand.start)) {
    const apply = Object.hasOwn(operations, field.name) ? operations[field.name] : undefined
    if (apply === undefined) {
      throw new DatabaseError(
        'BadValue',
        `The $bit modifier only supports 'and', 'or', and 'xor', not '${field.name}' which is an unknown operator: ${describeElement(field.name, field)}`,
      )
    }
    if (!isInteger(field)) {
      throw new DatabaseError(
        'BadValue',
        `The $bit modifier field must be an Integer(32/64 bit); a '${typeAlias(field.type)}' is not supported here: ${describeElement(field.name, field)}`,
      )
    }
    steps.push({ operand: field, apply })
  }
  if (steps.length === 0) {
    throw new DatabaseError(
      'BadValue',
      'You must pass in at least one bitwise operation. The expected syntax is: {$bit: {field: {and/or/xor: #}}',
    )
  }
  return steps
}

function isInteger(value: Value): boolean {
  return value.type === bsonType.int32 || value.type === bsonType.int64
}

function integerOf({ type, bytes, start }: Value): bigint {
  return type === bsonType.int64 ? readInt64(bytes, start) : BigInt(readInt32(bytes, start))
}
