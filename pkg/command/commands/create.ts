import { DatabaseError } from '../../base/errors.ts'
import { buildDocument, rawDocument } from '../../bson/build.ts'
import { equalValues } from '../../bson/order.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentFields, documentOf, getField, readString, type Value } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import type { Collation } from '../../collation/collation.ts'
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
import type { ViewTraits } from '../collection-traits.ts'
import { checkConfigString } from '../config-string.ts'
import { defineCommand } from '../definition.ts'
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
import { parseIndexSpec } from '../index-spec.ts'
import { collectionNameOf } from '../namespace.ts'
import type { Operation } from '../operation.ts'
import { createTimeseries } from '../timeseries.ts'
import { timeseriesOption } from '../timeseries-options.ts'
import { checkView, checkViewCollation, checkViewGraph, viewPipeline } from '../view.ts'
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
  /** An option was given that is going to disappear. */
  readonly isNoteDue?: boolean
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
    if (fields.boolean(at.temp)) throw new DatabaseError('InvalidOptions', `the 'temp' field is an invalid option`)
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
    readIdIndex(database, readCollation(options))
    return {
      collection,
      isNoteDue: fields.has(at.autoIndexId),
      options: buildDocument(options),
      viewOn: fields.string(at.viewOn),
      isTimeseries: fields.has(at.timeseries),
    }
  },
  run: (operation: Operation, request: CreateCommand): boolean | Promise<boolean> => {
    const { instance, workspace } = operation
    const isNoteDue = request.isNoteDue === true
    const target = { database: operation.databaseName, collection: request.collection }
    operation.namespace = `${target.database}.${target.collection}`
    const existing = workspace.collection(target.database, target.collection)
    if (existing !== undefined) {
      // The same collection again is no error.
      if (sameOptions(existing.options, request.options))
        return operation.acknowledge(isNoteDue, instance.engine.lastIndex)
      throw new DatabaseError(
        'NamespaceExists',
        `namespace ${existing.namespace} already exists, but with different options`,
      )
    }
    if (operation.statement !== undefined) refuseInTransaction(request)
    checkNewCollection(operation, target)
    if (request.viewOn !== undefined) {
      const view = viewIn(request.options, request.viewOn)
      checkViewGraph(workspace, target.database, target.collection, view)
      checkViewCollation(instance.engine, target.database, target.collection, view)
    }
    const { logIndex } = workspace.write((unit) =>
      request.isTimeseries
        ? createTimeseries(unit, target, request.options)
        : unit.createCollection(target.database, target.collection, request.options),
    )
    return operation.acknowledge(isNoteDue, logIndex)
  },
  reply: (isNoteDue: boolean, writer: BsonWriter) => {
    if (isNoteDue) writer.string('note', 'The autoIndexId option is deprecated and will be removed in a future release')
  },
})

function viewIn(options: Uint8Array, on: string): ViewTraits {
  const collation = getField(options, 'collation')
  return {
    on,
    pipeline: documentOf(getField(options, 'pipeline')!),
    collation: collation === undefined ? undefined : documentOf(collation),
  }
}

/** A transaction makes plain collections only. */
function refuseInTransaction({ collection, viewOn, isTimeseries }: CreateCommand): void {
  let what: string | undefined
  if (viewOn !== undefined) what = 'a view'
  else if (isTimeseries === true) what = 'a time-series collection'
  else if (collection.startsWith('system.')) what = `system collection ${collection}`
  if (what !== undefined)
    throw new DatabaseError('OperationNotSupportedInTransaction', `Cannot create ${what} within a transaction.`)
}

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
  if (fields.has(at.clusteredIndex)) {
    if (size !== undefined || max !== undefined)
      throw new DatabaseError(
        size === undefined ? 6049204 : 6049200,
        `'${size === undefined ? 'max' : 'size'}' field for capped collections is not allowed on clustered collections`,
      )
    if (fields.boolean(at.capped)) throw new DatabaseError(6127800, 'A clustered collection cannot be capped')
    return
  }
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
  if (fields.has(at.clusteredIndex) && fields.has(at.timeseries) === false)
    throw new DatabaseError(6026500, `The 'clusteredIndex' option is not supported with views`)
  for (const name of ['idIndex', 'expireAfterSeconds', 'timeseries'] as const) {
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
    if (fields.has(at.autoIndexId) && !fields.boolean(at.autoIndexId))
      throw new DatabaseError(6026501, `The 'clusteredIndex' option does not support {autoIndexId: false}`)
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
  for (const name of [
    'validator',
    'validationLevel',
    'validationAction',
    'idIndex',
    'autoIndexId',
    'clusteredIndex',
  ] as const)
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

/** The `_id` index can only be what it is anyway. `collation`: the collection's. */
function readIdIndex(database: string, collation: Collation | undefined): void {
  const at = fields.at
  const idIndex = fields.document(at.idIndex)
  if (idIndex !== undefined) {
    if (fields.has(at.autoIndexId))
      throw new DatabaseError('InvalidOptions', `'idIndex' is not allowed with 'autoIndexId'`)
    const spec = parseIndexSpec(idIndex)
    if (!spec.isIdIndex)
      throw new DatabaseError(
        'BadValue',
        `The field 'key' for an _id index must be {_id: 1}, but got another key pattern`,
      )
    if (spec.collation !== 'default' && !isSame(spec.collation, collation))
      throw new DatabaseError('BadValue', `'idIndex' must have the same collation as the collection.`)
  }
  if (fields.has(at.autoIndexId) && !fields.boolean(at.autoIndexId) && database !== 'local')
    throw new DatabaseError(50001, 'autoIndexId:false is not allowed for a collection that can be replicated')
}

function isSame(a: Collation | undefined, b: Collation | undefined): boolean {
  return a === undefined || b === undefined ? a === b : sameOptions(a.document, b.document)
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

function readCollation(options: Options): Collation | undefined {
  const given = fields.document(fields.at.collation)
  const collation = given === undefined ? undefined : parseCollation(given)
  if (collation !== undefined) options['collation'] = rawDocument(collation.document)
  return collation
}
