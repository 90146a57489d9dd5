/** `$type`: a number, an alias, or an array of them. */

import { DatabaseError } from '../../../base/errors.ts'
import { bsonType, isBsonType, typeOfAlias } from '../../../bson/type.ts'
import { documentFields, isNumber, numberOf, readString, type Value } from '../../../bson/value.ts'
import { missing, type PathOperator, type ValueTest } from '../operator.ts'
import type { TypeFilter } from '../tree.ts'

const numberTypes = [bsonType.double, bsonType.int32, bsonType.int64, bsonType.decimal128]

export const typeOperator: PathOperator = {
  name: '$type',
  parse(path, operand): TypeFilter {
    const types = new Set<number>()
    if (operand.type === bsonType.array) {
      for (const element of documentFields(operand.bytes, operand.start)) addTypes(types, element)
    } else addTypes(types, operand)
    if (types.size === 0) throw new DatabaseError('FailedToParse', `${path.text} must match at least one type`)
    return { kind: 'type', path, types }
  },
}

function addTypes(types: Set<number>, operand: Value): void {
  if (operand.type === bsonType.string) {
    const alias = readString(operand.bytes, operand.start)
    if (alias === 'number') {
      for (const type of numberTypes) types.add(type)
      return
    }
    const type = typeOfAlias(alias)
    if (type === undefined) throw new DatabaseError('BadValue', `Unknown type name alias: ${alias}`)
    types.add(type)
    return
  }
  if (!isNumber(operand.type)) {
    throw new DatabaseError('TypeMismatch', 'type must be represented as a number or a string')
  }
  const code = numberOf(operand)
  // MinKey is -1 to users; 0 stands for a missing field and cannot be asked for.
  const type = code === -1 ? bsonType.minKey : code
  if (code === 0) throw new DatabaseError('BadValue', `Invalid numerical type code: 0. Instead use {$exists:false}.`)
  if (!Number.isInteger(type) || type < 0 || type > 255 || (type === 255 && code !== -1) || !isBsonType(type)) {
    throw new DatabaseError('BadValue', `Invalid numerical type code: ${code}`)
  }
  types.add(type)
}

export function typeTest(filter: TypeFilter): ValueTest {
  const wanted = new Uint8Array(256)
  for (const type of filter.types) wanted[type] = 1
  return (type) => type !== missing && wanted[type] === 1
}
