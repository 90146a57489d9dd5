import { DatabaseError } from '../../base/errors.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentFields, documentValue, readString, stringValue, type Value } from '../../bson/value.ts'
import { BsonWriter, indexName } from '../../bson/writer.ts'
import { splitFieldPath } from '../../expression/field-path.ts'
import type { StageDefinition, StagePlan } from '../stage.ts'

/**
 * `{$fill: {partitionBy | partitionByFields, sortBy, output: {path: {value} | {method: 'linear' | 'locf'}}}}`: values where there are
 * none. It is a `$setWindowFields` for the methods and an `$addFields` for the values.
 */
export const fill: StageDefinition = {
  name: '$fill',
  parse(operand, context) {
    const parsed = parseFill(operand)
    const plans: StagePlan[] = []
    if (parsed.methods.length > 0) plans.push(context.stage('$setWindowFields', windowOperand(parsed)))
    if (parsed.values.length > 0) plans.push(context.stage('$addFields', valuesOperand(parsed)))
    return {
      name: '$fill',
      oneToOne: parsed.methods.length === 0,
      open(input, run) {
        let stage = input
        for (const plan of plans) stage = plan.open(stage, run)
        return stage
      },
    }
  },
}

interface Filling {
  readonly partitionBy: Value | undefined
  readonly partitionFields: readonly string[]
  readonly sortBy: Value | undefined
  readonly methods: readonly { readonly path: string; readonly operator: Method }[]
  readonly values: readonly { readonly path: string; readonly value: Value }[]
}

function parseFill(operand: Value): Filling {
  if (operand.type !== bsonType.document) {
    throw new DatabaseError(
      'FailedToParse',
      `The $fill stage specification must be an object, found ${typeAlias(operand.type)}`,
    )
  }
  const given = new Map<string, Value>()
  for (const part of documentFields(operand.bytes, operand.start)) {
    if (!known.has(part.name)) {
      throw new DatabaseError('UnknownField', `BSON field '$fill.${part.name}' is an unknown field.`)
    }
    given.set(part.name, part)
  }
  const output = given.get('output')
  if (output === undefined) {
    throw new DatabaseError('MissingField', "BSON field '$fill.output' is missing but a required field")
  }
  if (output.type !== bsonType.document) throw new DatabaseError('TypeMismatch', "'$fill.output' must be an object")
  const partitionBy = given.get('partitionBy')
  const partitionByFields = given.get('partitionByFields')
  if (partitionBy !== undefined && partitionByFields !== undefined) {
    throw new DatabaseError(6050204, 'Maximum one of partitionBy and partitionByFields can be specified in $fill')
  }
  const sortBy = given.get('sortBy')
  const methods: { path: string; operator: Method }[] = []
  const values: { path: string; value: Value }[] = []
  for (const field of documentFields(output.bytes, output.start)) {
    splitFieldPath(field.name)
    const { method, value } = wayOf(field)
    if (method !== undefined) methods.push({ path: field.name, operator: method })
    if (value !== undefined) values.push({ path: field.name, value })
  }
  if (output.bytes[output.start + 4] === 0) {
    throw new DatabaseError(6050203, "The 'output' field in $fill must not be empty")
  }
  if (partitionBy !== undefined && partitionBy.type !== bsonType.string && partitionBy.type !== bsonType.document) {
    throw new DatabaseError(
      'TypeMismatch',
      `BSON field '$fill.partitionBy' is the wrong type '${typeAlias(partitionBy.type)}', expected types '[string, object]'`,
    )
  }
  return { partitionBy, partitionFields: fieldsOf(partitionByFields), sortBy, methods, values }
}

const known: ReadonlySet<string> = new Set(['partitionBy', 'partitionByFields', 'sortBy', 'output'])

type Method = '$linearFill' | '$locf'

/** How one field is filled; neither leaves it as it is. Errors: 6050200, 6050201, UnknownField, and those of `methodOf`. */
function wayOf(field: Value): { readonly method?: Method; readonly value?: Value } {
  if (field.type !== bsonType.document)
    throw new DatabaseError(6050200, 'Each fill output specification must be an object with exactly one field')
  let method: Method | undefined
  let value: Value | undefined
  for (const part of documentFields(field.bytes, field.start)) {
    if (part.name === 'value') value = part
    else if (part.name === 'method') method = methodOf(part)
    else throw new DatabaseError('UnknownField', `BSON field '$fill.${part.name}' is an unknown field.`)
  }
  if (method !== undefined && value !== undefined)
    throw new DatabaseError(
      6050201,
      "Each fill output specification must have exactly one of 'method' or 'value' fields, not both",
    )
  return method === undefined ? (value === undefined ? {} : { value }) : { method }
}

/** Errors: TypeMismatch, and 6050202 for another method. */
function methodOf(value: Value): Method {
  if (value.type !== bsonType.string)
    throw new DatabaseError(
      'TypeMismatch',
      `BSON field '$fill.method' is the wrong type '${typeAlias(value.type)}', expected type 'string'`,
    )
  const method = readString(value.bytes, value.start)
  if (method === 'linear') return '$linearFill'
  if (method === 'locf') return '$locf'
  throw new DatabaseError(6050202, 'Method must be either locf or linear')
}

function fieldsOf(value: Value | undefined): string[] {
  if (value === undefined) return []
  if (value.type !== bsonType.array)
    throw new DatabaseError('TypeMismatch', "'$fill.partitionByFields' must be an array")
  return [...documentFields(value.bytes, value.start)].map((element) => {
    if (element.type !== bsonType.string) {
      throw new DatabaseError('TypeMismatch', "'$fill.partitionByFields' must be an array of strings")
    }
    const path = readString(element.bytes, element.start)
    if (path.startsWith('$')) throw new DatabaseError('BadValue', 'partitionByFields must not begin with a $')
    splitFieldPath(path)
    return path
  })
}

function windowOperand({ partitionBy, partitionFields, sortBy, methods }: Filling): Value {
  const writer = new BsonWriter()
  writer.beginDocument()
  if (partitionBy !== undefined) writer.value('partitionBy', partitionBy)
  else if (partitionFields.length > 0) {
    writer.beginDocument('partitionBy')
    partitionFields.forEach((path, i) => {
      writer.string(`p${indexName(i)}`, `$${path}`)
    })
    writer.end()
  }
  if (sortBy !== undefined) writer.value('sortBy', sortBy)
  writer.beginDocument('output')
  for (const { path, operator } of methods) {
    writer.beginDocument(path)
    writer.string(operator, `$${path}`)
    writer.end()
  }
  writer.end()
  writer.end()
  return documentValue(writer.finish())
}

function valuesOperand({ values }: Filling): Value {
  const writer = new BsonWriter()
  writer.beginDocument()
  for (const { path, value } of values) {
    writer.beginDocument(path)
    writer.beginArray('$ifNull')
    writer.value('0', stringValue(`$${path}`))
    writer.value('1', value)
    writer.end()
    writer.end()
  }
  writer.end()
  return documentValue(writer.finish())
}
