/** getClusterParameter and setClusterParameter: parameters that all members of a cluster would share. */
import { DatabaseError } from '../../base/errors.ts'
import { writeField } from '../../bson/build.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentFields, isNumber, numberOf, readString, type Value } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { defineCommand, emptyReply } from '../definition.ts'
import { anyType, commandFields, objectType } from '../fields.ts'
import type { Operation } from '../instance.ts'

/** As they are on a server where nobody has set any. */
const defaults: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  addOrRemoveShardInProgress: { inProgress: false },
  auditConfig: { generation: 'ffffffffffffffffffffffff', auditAuthorizationSuccess: false, filter: {} },
  changeStreamOptions: { preAndPostImages: { expireAfterSeconds: 'off' } },
  changeStreams: { expireAfterSeconds: 3600n },
  configServerReadPreferenceForCatalogQueries: { mustAlwaysUseNearest: false },
  defaultMaxTimeMS: { readOperations: 0n },
  fleCompactionOptions: { maxCompactionSize: 268_435_456 },
  fleDisableSubstringPreviewParameterLimits: { shouldDisable: false },
  querySettings: { settingsArray: [] },
}

interface Parameter {
  readonly name: string
  readonly value: Readonly<Record<string, unknown>>
}

const fields = commandFields('getClusterParameter', { getClusterParameter: { type: anyType } }, { strict: false })

export const getClusterParameter = defineCommand({
  name: 'getClusterParameter',
  help: 'parameters that a cluster shares',
  kind: 'commands',
  adminOnly: true,
  fields,
  parse: (): readonly string[] => requestedNames(fields.value(fields.at.getClusterParameter)),
  run: (_operation: Operation, names: readonly string[]): readonly Parameter[] =>
    names.map((name) => {
      const value = Object.hasOwn(defaults, name) ? defaults[name] : undefined
      if (value === undefined) throw new DatabaseError('NoSuchKey', `Unknown server parameter: ${name}`)
      return { name, value }
    }),
  reply: (parameters: readonly Parameter[], writer: BsonWriter) => {
    writeField(
      writer,
      'clusterParameters',
      parameters.map(({ name, value }) => ({ _id: name, ...value })),
    )
  },
})

function requestedNames(value: Value | undefined): readonly string[] {
  if (value?.type === bsonType.string) {
    const name = readString(value.bytes, value.start)
    return name === '*' ? Object.keys(defaults) : [name]
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

/** A single server is no cluster: whatever is right is refused, and what is wrong is told first. */
export const setClusterParameter = defineCommand({
  name: 'setClusterParameter',
  help: 'changes a parameter that a cluster shares',
  kind: 'commands',
  adminOnly: true,
  fields: setFields,
  parse: (): void => {
    const [parameter, second] = documentFields(setFields.document(setFields.at.setClusterParameter)!)
    if (second !== undefined)
      throw new DatabaseError('InvalidOptions', 'setClusterParameter only supports setting exactly one parameter')
    const name = parameter?.name ?? ''
    if (parameter === undefined || !Object.hasOwn(defaults, name))
      throw new DatabaseError('NoSuchKey', `Unknown server parameter: ${name}`)
    if (parameter.type !== bsonType.document)
      throw new DatabaseError('BadValue', `Cluster parameter value must be an object`)
    checkParameter(name, parameter)
    throw new DatabaseError('IllegalOperation', 'setClusterParameter is only for replica sets and sharded clusters')
  },
  run: () => undefined,
  reply: emptyReply,
})

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
