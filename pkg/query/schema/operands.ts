/** Operands of keywords, checked: TypeMismatch (14) or FailedToParse (9) for others. */
import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import { documentFields, isNumber, readString, type Value } from '../../bson/value.ts'
import { exactInt64 } from '../filter/operators/integer.ts'

export function objectOperand(name: string, operand: Value): Value {
  if (operand.type !== bsonType.document) throw mismatch(name, 'an object')
  return operand
}

export function arrayOperand(name: string, operand: Value): Value[] {
  if (operand.type !== bsonType.array) throw mismatch(name, 'an array')
  return [...documentFields(operand.bytes, operand.start)]
}

export function booleanOperand(name: string, operand: Value): boolean {
  if (operand.type !== bsonType.boolean) throw mismatch(name, 'a boolean')
  return operand.bytes[operand.start] === 1
}

export function stringOperand(name: string, operand: Value): string {
  if (operand.type !== bsonType.string) throw mismatch(name, 'a string')
  return readString(operand.bytes, operand.start)
}

export function numberOperand(name: string, operand: Value): Value {
  if (!isNumber(operand.type)) throw mismatch(name, 'a number')
  return operand
}

/** A length or count. */
export function countOperand(name: string, operand: Value): number {
  const count = exactInt64(operand)
  if (count === undefined) {
    throw new DatabaseError(
      'FailedToParse',
      `$jsonSchema keyword '${name}' must be a representable as a 64-bit integer`,
    )
  }
  if (count < 0n)
    throw new DatabaseError('FailedToParse', `$jsonSchema keyword '${name}' must be a non-negative number`)
  return Number(count)
}

/** Distinct strings, one at least. */
export function namesOperand(name: string, operand: Value): string[] {
  const names = arrayOperand(name, operand).map((element) => {
    if (element.type !== bsonType.string) throw mismatch(name, 'an array of strings')
    return readString(element.bytes, element.start)
  })
  if (names.length === 0) {
    throw new DatabaseError('FailedToParse', `$jsonSchema keyword '${name}' cannot be an empty array`)
  }
  const repeated = firstRepeated(names)
  if (repeated !== undefined) {
    throw new DatabaseError(
      'FailedToParse',
      `$jsonSchema keyword '${name}' array cannot contain duplicate values: ${repeated}`,
    )
  }
  return names
}

/** The first name that has come before. */
export function firstRepeated(names: readonly string[]): string | undefined {
  const seen = new Set<string>()
  return names.find((name) => seen.size === seen.add(name).size)
}

export function mismatch(name: string, wanted: string): DatabaseError {
  return new DatabaseError('TypeMismatch', `$jsonSchema keyword '${name}' must be ${wanted}`)
}
