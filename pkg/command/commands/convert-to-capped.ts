/** convertToCapped and cloneCollectionAsCapped. */
import { DatabaseError } from '../../base/errors.ts'
import type { LogIndex } from '../../base/ids.ts'
import { buildDocument } from '../../bson/build.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { isNumber } from '../../bson/value.ts'
import type { Collection } from '../../engine/collection.ts'
import { evict } from '../capped.ts'
import { cappedSize } from '../collection-options.ts'
import { type CappedTraits, traitsOf } from '../collection-traits.ts'
import { defineCommand, emptyReply } from '../definition.ts'
import { anyType, booleanType, commandFields, type Fields } from '../fields.ts'
import { checkCollectionName, collectionNameOf } from '../namespace.ts'
import type { Operation } from '../operation.ts'
import { ReadView } from '../read-view.ts'
import { settled } from '../settled.ts'
import { refuseTimeseries } from '../timeseries.ts'
import { refuseView } from '../view.ts'
import { isViewsCollection } from '../view-definitions.ts'
import { checkNewCollection } from '../write-insert.ts'

const sizeMax = 2 ** 50
const stepsPerLook = 32

/** Errors: InvalidOptions when there is none, BadValue outside 1..2^50. */
function sizeOf(fields: Fields<string>, field: number): number {
  if (!fields.has(field) || !isNumber(fields.type(field)))
    throw new DatabaseError('InvalidOptions', 'Capped collection size must be a number')
  const size = fields.number(field)!
  if (size < 1) throw new DatabaseError('InvalidOptions', 'Capped collection size must be greater than zero')
  if (size > sizeMax) throw new DatabaseError('BadValue', `Capped collection size must be at most ${sizeMax}`)
  return size
}

function source(operation: Operation, name: string): Collection {
  operation.namespace = `${operation.databaseName}.${name}`
  const collection = operation.instance.engine.collection(operation.databaseName, name)
  refuseView(collection)
  refuseTimeseries(collection)
  if (collection === undefined)
    throw new DatabaseError('NamespaceNotFound', `source collection ${operation.namespace} does not exist`)
  return collection
}

function cappedOptions(sizeBytes: number): Uint8Array {
  return buildDocument({ capped: true, size: cappedSize(sizeBytes) })
}

const convertFields = commandFields('convertToCapped', {
  convertToCapped: { type: anyType, required: true },
  size: { type: anyType },
  max: { type: anyType },
  temp: { type: booleanType },
})

interface Conversion {
  readonly collection: string
  readonly sizeBytes: number
}

/** Makes a collection capped: its newest documents that fit stay, its indexes but that of `_id` go. */
export const convertToCapped = defineCommand({
  name: 'convertToCapped',
  help: 'makes a collection capped',
  kind: 'commands',
  writeConcern: true,
  fields: convertFields,
  parse: (database: string): Conversion => {
    const { at } = convertFields
    const type = convertFields.type(at.convertToCapped)
    const collection = collectionNameOf(database, type, convertFields.bytes, convertFields.start(at.convertToCapped))
    if (collection.startsWith('system.buckets.'))
      throw new DatabaseError('IllegalOperation', 'A time-series collection cannot be made capped')
    return { collection, sizeBytes: sizeOf(convertFields, at.size) }
  },
  run: async (operation: Operation, request: Conversion): Promise<undefined> => {
    const { engine, cursors } = operation.instance
    if (isViewsCollection(engine, operation.databaseName, request.collection))
      throw new DatabaseError('BadValue', 'system.views cannot be made capped')
    const collection = source(operation, request.collection)
    let { logIndex } = engine.write((unit) => {
      for (const index of [...collection.indexes])
        if (index !== collection.idIndex) unit.dropIndex(collection, index.name)
      unit.modifyCollection(collection, cappedOptions(request.sizeBytes))
    })
    cursors.failAll(new Set([collection.namespace]), `collection dropped: ${collection.namespace}`)
    const { capped } = traitsOf(collection)
    for (let done = capped === undefined; !done && capped !== undefined; ) {
      const slice = await settled(operation, () =>
        engine.write((unit) => collection.dropped || evict(unit, collection, capped, undefined)),
      )
      done = slice.result
      logIndex = slice.logIndex
      if (!done) await operation.pause()
    }
    return operation.acknowledge(undefined, logIndex)
  },
  reply: emptyReply,
})

const cloneFields = commandFields(
  'cloneCollectionAsCapped',
  {
    cloneCollectionAsCapped: { type: anyType },
    toCollection: { type: anyType },
    size: { type: anyType },
    temp: { type: booleanType },
  },
  { strict: false },
)

/** Throws TypeMismatch when the field is no string, or is missing. */
function collectionNameIn(name: string, field: number): string {
  const type = cloneFields.has(field) ? cloneFields.type(field) : bsonType.undefined
  if (type === bsonType.string) return cloneFields.string(field)!
  throw new DatabaseError(
    'TypeMismatch',
    `BSON field 'cloneCollectionAsCapped.${name}' is the wrong type '${typeAlias(type)}', expected type 'string'`,
  )
}

interface Cloning extends Conversion {
  readonly to: string
}

/** Copies the newest documents of a collection to a new capped one. */
export const cloneCollectionAsCapped = defineCommand({
  name: 'cloneCollectionAsCapped',
  help: 'copies a collection to a new capped one',
  kind: 'commands',
  writeConcern: true,
  fields: cloneFields,
  parse: (database: string): Cloning => {
    const { at } = cloneFields
    const collection = collectionNameIn('cloneCollectionAsCapped', at.cloneCollectionAsCapped)
    checkCollectionName(database, collection)
    const to = collectionNameIn('toCollection', at.toCollection)
    checkCollectionName(database, to)
    for (const name of [collection, to])
      if (name.includes('$')) throw new DatabaseError('InvalidNamespace', `Invalid collection name: ${name}`)
    const sizeBytes = sizeOf(cloneFields, at.size)
    if (collection.startsWith('system.buckets.') || to.startsWith('system.buckets.'))
      throw new DatabaseError('IllegalOperation', 'A time-series collection cannot be cloned as capped')
    return { collection, to, sizeBytes }
  },
  run: async (operation: Operation, request: Cloning): Promise<undefined> => {
    const { engine } = operation.instance
    const from = source(operation, request.collection)
    const target = { database: operation.databaseName, collection: request.to }
    const existing = engine.collection(target.database, target.collection)
    refuseView(existing)
    if (existing !== undefined)
      throw new DatabaseError('NamespaceExists', `to collection ${existing.namespace} already exists`)
    checkNewCollection(operation, target)
    const view = new ReadView(engine)
    view.keep()
    const created = engine.write((unit) =>
      unit.createCollection(target.database, target.collection, cappedOptions(request.sizeBytes)),
    )
    const logIndex = await copy(operation, view, from, created.result, traitsOf(created.result).capped!)
    return operation.acknowledge(undefined, logIndex ?? created.logIndex)
  },
  reply: emptyReply,
})

/** Copies slice by slice what `view` sees, and keeps the limits of the capped collection all the while. */
async function copy(
  operation: Operation,
  view: ReadView,
  from: Collection,
  to: Collection,
  limits: CappedTraits,
): Promise<LogIndex | undefined> {
  const { engine } = operation.instance
  let logIndex: LogIndex | undefined
  const cursor = from.scan(view.at)
  try {
    for (let more = true; more; ) {
      const documents: Uint8Array[] = []
      while ((more = cursor.next()) && documents.length < stepsPerLook)
        documents.push(cursor.bytes.slice(cursor.start, cursor.end))
      if (more) documents.push(cursor.bytes.slice(cursor.start, cursor.end))
      cursor.save()
      const slice = await settled(operation, () => {
        if (to.dropped) throw new DatabaseError('QueryPlanKilled', `collection dropped: ${to.namespace}`)
        return engine.write((unit) => {
          for (const document of documents) evict(unit, to, limits, unit.insert(to, document))
        })
      })
      logIndex = slice.logIndex
      if (operation.due()) await operation.pause()
    }
  } finally {
    cursor.close()
    view.release()
  }
  return logIndex
}
