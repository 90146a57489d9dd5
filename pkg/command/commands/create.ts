import { DatabaseError } from '../../base/errors.ts'
import { buildDocument, rawDocument } from '../../bson/build.ts'
import { equalValues } from '../../bson/order.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentFields, documentOf, getField, isNumber, numberOf, readString, type Value } from '../../bson/value.ts'
import { parseCollation } from '../../collation/spec.ts'
import { clusteredIndexOf, expireAfterSecondsOf } from '../clustered-index.ts'
import {
  cappedSize,
  checkCappedMax,
  checkViewOn,
  preImagesReader,
  relationsOption,
  validationOptions,
} from '../collection-options.ts'
import { checkConfigString } from '../config-string.ts'
import { defineCommand, emptyReply } from '../definition.ts'
import { checkEncryptedFields } from '../encrypted-fields.ts'
import {
  anyType,
  arrayType,
  booleanType,
  commandFields,
  Fields,
  numberType,
  objectType,
  stringType,
} from '../fields.ts'
import type { Operation } from '../instance.ts'
import { collectionNameOf } from '../namespace.ts'
import { createTimeseries } from '../timeseries.ts'
import { timeseriesOption } from '../timeseries-options.ts'
import { checkView, checkViewChain, viewPipeline } from '../view.ts'
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
  relations: { type: objectType },
  recordIdsReplicated: { type: booleanType },
  temp: { type: booleanType },
  flags: { type: numberType },
  bypassDocumentValidation: { type: booleanType },
  allowsDeletes: { type: anyType },
})

const readPreImages = preImagesReader('create')
const indexDefaultsFields = new Fields('create.indexOptionDefaults', { storageEngine: { type: objectType } })

export interface CreateCommand {
  readonly collection: string
  /** The options as they are kept and shown. */
  readonly options: Uint8Array
  readonly viewOn: string | undefined
  readonly isTimeseries?: boolean
}

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
    const options: Record<string, unknown> = {}
    readCapped(options)
    const validation = validationOptions('create', database, collection, {
      validator: fields.document(at.validator),
      level: fields.string(at.validationLevel),
      action: fields.string(at.validationAction),
    })
    Object.assign(options, validation)
    readView(database, collection, options)
    readStorage(options)
    readClustered(options)
    readTimeseries(options)
    readEncryptedFields(options)
    const relations = fields.document(at.relations)
    if (relations !== undefined) options['relations'] = relationsOption(relations)
    checkIdIndex()
    readCollation(options)
    return {
      collection,
      options: buildDocument(options),
      viewOn: fields.string(at.viewOn),
      isTimeseries: fields.has(at.timeseries),
    }
  },
  run: (operation: Operation, request: CreateCommand): undefined | Promise<undefined> => {
    const { instance, workspace } = operation
    const target = { database: operation.databaseName, collection: request.collection }
    operation.namespace = `${target.database}.${target.collection}`
    const existing = workspace.collection(target.database, target.collection)
    if (existing !== undefined) {
      // The same collection again is no error.
      if (sameOptions(existing.options, request.options))
        return operation.acknowledge(undefined, instance.engine.lastIndex)
      throw new DatabaseError(
        'NamespaceExists',
        `namespace ${existing.namespace} already exists, but with different options`,
      )
    }
    checkNewCollection(operation, target)
    if (request.viewOn !== undefined) checkViewChain(workspace, target.database, target.collection, request.viewOn)
    const { logIndex } = workspace.write((unit) =>
      request.isTimeseries
        ? createTimeseries(unit, target, request.options)
        : unit.createCollection(target.database, target.collection, request.options),
    )
    return operation.acknowledge(undefined, logIndex)
  },
  reply: emptyReply,
})

function sameOptions(a: Uint8Array, b: Uint8Array): boolean {
  return equalValues(bsonType.document, a, 0, bsonType.document, b, 0)
}

type Options = Record<string, unknown>

function readCapped(options: Options): void {
  const at = fields.at
  const size = fields.number(at.size)
  const max = fields.number(at.max)
  if (size !== undefined) {
    if (size < 1) throw new DatabaseError('BadValue', `BSON field 'size' value must be >= 1, actual value '${size}'`)
    if (size > 2 ** 50)
      throw new DatabaseError('BadValue', `BSON field 'size' value must be <= ${2 ** 50}, actual value '${size}'`)
  }
  checkCappedMax(max)
  if (!fields.boolean(at.capped)) {
    if (size !== undefined || max !== undefined)
      throw new DatabaseError(
        'InvalidOptions',
        `the 'capped' field needs to be true when either the 'size' or 'max' fields are present`,
      )
    return
  }
  if (size === undefined)
    throw new DatabaseError('InvalidOptions', `the 'size' field is required when 'capped' is true`)
  if (fields.has(at.viewOn)) return
  if (fields.has(at.timeseries)) throw new DatabaseError('InvalidOptions', 'timeseries is not allowed with capped')
  options['capped'] = true
  options['size'] = cappedSize(size)
  if (max !== undefined && max > 0) options['max'] = max
}

function readView(database: string, collection: string, options: Options): void {
  const at = fields.at
  const viewOn = fields.string(at.viewOn)
  if (viewOn === undefined) {
    if (fields.has(at.pipeline))
      throw new DatabaseError('InvalidOptions', `'pipeline' requires 'viewOn' to also be specified`)
    return
  }
  checkViewOn(viewOn)
  for (const name of ['idIndex', 'expireAfterSeconds', 'clusteredIndex', 'timeseries'] as const) {
    if (fields.has(at[name])) throw new DatabaseError('InvalidOptions', `Cannot create view with the '${name}' option`)
  }
  const preImages = fields.document(at.changeStreamPreAndPostImages)
  const keepsImages = preImages !== undefined && readPreImages(preImages)
  if (keepsImages)
    throw new DatabaseError('InvalidOptions', `Cannot create view with the 'changeStreamPreAndPostImages' option`)
  if (fields.has(at.encryptedFields))
    throw new DatabaseError(6346401, 'Encrypted fields cannot be used with views or time-series collections')
  const pipeline = viewPipeline(fields.value(at.pipeline))
  checkView(database, collection, viewOn, pipeline)
  options['viewOn'] = viewOn
  options['pipeline'] = { type: bsonType.array, bytes: pipeline, start: 0, end: pipeline.length }
}

function readStorage(options: Options): void {
  const at = fields.at
  const storageEngine = fields.document(at.storageEngine)
  checkStorage(storageEngine)
  if (storageEngine !== undefined) options['storageEngine'] = rawDocument(storageEngine.slice())
  const indexDefaults = fields.document(at.indexOptionDefaults)
  if (indexDefaults !== undefined) {
    checkStorage(indexDefaultsFields.read(indexDefaults, 0).document(indexDefaultsFields.at.storageEngine))
    options['indexOptionDefaults'] = rawDocument(indexDefaults.slice())
  }
  const preImages = fields.document(at.changeStreamPreAndPostImages)
  if (preImages === undefined) return
  const enabled = readPreImages(preImages)
  if (fields.has(at.timeseries))
    throw new DatabaseError('InvalidOptions', 'changeStreamPreAndPostImages is not allowed with timeseries')
  if (enabled) options['changeStreamPreAndPostImages'] = { enabled }
}

function readClustered(options: Options): void {
  const at = fields.at
  const clusteredIndex = clusteredIndexOf(fields.value(at.clusteredIndex))
  const expires = expireAfterSecondsOf(fields.value(at.expireAfterSeconds))
  if (clusteredIndex !== undefined) {
    if (fields.boolean(at.capped))
      throw new DatabaseError('InvalidOptions', `The 'clusteredIndex' option cannot be given with 'capped'`)
    if (fields.has(at.idIndex))
      throw new DatabaseError('InvalidOptions', `The 'clusteredIndex' option cannot be given with 'idIndex'`)
    options['clusteredIndex'] = rawDocument(clusteredIndex)
  }
  if (expires === undefined) return
  if (clusteredIndex !== undefined || fields.has(at.timeseries)) options['expireAfterSeconds'] = BigInt(expires)
  else
    throw new DatabaseError(
      'InvalidOptions',
      `'expireAfterSeconds' is only supported on time-series collections or when the 'clusteredIndex' option is specified`,
    )
}

function readTimeseries(options: Options): void {
  const at = fields.at
  const timeseries = fields.document(at.timeseries)
  if (timeseries === undefined) return
  options['timeseries'] = rawDocument(timeseriesOption(timeseries))
  for (const name of ['validator', 'validationLevel', 'validationAction', 'idIndex', 'clusteredIndex'] as const)
    if (fields.has(at[name])) throw new DatabaseError('InvalidOptions', `${name} is not allowed with timeseries`)
  if (fields.has(at.encryptedFields))
    throw new DatabaseError(6346401, 'Encrypted fields cannot be used with views or time-series collections')
}

function readEncryptedFields(options: Options): void {
  const encrypted = fields.document(fields.at.encryptedFields)
  if (encrypted === undefined) return
  checkEncryptedFields(encrypted)
  if (fields.boolean(fields.at.capped))
    throw new DatabaseError(6367301, 'Encrypted fields cannot be used with capped collections')
  options['encryptedFields'] = rawDocument(encrypted.slice())
}

/** The `_id` index can only be what it is anyway. */
function checkIdIndex(): void {
  const idIndex = fields.document(fields.at.idIndex)
  if (idIndex === undefined) return
  const key = getField(idIndex, 'key')
  if (key?.type !== bsonType.document)
    throw new DatabaseError('FailedToParse', `The 'key' field is a required property of the 'idIndex' specification`)
  const [first, second] = documentFields(documentOf(key))
  if (first?.name !== '_id' || second !== undefined || !isNumber(first.type) || numberOf(first) !== 1)
    throw new DatabaseError(
      'BadValue',
      `The field 'key' for an _id index must be {_id: 1}, but got another key pattern`,
    )
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
  checkConfigString(text)
}

function readCollation(options: Options): void {
  const given = fields.document(fields.at.collation)
  const collation = given === undefined ? undefined : parseCollation(given)
  if (collation !== undefined) options['collation'] = rawDocument(collation.document)
}
