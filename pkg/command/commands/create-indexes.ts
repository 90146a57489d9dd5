import { DatabaseError } from '../../base/errors.ts'
import { indexesPerCollectionMax } from '../../base/limits.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { countedIndexes } from '../clustered-index.ts'
import { traitsOf } from '../collection-traits.ts'
import { defineCommand } from '../definition.ts'
import { anyType, arrayType, booleanType, commandFields } from '../fields.ts'
import { buildInBackground, buildsInBackground } from '../index-building.ts'
import { isPresent, type PresentIndex } from '../index-presence.ts'
import { type IndexSpec, parseIndexSpec, withCollation } from '../index-spec.ts'
import { collectionNameOf } from '../namespace.ts'
import type { Operation } from '../operation.ts'
import { checkPartialCollation, checkTimeseriesIndex, shownIndexes } from '../timeseries.ts'
import { refuseView } from '../view.ts'
import { checkNewCollection, collectionForWrite } from '../write-insert.ts'

const fields = commandFields('createIndexes', {
  createIndexes: { type: anyType, required: true },
  indexes: { type: arrayType, required: true },
  ignoreUnknownIndexOptions: { type: booleanType },
  commitQuorum: { type: anyType },
  v: { type: anyType },
  isTimeseriesNamespace: { type: booleanType },
})

export interface CreateIndexesCommand {
  readonly collection: string
  readonly specs: readonly IndexSpec[]
}

export interface CreateIndexesResult {
  readonly before: number
  readonly after: number
  readonly createdCollection: boolean
}

/** Builds indexes, and the collection if there is none. */
export const createIndexes = defineCommand({
  name: 'createIndexes',
  help: 'builds indexes',
  kind: 'commands',
  stable: true,
  writeConcern: true,
  fields,
  parse: (database: string): CreateIndexesCommand => {
    const at = fields.at
    const collection = collectionNameOf(
      database,
      fields.type(at.createIndexes),
      fields.bytes,
      fields.start(at.createIndexes),
    )
    if (fields.has(at.commitQuorum)) throw new DatabaseError('BadValue', `Standalones can't specify commitQuorum`)
    const specs = fields
      .documents(at.indexes)!
      .map((document) => parseIndexSpec(document, fields.boolean(at.ignoreUnknownIndexOptions) === true))
    if (specs.length === 0) throw new DatabaseError('BadValue', 'Must specify at least one index to create')
    return { collection, specs }
  },
  run: (operation: Operation, request: CreateIndexesCommand): CreateIndexesResult | Promise<CreateIndexesResult> => {
    const { workspace } = operation
    const target = { database: operation.databaseName, collection: request.collection }
    operation.namespace = `${target.database}.${target.collection}`
    const existing = workspace.collection(target.database, target.collection)
    refuseView(existing)
    if (existing === undefined) checkNewCollection(operation, target)
    const timeseries = existing === undefined ? undefined : traitsOf(existing).timeseries
    if (timeseries !== undefined) for (const spec of request.specs) checkTimeseriesIndex(timeseries, spec)
    const present: PresentIndex[] =
      existing === undefined
        ? []
        : shownIndexes(existing).map(({ name, definition }) => ({
            name,
            key: definition.keyPattern,
            definition: definition.bytes,
          }))
    const before = existing === undefined ? 1 : countedIndexes(existing, present.length)
    const specs = request.specs.map((spec) => withCollation(spec, existing?.collation))
    if (timeseries !== undefined) for (const spec of specs) checkPartialCollation(existing!, spec)
    const missing = specs.filter((spec) => {
      if ((spec.isIdIndex && timeseries === undefined) || isPresent(spec, present)) return false
      present.push(spec)
      return true
    })
    if (before + missing.length > indexesPerCollectionMax)
      throw new DatabaseError(
        'CannotCreateIndex',
        `add index fails, too many indexes for ${operation.namespace} key:${missing[0]!.name}`,
      )
    const result = { before, after: before + missing.length, createdCollection: existing === undefined }
    if (existing !== undefined && operation.statement === undefined && buildsInBackground(existing, missing))
      return buildInBackground(operation, existing, missing).then((index) => operation.acknowledge(result, index))
    const { logIndex } = workspace.write((unit) => {
      if (existing !== undefined && missing.length === 0) return
      const collection = collectionForWrite(operation, unit, target)
      const built: string[] = []
      try {
        for (const spec of missing) {
          unit.createIndex(collection, spec.definition)
          built.push(spec.name)
        }
      } catch (error) {
        // All indexes of a command or none.
        for (const name of built) unit.dropIndex(collection, name)
        throw error
      }
    })
    return operation.acknowledge(result, logIndex)
  },
  reply: (result: CreateIndexesResult, writer: BsonWriter) => {
    writer.int32('numIndexesBefore', result.before)
    writer.int32('numIndexesAfter', result.after)
    if (result.createdCollection || result.before !== result.after)
      writer.boolean('createdCollectionAutomatically', result.createdCollection)
    if (result.before === result.after) writer.string('note', 'all indexes already exist')
  },
})
