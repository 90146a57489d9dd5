/** What the stages that fuse pipelines have in common in how they are written. */
import { DatabaseError } from '../base/errors.ts'
import { bsonType, typeAlias } from '../bson/type.ts'
import { documentFields, isNumber, numberOf, type Value } from '../bson/value.ts'

/** The stages themselves: none may be in the input of another. */
export const fusing: ReadonlySet<string> = new Set(['$rankFusion', '$scoreFusion'])

/** The stage that a pipeline, of whatever type, begins with. */
export function firstStage(pipeline: Value): string | undefined {
  if (pipeline.type !== bsonType.array) return undefined
  const [first] = documentFields(pipeline.bytes, pipeline.start)
  const [stage] = first?.type === bsonType.document ? documentFields(first.bytes, first.start) : []
  return stage?.name
}

/** Errors: 9460301 for more weights than pipelines, 9967500 for one of none, 13118 and 9460300 for what is no number or below 0. */
export function checkedWeights(stage: string, weights: Value, names: ReadonlySet<string>): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  if (weights.type !== bsonType.document) throw wrongType(`${stage}.combination.weights`, weights)
  const fields = [...documentFields(weights.bytes, weights.start)]
  if (fields.length > names.size) {
    throw new DatabaseError(9460301, `${stage} input has fewer pipelines than weights`)
  }
  for (const field of fields) {
    if (!names.has(field.name)) throw new DatabaseError(9967500, `${stage} has no pipeline called '${field.name}'`)
    if (!isNumber(field.type)) {
      throw new DatabaseError(13118, `The weight '${field.name}' is not a number, but ${typeAlias(field.type)}`)
    }
    const weight = numberOf(field)
    if (!(weight >= 0)) throw new DatabaseError(9460300, `The weight '${field.name}' must not be negative: ${weight}`)
    found.set(field.name, weight)
  }
  return found
}

export function fieldsOf(path: string, value: Value, known: readonly string[]): ReadonlyMap<string, Value> {
  if (value.type !== bsonType.document) throw wrongType(path, value)
  const fields = new Map<string, Value>()
  for (const field of documentFields(value.bytes, value.start)) {
    if (!known.includes(field.name)) {
      throw new DatabaseError('UnknownField', `BSON field '${path}.${field.name}' is an unknown field.`)
    }
    fields.set(field.name, field)
  }
  return fields
}

export function required(stage: string, fields: ReadonlyMap<string, Value>, name: string): Value {
  const value = fields.get(name)
  if (value !== undefined) return value
  throw new DatabaseError('MissingField', `BSON field '${stage}.${name}' is missing but a required field`)
}

export function wrongType(path: string, value: Value, expected = 'object'): DatabaseError {
  return new DatabaseError(
    'TypeMismatch',
    `BSON field '${path}' is the wrong type '${typeAlias(value.type)}', expected type '${expected}'`,
  )
}
