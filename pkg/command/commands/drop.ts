import { DatabaseError } from '../../base/errors.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { checkCollectionUuid, collectionUuid } from '../collection-uuid.ts'
import { defineCommand } from '../definition.ts'
import { anyType, commandFields, uuidType } from '../fields.ts'
import { collectionNameOf } from '../namespace.ts'
import type { Operation } from '../operation.ts'
import { isView } from '../view.ts'
import { isViewsCollection } from '../view-definitions.ts'

const fields = commandFields('drop', {
  drop: { type: anyType, required: true },
  collectionUUID: { type: uuidType },
})

interface Request {
  readonly collection: string
  readonly uuid: Uint8Array | undefined
}

interface Result {
  readonly namespace: string
  readonly indexes: number
}

/** Removes a collection with its indexes; one that is not there is no error. */
export const drop = defineCommand({
  name: 'drop',
  help: 'removes a collection',
  kind: 'commands',
  stable: true,
  writeConcern: true,
  fields,
  parse: (database: string): Request => ({
    collection: collectionNameOf(database, fields.type(fields.at.drop), fields.bytes, fields.start(fields.at.drop)),
    uuid: collectionUuid(fields, fields.at.collectionUUID),
  }),
  run: (
    operation: Operation,
    { collection: name, uuid }: Request,
  ): Result | undefined | Promise<Result | undefined> => {
    const { engine, cursors } = operation.instance
    const collection = engine.collection(operation.databaseName, name)
    operation.namespace = `${operation.databaseName}.${name}`
    checkCollectionUuid(operation, operation.databaseName, name, uuid)
    if (isViewsCollection(engine, operation.databaseName, name)) return dropViews(operation, operation.namespace)
    if (collection === undefined) return operation.acknowledge(undefined, engine.lastIndex)
    if (name.startsWith('system.') && name !== 'system.profile' && name !== 'system.js' && name !== 'system.views')
      throw new DatabaseError('IllegalOperation', `can't drop system collection ${collection.namespace}`)
    const { namespace } = collection
    const indexes = collection.indexes.length
    const { logIndex } = engine.write((unit) => unit.dropCollection(collection))
    cursors.failAll(new Set([namespace]), `collection dropped: ${namespace}`)
    return operation.acknowledge({ namespace, indexes }, logIndex)
  },
  reply: (result: Result | undefined, writer: BsonWriter) => {
    if (result === undefined) return
    writer.int32('nIndexesWas', result.indexes)
    writer.string('ns', result.namespace)
  },
})

/** The collection of the views' definitions goes, and so do the views. */
function dropViews(operation: Operation, namespace: string): Result | Promise<Result> {
  const { engine, cursors } = operation.instance
  const views = engine.collections(operation.databaseName).filter(isView)
  const { logIndex } = engine.write((unit) => {
    for (const view of views) unit.dropCollection(view)
  })
  cursors.failAll(new Set(views.map((view) => view.namespace)), `collection dropped: ${namespace}`)
  return operation.acknowledge({ namespace, indexes: 1 }, logIndex)
}
