/** `bsonType` (MongoDB's type names) and `type` (JSON's). */
import { DatabaseError } from '../../../base/errors.ts'
import { bsonType, typeAlias, typeOfAlias } from '../../../bson/type.ts'
import { documentFields, readString, type Value } from '../../../bson/value.ts'
import { firstRepeated, mismatch } from '../operands.ts'
import { type Keyword, type Rule, specified } from '../schema.ts'

const numberTypes = [bsonType.double, bsonType.int32, bsonType.int64, bsonType.decimal128]

const jsonTypes: ReadonlyMap<string, readonly number[]> = new Map<string, readonly number[]>([
  ['array', [bsonType.array]],
  ['boolean', [bsonType.boolean]],
  ['null', [bsonType.null]],
  ['number', numberTypes],
  ['object', [bsonType.document]],
  ['string', [bsonType.string]],
])

export const typeKeywords: readonly Keyword[] = [
  { name: 'type', parse: (operand) => typeRule('type', operand, (alias) => jsonTypes.get(alias)) },
  { name: 'bsonType', parse: (operand) => typeRule('bsonType', operand, bsonTypes) },
]

function bsonTypes(alias: string): readonly number[] | undefined {
  if (alias === 'number') return numberTypes
  const type = typeOfAlias(alias)
  return type === undefined ? undefined : [type]
}

function typeRule(name: string, operand: Value, typesOf: (alias: string) => readonly number[] | undefined): Rule {
  const wanted = new Uint8Array(256)
  for (const alias of aliases(name, operand)) {
    if (alias === 'integer') {
      throw new DatabaseError('FailedToParse', `$jsonSchema type 'integer' is not currently supported.`)
    }
    const types = typesOf(alias)
    if (types === undefined) throw new DatabaseError('BadValue', `Unknown type name alias: ${alias}`)
    for (const type of types) wanted[type] = 1
  }
  return {
    test: (type) => wanted[type] === 1,
    explain: (value) => ({
      ...specified(name, operand),
      reason: 'type did not match',
      consideredValue: value,
      consideredType: typeAlias(value.type),
    }),
  }
}

function aliases(name: string, operand: Value): string[] {
  if (operand.type === bsonType.string) return [readString(operand.bytes, operand.start)]
  if (operand.type !== bsonType.array) throw mismatch(name, 'either a string or an array of strings')
  const found = [...documentFields(operand.bytes, operand.start)].map((element) => {
    if (element.type !== bsonType.string) throw mismatch(name, 'either a string or an array of strings')
    return readString(element.bytes, element.start)
  })
  if (found.length === 0)
    throw new DatabaseError('FailedToParse', `$jsonSchema keyword '${name}' must name at least one type`)
  const repeated = firstRepeated(found)
  if (repeated !== undefined) {
    throw new DatabaseError('FailedToParse', `$jsonSchema keyword '${name}' has duplicate value: ${repeated}`)
  }
  return found
}
