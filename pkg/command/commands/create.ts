import { DatabaseError } from '../../base/errors.ts'
import { equalValues } from '../../bson/order.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentFields, documentOf, readString, type Value } from '../../bson/value.ts'
import { BsonWriter } from '../../bson/writer.ts'
import { defineCommand, emptyReply } from '../definition.ts'
import {
  anyType,
  arrayType,
  booleanType,
  commandFields,
  Fields,
  numberType,
  objectType,
  strictBooleanType,
  stringType,
} from '../fields.ts'
import type { Operation } from '../instance.ts'
import { collectionNameOf } from '../namespace.ts'
import { refuseCollation } from '../refuse.ts'
import { checkNewCollection } from '../write-insert.ts'

const fields = commandFields('create', {
  create: { type: anyType, required: true },
  capped: { type: booleanType },
  autoIndexId: { type: booleanType },
  idIndex: { type: objectType },
  size: { type: numberType },
  max: { type: numberType },
  storageEngine: { type: objectType },
  validator: { type: objectType },
  validationLevel: { type: stringType },
  validationAction: { type: stringType },
  indexOptionDefaults: { type: objectType },
  viewOn: { type: stringType },
  pipeline: { type: arrayType },
  collation: { type: objectType },
  changeStreamPreAndPostImages: { type: objectType },
  timeseries: { type: objectType },
  clusteredIndex: { type: anyType },
  expireAfterSeconds: { type: anyType },
  encryptedFields: { type: objectType },
  recordIdsReplicated: { type: booleanType },
  temp: { type: booleanType },
  flags: { type: numberType },
  bypassDocumentValidation: { type: booleanType },
  allowsDeletes: { type: anyType },
})

const preImageFields = new Fields('create.changeStreamPreAndPostImages', {
  enabled: { type: strictBooleanType, required: true },
})
const indexDefaultsFields = new Fields('create.indexOptionDefaults', { storageEngine: { type: objectType } })

export interface CreateCommand {
  readonly collection: string
  /** The options as they are kept and shown. */
  readonly options: Uint8Array
}

/** What is kept of a collection's options: everything given that says something about the collection itself. */
const keptOptions: ReadonlySet<string> = new Set([
  'storageEngine',
  'indexOptionDefaults',
  'changeStreamPreAndPostImages',
])

/** Makes a collection. */
export const create = defineCommand({
  name: 'create',
  help: 'makes a collection',
  kind: 'commands',
  stable: true,
  writeConcern: true,
  fields,
  parse: (database: string): CreateCommand => {
    const at = fields.at
    const collection = collectionNameOf(database, fields.type(at.create), fields.bytes, fields.start(at.create))
    checkCapped()
    checkValidation()
    checkView()
    checkStorage(fields.document(at.storageEngine))
    const indexDefaults = fields.document(at.indexOptionDefaults)
    if (indexDefaults !== undefined)
      checkStorage(indexDefaultsFields.read(indexDefaults, 0).document(indexDefaultsFields.at.storageEngine))
    const preImages = fields.document(at.changeStreamPreAndPostImages)
    if (preImages !== undefined && preImageFields.read(preImages, 0).boolean(preImageFields.at.enabled))
      refuseOption('changeStreamPreAndPostImages')
    refuseLater()
    return { collection, options: optionsOf(fields.bytes) }
  },
  run: (operation: Operation, request: CreateCommand): undefined | Promise<undefined> => {
    const { engine } = operation.instance
    const target = { database: operation.databaseName, collection: request.collection }
    operation.namespace = `${target.database}.${target.collection}`
    const existing = engine.collection(target.database, target.collection)
    if (existing !== undefined) {
      // The same collection again is no error.
      if (sameOptions(existing.options, request.options)) return operation.acknowledge(undefined, engine.lastIndex)
      throw new DatabaseError(
        'NamespaceExists',
        `namespace ${existing.namespace} already exists, but with different options`,
      )
    }
    checkNewCollection(operation, target)
    const { logIndex } = engine.write((unit) =>
      unit.createCollection(target.database, target.collection, request.options),
    )
    return operation.acknowledge(undefined, logIndex)
  },
  reply: emptyReply,
})

function sameOptions(a: Uint8Array, b: Uint8Array): boolean {
  return equalValues(bsonType.document, a, 0, bsonType.document, b, 0)
}

function optionsOf(command: Uint8Array): Uint8Array {
  const writer = new BsonWriter()
  writer.beginDocument()
  for (const field of documentFields(command)) {
    if (keptOptions.has(field.name) && field.type === bsonType.document) writer.value(field.name, field)
  }
  writer.end()
  return writer.finish()
}

function checkCapped(): void {
  const at = fields.at
  const capped = fields.boolean(at.capped)
  const size = fields.number(at.size)
  const max = fields.number(at.max)
  if (size !== undefined) {
    if (size < 1) throw new DatabaseError('BadValue', `BSON field 'size' value must be >= 1, actual value '${size}'`)
    if (size > 2 ** 50)
      throw new DatabaseError('BadValue', `BSON field 'size' value must be <= ${2 ** 50}, actual value '${size}'`)
  }
  if (max !== undefined && max > 0x7fffffff)
    throw new DatabaseError('BadValue', 'max in a capped collection has to be < 2^31 or not set')
  if (!capped) {
    if (size !== undefined || max !== undefined)
      throw new DatabaseError(
        'InvalidOptions',
        `the 'capped' field needs to be true when either the 'size' or 'max' fields are present`,
      )
    return
  }
  if (fields.has(at.viewOn)) return
  if (size === undefined)
    throw new DatabaseError('InvalidOptions', `the 'size' field is required when 'capped' is true`)
}

const levels: ReadonlySet<string> = new Set(['off', 'strict', 'moderate'])
const actions: ReadonlySet<string> = new Set(['error', 'warn', 'errorAndLog'])

function checkValidation(): void {
  const at = fields.at
  checkEnumeration('validationLevel', fields.string(at.validationLevel), levels)
  checkEnumeration('validationAction', fields.string(at.validationAction), actions)
}

function checkEnumeration(name: string, value: string | undefined, allowed: ReadonlySet<string>): void {
  if (value !== undefined && !allowed.has(value))
    throw new DatabaseError('BadValue', `Enumeration value '${value}' for field 'create.${name}' is not a valid value.`)
}

function checkView(): void {
  const at = fields.at
  const viewOn = fields.string(at.viewOn)
  if (viewOn === undefined) {
    if (fields.has(at.pipeline))
      throw new DatabaseError('InvalidOptions', `'pipeline' requires 'viewOn' to also be specified`)
    return
  }
  if (viewOn === '') throw new DatabaseError('BadValue', `'viewOn' cannot be empty`)
  for (const name of [
    'capped',
    'idIndex',
    'expireAfterSeconds',
    'clusteredIndex',
    'changeStreamPreAndPostImages',
    'timeseries',
  ] as const) {
    if (fields.has(at[name])) throw new DatabaseError('InvalidOptions', `Cannot create view with the '${name}' option`)
  }
}

/** A storage engine's options are kept only for the engine names MongoDB knows, whose own they are. */
function checkStorage(storageEngine: Uint8Array | undefined): void {
  if (storageEngine === undefined) return
  for (const engine of documentFields(storageEngine)) {
    if (engine.type !== bsonType.document)
      throw new DatabaseError('BadValue', `'storageEngine.${engine.name}' has to be an embedded document.`)
    if (engine.name !== 'wiredTiger')
      throw new DatabaseError('InvalidOptions', `${engine.name} is not a registered storage engine for this server`)
    for (const option of documentFields(documentOf(engine))) checkEngineOption(option.name, option)
  }
}

function checkEngineOption(name: string, value: Value): void {
  if (name !== 'configString')
    throw new DatabaseError('InvalidOptions', `'${name}' is not a supported option in storageEngine.wiredTiger`)
  if (value.type !== bsonType.string)
    throw new DatabaseError(
      'TypeMismatch',
      `'configString' must be a string. Not adding 'configString' value ${typeAlias(value.type)} to collection configuration`,
    )
  const text = readString(value.bytes, value.start)
  if (text.includes('\0'))
    throw new DatabaseError('FailedToParse', `The 'configString' option must not contain a null byte`)
}

/** Options that change what a collection does, and which it does not do yet. */
function refuseLater(): void {
  const at = fields.at
  if (fields.boolean(at.capped)) refuseOption('capped')
  const validator = fields.document(at.validator)
  if (validator !== undefined && validator.length > 5) refuseOption('validator')
  for (const name of ['viewOn', 'timeseries', 'clusteredIndex', 'encryptedFields'] as const) {
    if (fields.has(at[name])) refuseOption(name)
  }
  if (fields.has(at.expireAfterSeconds))
    throw new DatabaseError(
      'InvalidOptions',
      `'expireAfterSeconds' is only supported on time-series collections or when the 'clusteredIndex' option is specified`,
    )
  refuseCollation(fields.document(at.collation))
}

function refuseOption(name: string): never {
  throw new DatabaseError('NotImplemented', `create with '${name}' is not supported yet`)
}
