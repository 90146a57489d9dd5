/** Arguments by name: `{$map: {input: ..., as: ..., in: ...}}`. */
import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import { documentFields, type Value } from '../../bson/value.ts'

/** Codes of the errors that are an operator's own. */
export interface ArgumentCodes {
  readonly notDocument: number
  readonly unknown: number
}

/** An operator's arguments, as they stand; of a name that comes twice the last. */
export class NamedArguments {
  readonly #operator: string
  readonly #values: ReadonlyMap<string, Value>

  constructor(operator: string, values: ReadonlyMap<string, Value>) {
    this.#operator = operator
    this.#values = values
  }

  get(name: string): Value | undefined {
    return this.#values.get(name)
  }

  /** Errors: `code` when it was not given. */
  required(name: string, code: number): Value {
    const value = this.#values.get(name)
    if (value === undefined) throw new DatabaseError(code, `Missing '${name}' parameter to ${this.#operator}`)
    return value
  }
}

/** Errors: `codes.notDocument` for what is no document, `codes.unknown` for a name that is none of `names`. */
export function namedArguments(
  operator: string,
  operand: Value,
  names: readonly string[],
  codes: ArgumentCodes,
): NamedArguments {
  if (operand.type !== bsonType.document) {
    throw new DatabaseError(codes.notDocument, `${operator} only supports an object as its argument`)
  }
  const values = new Map<string, Value>()
  for (const field of documentFields(operand.bytes, operand.start)) {
    if (!names.includes(field.name)) {
      throw new DatabaseError(codes.unknown, `Unrecognized parameter to ${operator}: ${field.name}`)
    }
    values.set(field.name, field)
  }
  return new NamedArguments(operator, values)
}
