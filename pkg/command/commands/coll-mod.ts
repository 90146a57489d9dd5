import { DatabaseError } from '../../base/errors.ts'
import { buildDocument, rawDocument, writeFields } from '../../bson/build.ts'
import { bsonType } from '../../bson/type.ts'
import { arrayValue, binaryValue, documentFields, readString, type Value } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { uuidSubtype } from '../../catalog/collection-record.ts'
import type { Collection } from '../../engine/collection.ts'
import { expireAfterSecondsOf } from '../clustered-index.ts'
import {
  cappedSize,
  checkCappedMax,
  checkViewOn,
  preImagesReader,
  relationsOption,
  validationOptions,
} from '../collection-options.ts'
import { traitsOf, type ViewTraits } from '../collection-traits.ts'
import { checkCollectionUuid, collectionUuid } from '../collection-uuid.ts'
import { defineCommand } from '../definition.ts'
import {
  anyType,
  arrayType,
  booleanType,
  commandFields,
  Fields,
  numberType,
  objectType,
  stringType,
  uuidType,
} from '../fields.ts'
import { type IndexChange, indexChange, refuseDuplicates } from '../index-change.ts'
import { collectionNameOf } from '../namespace.ts'
import type { Operation } from '../operation.ts'
import { isTimeseries } from '../timeseries.ts'
import { changedTimeseries, type TimeseriesChange, timeseriesChange } from '../timeseries-options.ts'
import { checkView, checkViewCollation, checkViewGraph, viewPipeline } from '../view.ts'

const fields = commandFields('collMod', {
  collMod: { type: anyType, required: true },
  index: { type: objectType },
  validator: { type: objectType },
  validationLevel: { type: stringType },
  validationAction: { type: stringType },
  viewOn: { type: stringType },
  pipeline: { type: arrayType },
  expireAfterSeconds: { type: anyType },
  changeStreamPreAndPostImages: { type: objectType },
  timeseries: { type: objectType },
  cappedSize: { type: numberType, min: 1, max: 2 ** 50 },
  cappedMax: { type: numberType },
  relations: { type: objectType },
  recordPreImages: { type: booleanType },
  isTimeseriesNamespace: { type: booleanType },
  dryRun: { type: booleanType },
  prepareUnique: { type: booleanType },
  collectionUUID: { type: uuidType },
})

const indexFields = new Fields('collMod.index', {
  name: { type: stringType },
  keyPattern: { type: objectType },
  expireAfterSeconds: { type: numberType },
  hidden: { type: booleanType },
  unique: { type: booleanType },
  prepareUnique: { type: booleanType },
  forceNonUnique: { type: booleanType },
})

const readPreImages = preImagesReader('collMod')

/** Bytes of an empty document: it takes away what it stands for. */
const emptyLength = 5

interface Request {
  readonly collection: string
  readonly uuid: Uint8Array | undefined
  readonly index: Uint8Array | undefined
  /** Only says what would become of it. */
  readonly dryRun: boolean
  /** The options to be set; undefined: to be taken away. */
  readonly changes: Readonly<Record<string, unknown>>
  readonly cappedSize: number | undefined
  readonly cappedMax: number | undefined
  readonly viewOn: string | undefined
  readonly pipeline: Uint8Array | undefined
  readonly expireAfterSeconds: bigint | 'off' | undefined
  readonly timeseries: TimeseriesChange | undefined
}

/** What changed of an index, old and new. */
type Reply = Readonly<Record<string, unknown>>

/** Changes a collection's options. */
export const collMod = defineCommand({
  name: 'collMod',
  help: `changes a collection's options`,
  kind: 'commands',
  stable: true,
  writeConcern: true,
  fields,
  parse: (database: string): Request => {
    const at = fields.at
    const collection = collectionNameOf(database, fields.type(at.collMod), fields.bytes, fields.start(at.collMod))
    const validator = fields.document(at.validator)
    const changes = validationOptions('collMod', database, collection, {
      validator,
      level: fields.string(at.validationLevel),
      action: fields.string(at.validationAction),
    })
    if (validator?.length === emptyLength) changes['validator'] = undefined
    const index = fields.document(at.index)
    if (index !== undefined) checkIndex(index)
    const preImages = fields.document(at.changeStreamPreAndPostImages)
    if (preImages !== undefined) {
      const enabled = readPreImages(preImages)
      changes['changeStreamPreAndPostImages'] = enabled ? { enabled } : undefined
    }
    if (fields.boolean(at.dryRun) && (index === undefined || !indexFields.boolean(indexFields.at.unique)))
      throw new DatabaseError('InvalidOptions', `'dryRun' is only for making an index unique`)
    const timeseries = fields.document(at.timeseries)
    const relations = fields.document(at.relations)
    if (relations !== undefined) {
      const option = relationsOption(relations)
      changes['relations'] = relations.length === emptyLength ? undefined : option
    }
    const cappedMax = fields.number(at.cappedMax)
    checkCappedMax(cappedMax)
    const viewOn = fields.string(at.viewOn)
    checkViewOn(viewOn)
    return {
      collection,
      uuid: collectionUuid(fields, at.collectionUUID),
      index: index?.slice(),
      dryRun: fields.boolean(at.dryRun) === true,
      changes,
      cappedSize: fields.number(at.cappedSize),
      cappedMax,
      viewOn,
      pipeline: fields.has(at.pipeline) ? viewPipeline(fields.value(at.pipeline)) : undefined,
      expireAfterSeconds: expiryOf(fields.value(at.expireAfterSeconds)),
      timeseries: timeseries === undefined ? undefined : timeseriesChange(timeseries),
    }
  },
  run: (operation: Operation, request: Request): Reply | Promise<Reply> => {
    const { engine } = operation.instance
    const namespace = `${operation.databaseName}.${request.collection}`
    operation.namespace = namespace
    const collection = engine.collection(operation.databaseName, request.collection)
    if (collection === undefined) throw new DatabaseError('NamespaceNotFound', `ns does not exist: ${namespace}`)
    checkCollectionUuid(operation, operation.databaseName, request.collection, request.uuid)
    const changes = { ...request.changes, ...changesFor(operation, collection, request) }
    if (request.index !== undefined) {
      if (traitsOf(collection).clustered) refuseClustered(request.index)
    }
    const change = request.index === undefined ? undefined : indexChange(collection, request.index)
    const apply = (): Reply | Promise<Reply> => {
      if (request.dryRun) return {}
      const { logIndex } = engine.write((unit) => {
        unit.noteEvent(collection.database, collection, modifyEvent(collection, changes, request.index, change))
        if (change?.definition !== undefined) unit.modifyIndex(collection, change.index.name, change.definition)
        if (Object.keys(changes).length > 0)
          unit.modifyCollection(collection, changedOptions(collection.options, changes))
      })
      return operation.acknowledge(change?.reply ?? {}, logIndex)
    }
    if (change?.becomesUnique !== true) return apply()
    const { definition } = change.index
    return refuseDuplicates(operation, collection, change.index).then(() => {
      if (collection.dropped || change.index.dropped || change.index.definition !== definition)
        throw new DatabaseError(
          'ConflictingOperationInProgress',
          `the index was changed while its keys were looked at: ${change.index.name}`,
        )
      return apply()
    })
  },
  reply: (reply: Reply, writer: BsonWriter) => writeFields(writer, reply),
})

/** What change streams show of it: what was asked for, and how it was before. */
function modifyEvent(
  collection: Collection,
  changes: Readonly<Record<string, unknown>>,
  indexRequest: Uint8Array | undefined,
  change: IndexChange | undefined,
): Record<string, unknown> {
  const operationDescription: Record<string, unknown> = {}
  const indexOptions: Record<string, unknown> = {}
  if (indexRequest !== undefined && change !== undefined) {
    const index: Record<string, unknown> = { name: change.index.name }
    for (const field of documentFields(indexRequest)) {
      if (field.name !== 'name' && field.name !== 'keyPattern') index[field.name] = field
    }
    operationDescription['index'] = index
    for (const [name, value] of Object.entries(change.reply)) {
      if (name.endsWith('_old')) indexOptions[name.slice(0, -'_old'.length)] = value
    }
  }
  const collectionOptions: Record<string, unknown> = { uuid: binaryValue(collection.uuid, uuidSubtype) }
  for (const field of documentFields(collection.options)) collectionOptions[field.name] = field
  return {
    operationType: 'modify',
    operationDescription: { ...operationDescription, ...changes },
    stateBeforeChange: {
      collectionOptions,
      indexOptions: Object.keys(indexOptions).length === 0 ? undefined : indexOptions,
    },
  }
}

/** The changes that depend on what kind of collection it is; throws when it is of the wrong kind. */
function changesFor(operation: Operation, collection: Collection, request: Request): Record<string, unknown> {
  const { capped, view, clustered } = traitsOf(collection)
  const changes: Record<string, unknown> = {}
  if (view !== undefined) return viewChanges(operation, collection, view, request)
  if (request.viewOn !== undefined || request.pipeline !== undefined)
    throw new DatabaseError('InvalidOptions', `'viewOn' and 'pipeline' are not supported on a collection`)
  if (isTimeseries(collection)) return timeseriesChanges(collection, request)
  if (request.timeseries !== undefined)
    throw new DatabaseError('InvalidOptions', 'option only supported on a time-series collection: timeseries')
  if (request.cappedSize !== undefined || request.cappedMax !== undefined) {
    if (capped === undefined) throw new DatabaseError('InvalidOptions', 'Collection must be capped.')
    if (request.cappedSize !== undefined) changes['size'] = cappedSize(request.cappedSize)
    if (request.cappedMax !== undefined) changes['max'] = request.cappedMax > 0 ? request.cappedMax : undefined
  }
  if (request.expireAfterSeconds !== undefined) {
    if (!clustered)
      throw new DatabaseError(
        'InvalidOptions',
        `'expireAfterSeconds' is only supported on time-series collections or clustered collections`,
      )
    changes['expireAfterSeconds'] = request.expireAfterSeconds === 'off' ? undefined : request.expireAfterSeconds
  }
  return changes
}

/** The size of a capped collection is passed over: the view over the buckets that MongoDB has here would take it. */
function timeseriesChanges(collection: Collection, request: Request): Record<string, unknown> {
  const refused = Object.keys(request.changes)[0]
  if (refused !== undefined)
    throw new DatabaseError('InvalidOptions', `option not supported on a time-series collection: ${refused}`)
  const changes: Record<string, unknown> = {}
  const kept = traitsOf(collection).timeseries!.option
  const option = request.timeseries === undefined ? kept : changedTimeseries(kept, request.timeseries)
  if (option !== kept) changes['timeseries'] = rawDocument(option)
  const { expireAfterSeconds } = request
  if (expireAfterSeconds !== undefined)
    changes['expireAfterSeconds'] = expireAfterSeconds === 'off' ? undefined : expireAfterSeconds
  return changes
}

function viewChanges(
  operation: Operation,
  collection: Collection,
  view: ViewTraits,
  request: Request,
): Record<string, unknown> {
  const refused =
    request.index !== undefined ||
    Object.keys(request.changes).length > 0 ||
    request.cappedSize !== undefined ||
    request.cappedMax !== undefined ||
    request.expireAfterSeconds !== undefined ||
    request.timeseries !== undefined
  if (refused) throw new DatabaseError('InvalidOptions', 'option not supported on a view')
  if (request.viewOn === undefined && request.pipeline === undefined) return {}
  const on = request.viewOn ?? view.on
  const pipeline = request.pipeline ?? view.pipeline
  checkView(collection.database, collection.name, on, pipeline)
  const { engine } = operation.instance
  const changed = { ...view, on, pipeline }
  checkViewGraph(engine, collection.database, collection.name, changed)
  checkViewCollation(engine, collection.database, collection.name, changed)
  return { viewOn: on, pipeline: arrayValue(pipeline) }
}

/** `options` with `changes` made; what becomes undefined is left out, what is new comes last. */
function changedOptions(options: Uint8Array, changes: Readonly<Record<string, unknown>>): Uint8Array {
  const result: Record<string, unknown> = {}
  for (const field of documentFields(options)) result[field.name] = field
  return buildDocument({ ...result, ...changes })
}

/** `expireAfterSeconds`: a number or 'off'. */
function expiryOf(value: Value | undefined): bigint | 'off' | undefined {
  if (value?.type === bsonType.string) {
    if (readString(value.bytes, value.start) === 'off') return 'off'
    throw new DatabaseError('InvalidOptions', `The value for 'expireAfterSeconds' must be a number or 'off'`)
  }
  if (value?.type === bsonType.null)
    throw new DatabaseError(
      'TypeMismatch',
      `BSON field 'collMod.expireAfterSeconds' is the wrong type 'null', expected types '[string, int, decimal, double, long]'`,
    )
  const seconds = expireAfterSecondsOf(value)
  return seconds === undefined ? undefined : BigInt(seconds)
}

/** The clustered index is always there. */
function refuseClustered(index: Uint8Array): void {
  const { at } = indexFields.read(index, 0)
  if (indexFields.has(at.hidden) && indexFields.string(at.name) === '_id_')
    throw new DatabaseError(6011800, 'Cannot hide or unhide a clusteredIndex')
}

function checkIndex(index: Uint8Array): void {
  const read = indexFields.read(index, 0)
  const at = read.at
  if (read.has(at.name) && read.has(at.keyPattern))
    throw new DatabaseError('InvalidOptions', 'Cannot specify both key pattern and name.')
  if (!read.has(at.name) && !read.has(at.keyPattern))
    throw new DatabaseError('InvalidOptions', 'Must specify either index name or key pattern.')
  if (!read.has(at.expireAfterSeconds) && !read.has(at.hidden) && !read.has(at.unique) && !read.has(at.prepareUnique))
    throw new DatabaseError('InvalidOptions', 'no expireAfterSeconds, hidden, unique, or prepareUnique field')
}
