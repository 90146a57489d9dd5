import { DatabaseError } from '../../base/errors.ts'
import { writeField } from '../../bson/build.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentFields, getField, isNumber, readString, type Value } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { defineCommand } from '../definition.ts'
import { anyType, commandFields, genericFields } from '../fields.ts'
import type { Operation } from '../operation.ts'
import { truthyAt } from '../truth.ts'

const fields = commandFields('getParameter', { getParameter: { type: anyType } }, { strict: false })

interface Request {
  readonly all: boolean
  readonly details: boolean
  /** undefined: any. */
  readonly settableAt: 'runtime' | 'startup' | undefined
  readonly names: readonly string[]
}

type Result = Readonly<Record<string, unknown>>

/** Parameters of the server, by name or all of them. */
export const getParameter = defineCommand({
  name: 'getParameter',
  help: 'parameters of the server: {getParameter: 1, <name>: 1} or {getParameter: "*"}',
  kind: 'commands',
  adminOnly: true,
  fields,
  parse: (): Request => {
    const names: string[] = []
    for (const { name } of documentFields(fields.bytes)) {
      if (name === 'getParameter' || name === 'allParameters' || Object.hasOwn(genericFields, name)) continue
      names.push(name)
    }
    const value = fields.value(fields.at.getParameter)
    if (value?.type === bsonType.string && readString(value.bytes, value.start) === '*')
      return { all: true, details: false, settableAt: undefined, names }
    if (value?.type !== bsonType.document) return { all: false, details: false, settableAt: undefined, names }
    return { ...readOptions(value), names }
  },
  run: (operation: Operation, request: Request): Result => {
    const { parameters } = operation.instance
    const names = request.all ? parameters.names() : request.names
    const result: Record<string, unknown> = {}
    for (const name of names) {
      const parameter = parameters.get(name)
      if (parameter === undefined) continue
      if (request.settableAt === 'runtime' && !parameter.settableAtRuntime) continue
      if (request.settableAt === 'startup' && !parameter.settableAtStartup) continue
      result[name] = request.details
        ? {
            value: parameter.value,
            settableAtRuntime: parameter.settableAtRuntime,
            settableAtStartup: parameter.settableAtStartup,
          }
        : parameter.value
    }
    if (Object.keys(result).length === 0) throw new DatabaseError('InvalidOptions', 'no option found to get')
    return result
  },
  reply: (result: Result, writer: BsonWriter) => {
    for (const name of Object.keys(result)) writeField(writer, name, result[name])
  },
})

function readOptions(value: Value): Omit<Request, 'names'> {
  for (const field of documentFields(value.bytes, value.start)) {
    if (field.name === 'showDetails' || field.name === 'allParameters') {
      if (field.type !== bsonType.boolean && !isNumber(field.type))
        throw new DatabaseError(
          'TypeMismatch',
          `BSON field 'getParameter.${field.name}' is the wrong type '${typeAlias(field.type)}', expected types '[bool, long, int, decimal, double]'`,
        )
      continue
    }
    if (field.name === 'setAt') {
      const at = field.type === bsonType.string ? readString(field.bytes, field.start) : undefined
      if (field.type !== bsonType.string)
        throw new DatabaseError(
          'TypeMismatch',
          `BSON field 'getParameter.setAt' is the wrong type '${typeAlias(field.type)}', expected type 'string'`,
        )
      if (at !== 'runtime' && at !== 'startup')
        throw new DatabaseError(
          'BadValue',
          `Enumeration value '${at}' for field 'getParameter.setAt' is not a valid value.`,
        )
      continue
    }
    throw new DatabaseError('UnknownField', `BSON field 'getParameter.${field.name}' is an unknown field.`)
  }
  const flag = (name: string): boolean => {
    const field = getField(value.bytes, name, value.start)
    return field !== undefined && truthyAt(field.type, field.bytes, field.start)
  }
  const setAt = getField(value.bytes, 'setAt', value.start)
  return {
    all: flag('allParameters'),
    details: flag('showDetails'),
    settableAt: setAt === undefined ? undefined : (readString(setAt.bytes, setAt.start) as 'runtime' | 'startup'),
  }
}
