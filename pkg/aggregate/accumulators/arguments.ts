/** Operands of accumulators that take a document of named arguments. */
import { DatabaseError, type ErrorName } from '../../base/errors.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentFields, type Value } from '../../bson/value.ts'

/** The fields of `operand`, which all must be known. Errors: `codes`. */
export function namedArguments(
  name: string,
  operand: Value,
  known: readonly string[],
  codes: { readonly type: ErrorName | number; readonly unknown: ErrorName | number },
): ReadonlyMap<string, Value> {
  if (operand.type !== bsonType.document) {
    throw new DatabaseError(codes.type, `specification must be an object; found ${name}: ${typeAlias(operand.type)}`)
  }
  const found = new Map<string, Value>()
  for (const field of documentFields(operand.bytes, operand.start)) {
    if (!known.includes(field.name)) {
      throw new DatabaseError(codes.unknown, `Unknown argument for '${name}' operator: '${field.name}'`)
    }
    found.set(field.name, field)
  }
  return found
}

/** The argument, which must be there. Errors: `code`. */
export function requiredArgument(
  name: string,
  found: ReadonlyMap<string, Value>,
  argument: string,
  code: ErrorName | number,
): Value {
  const value = found.get(argument)
  if (value === undefined) throw new DatabaseError(code, `Missing value for '${argument}' in '${name}'`)
  return value
}
