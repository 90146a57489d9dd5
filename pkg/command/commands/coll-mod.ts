import { DatabaseError } from '../../base/errors.ts'
import { checkCollectionUuid, collectionUuid } from '../collection-uuid.ts'
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
  uuidType,
} from '../fields.ts'
import type { Operation } from '../instance.ts'
import { collectionNameOf } from '../namespace.ts'

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

const preImageFields = new Fields('collMod.changeStreamPreAndPostImages', {
  enabled: { type: strictBooleanType, required: true },
})

const levels: ReadonlySet<string> = new Set(['off', 'strict', 'moderate'])
const actions: ReadonlySet<string> = new Set(['error', 'warn', 'errorAndLog'])

interface Request {
  readonly collection: string
  /** An option that is understood but not there yet. */
  readonly refused: string | undefined
  readonly uuid: Uint8Array | undefined
}

/** Changes a collection's options: of those there are, none can change yet; each is refused by name. */
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
    checkEnumeration('validationLevel', fields.string(at.validationLevel), levels)
    checkEnumeration('validationAction', fields.string(at.validationAction), actions)
    const index = fields.document(at.index)
    if (index !== undefined) checkIndex(index)
    const preImages = fields.document(at.changeStreamPreAndPostImages)
    const keepsImages = preImages !== undefined && preImageFields.read(preImages, 0).boolean(preImageFields.at.enabled)
    fields.number(at.cappedSize)
    return { collection, refused: refusedOption(keepsImages), uuid: collectionUuid(fields, at.collectionUUID) }
  },
  run: (operation: Operation, request: Request): undefined | Promise<undefined> => {
    const { engine } = operation.instance
    operation.namespace = `${operation.databaseName}.${request.collection}`
    if (engine.collection(operation.databaseName, request.collection) === undefined)
      throw new DatabaseError('NamespaceNotFound', `ns does not exist: ${operation.namespace}`)
    checkCollectionUuid(operation, operation.databaseName, request.collection, request.uuid)
    if (request.refused !== undefined)
      throw new DatabaseError('NotImplemented', `collMod with '${request.refused}' is not supported yet`)
    return operation.acknowledge(undefined, engine.lastIndex)
  },
  reply: emptyReply,
})

function checkEnumeration(name: string, value: string | undefined, allowed: ReadonlySet<string>): void {
  if (value !== undefined && !allowed.has(value))
    throw new DatabaseError(
      'BadValue',
      `Enumeration value '${value}' for field 'collMod.${name}' is not a valid value.`,
    )
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

function refusedOption(keepsImages: boolean): string | undefined {
  const at = fields.at
  const validator = fields.document(at.validator)
  if (validator !== undefined && validator.length > 5) return 'validator'
  if (keepsImages) return 'changeStreamPreAndPostImages'
  for (const name of [
    'index',
    'viewOn',
    'pipeline',
    'expireAfterSeconds',
    'timeseries',
    'cappedSize',
    'cappedMax',
    'recordPreImages',
    'prepareUnique',
  ] as const) {
    if (fields.has(at[name])) return name
  }
  return undefined
}
