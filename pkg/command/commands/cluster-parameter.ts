/** getClusterParameter and setClusterParameter: parameters that all members of a cluster would share. */
import { DatabaseError } from '../../base/errors.ts'
import { buildDocument, writeField } from '../../bson/build.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import {
  documentFields,
  documentValue,
  isNumber,
  numberOf,
  readString,
  timestampValue,
  type Value,
} from '../../bson/value.ts'
import { wholeNumberAt } from '../../bson/whole-number.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { isParameter, type ParameterFields, parameterNames, parametersCollection } from '../cluster-parameters.ts'
import { defineCommand, emptyReply } from '../definition.ts'
import { anyType, commandFields, objectType } from '../fields.ts'
import type { Operation } from '../operation.ts'
import { updateDocuments } from '../write.ts'

const fields = commandFields('getClusterParameter', { getClusterParameter: { type: anyType } }, { strict: false })

export const getClusterParameter = defineCommand({
  name: 'getClusterParameter',
  help: 'parameters that a cluster shares',
  kind: 'commands',
  adminOnly: true,
  fields,
  parse: (): readonly string[] => requestedNames(fields.value(fields.at.getClusterParameter)),
  run: ({ instance }: Operation, names: readonly string[]): readonly ParameterFields[] =>
    names.map((name) => {
      if (!isParameter(name)) throw new DatabaseError('NoSuchKey', `Unknown server parameter: ${name}`)
      return instance.clusterParameters.get(name)
    }),
  reply: (parameters: readonly ParameterFields[], writer: BsonWriter) =>
    writeField(writer, 'clusterParameters', parameters),
})

function requestedNames(value: Value | undefined): readonly string[] {
  if (value?.type === bsonType.string) {
    const name = readString(value.bytes, value.start)
    return name === '*' ? parameterNames : [name]
  }
  if (value?.type !== bsonType.array) throw wrongType(value?.type ?? bsonType.null)
  const names: string[] = []
  for (const name of documentFields(value.bytes, value.start)) {
    if (name.type !== bsonType.string) throw wrongType(name.type)
    names.push(readString(name.bytes, name.start))
  }
  if (names.length === 0) throw new DatabaseError('BadValue', 'Must supply at least one cluster server parameter name')
  return names
}

function wrongType(type: number): DatabaseError {
  return new DatabaseError(
    'TypeMismatch',
    `BSON field 'getClusterParameter.getClusterParameter' is the wrong type '${typeAlias(type)}', expected types '[string, array]'`,
  )
}

const setFields = commandFields('setClusterParameter', { setClusterParameter: { type: objectType, required: true } })

interface Setting {
  readonly name: string
  /** What is to be kept of it. */
  readonly fields: ParameterFields
}

/** What is wrong with a parameter is told first, then that a server that stands alone has none to set. */
export const setClusterParameter = defineCommand({
  name: 'setClusterParameter',
  help: 'changes a parameter that a replica set shares',
  kind: 'commands',
  adminOnly: true,
  fields: setFields,
  parse: (): Setting => {
    const [parameter, second] = documentFields(setFields.document(setFields.at.setClusterParameter)!)
    if (second !== undefined)
      throw new DatabaseError('InvalidOptions', 'setClusterParameter only supports setting exactly one parameter')
    const name = parameter?.name ?? ''
    if (parameter === undefined || !isParameter(name))
      throw new DatabaseError('NoSuchKey', `Unknown server parameter: ${name}`)
    if (parameter.type !== bsonType.document)
      throw new DatabaseError('BadValue', `Cluster parameter value must be an object`)
    return { name, fields: settingOf(name, parameter) }
  },
  run: async (operation: Operation, { name, fields: setting }: Setting): Promise<undefined> => {
    const { clusterParameters, engine, replicaSet } = operation.instance
    if (replicaSet === undefined)
      throw new DatabaseError('IllegalOperation', 'setClusterParameter is only for replica sets and sharded clusters')
    if (Object.keys(setting).length === 0)
      throw new DatabaseError('NotImplemented', `the cluster parameter ${name} cannot be set here`)
    const document = buildDocument({
      _id: name,
      clusterParameterTime: timestampValue(engine.clusterTime),
      ...setting,
    })
    const write = {
      filter: buildDocument({ _id: name }),
      update: documentValue(document),
      multi: false,
      upsert: true,
      arrayFilters: [],
      hint: undefined,
      sort: undefined,
    }
    await updateDocuments(operation, parametersCollection, write)
    clusterParameters.changed()
    return operation.acknowledge(undefined, engine.lastIndex)
  },
  reply: emptyReply,
})

/** Throws what is wrong with a parameter; its fields as they are kept, none of one that cannot be set. */
function settingOf(name: string, value: Value): ParameterFields {
  checkParameter(name, value)
  if (name === 'defaultMaxTimeMS') {
    const limit = onlyField(name, value, 'readOperations')
    if (!isNumber(limit.type))
      throw new DatabaseError('TypeMismatch', `'readOperations' must be a number, but is ${typeAlias(limit.type)}`)
    const limitMs = wholeNumberAt(limit.type, limit.bytes, limit.start)
    if (limitMs < 0 || limitMs > 0x7fffffff)
      throw new DatabaseError('BadValue', `'readOperations' must be between 0 and 2147483647, but is ${limitMs}`)
    return { readOperations: BigInt(limitMs) }
  }
  if (name !== 'changeStreamOptions') return {}
  const seconds = onlyField(name, onlyField(name, value, 'preAndPostImages'), 'expireAfterSeconds')
  const expireAfterSeconds = isNumber(seconds.type)
    ? BigInt(wholeNumberAt(seconds.type, seconds.bytes, seconds.start))
    : seconds
  return { preAndPostImages: { expireAfterSeconds } }
}

function checkParameter(name: string, value: Value): void {
  for (const field of documentFields(value.bytes, value.start))
    if (field.name.startsWith('$'))
      throw new DatabaseError('DollarPrefixedFieldName', `The parameter ${name} has a field with a leading '$'`)
  if (name === 'changeStreams') {
    const seconds = onlyField(name, value, 'expireAfterSeconds')
    if (!isNumber(seconds.type) || numberOf(seconds) < 1)
      throw new DatabaseError('BadValue', `Expected a positive integer for 'expireAfterSeconds'`)
  }
  if (name !== 'changeStreamOptions') return
  const images = onlyField(name, value, 'preAndPostImages')
  if (images.type !== bsonType.document) throw new DatabaseError('BadValue', `'preAndPostImages' must be an object`)
  const seconds = onlyField(name, images, 'expireAfterSeconds')
  const isOff = seconds.type === bsonType.string && readString(seconds.bytes, seconds.start) === 'off'
  if (!isOff && !(isNumber(seconds.type) && numberOf(seconds) >= 1))
    throw new DatabaseError('BadValue', `'expireAfterSeconds' must be a positive integer or 'off'`)
}

function onlyField(parameter: string, document: Value, name: string): Value {
  const [field, second] = documentFields(document.bytes, document.start)
  if (field?.name !== name || second !== undefined)
    throw new DatabaseError('BadValue', `The parameter ${parameter} takes '${name}' and nothing else`)
  return field
}
