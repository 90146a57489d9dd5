import { DocumentRows } from '../../aggregate/rows.ts'
import { DatabaseError } from '../../base/errors.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import type { Batch } from '../batch.ts'
import { shownDefinition } from '../clustered-index.ts'
import { defineCommand } from '../definition.ts'
import { anyType, booleanType, commandFields, Fields, numberType, objectType } from '../fields.ts'
import { collectionNameOf } from '../namespace.ts'
import type { Operation } from '../operation.ts'
import { openCursor } from '../read.ts'
import { shownIndexes, withoutBuckets } from '../timeseries.ts'
import { refuseView } from '../view.ts'
import { isViewsCollection, viewsIdIndex } from '../view-definitions.ts'

const fields = commandFields('listIndexes', {
  listIndexes: { type: anyType, required: true },
  cursor: { type: objectType },
  includeBuildUUIDs: { type: booleanType },
  includeIndexBuildInfo: { type: booleanType },
  isTimeseriesNamespace: { type: booleanType },
})
const cursorFields = new Fields('listIndexes.cursor', { batchSize: { type: numberType, min: 0 } })

export interface ListIndexesCommand {
  readonly collection: string
  readonly batchSize: number | undefined
}

/** The indexes of a collection. */
export const listIndexes = defineCommand({
  name: 'listIndexes',
  help: 'the indexes of a collection',
  kind: 'commands',
  stable: true,
  fields,
  parse: (database: string): ListIndexesCommand => {
    const at = fields.at
    if (fields.boolean(at.includeBuildUUIDs) && fields.boolean(at.includeIndexBuildInfo))
      throw new DatabaseError(
        'InvalidOptions',
        `includeBuildUUIDs and includeIndexBuildInfo cannot both be set to true`,
      )
    const cursor = fields.document(at.cursor)
    return {
      collection: collectionNameOf(database, fields.type(at.listIndexes), fields.bytes, fields.start(at.listIndexes)),
      batchSize: cursor === undefined ? undefined : cursorFields.read(cursor, 0).number(cursorFields.at.batchSize),
    }
  },
  run: (operation: Operation, request: ListIndexesCommand): Batch | Promise<Batch> => {
    const namespace = `${operation.databaseName}.${request.collection}`
    operation.namespace = namespace
    const documents = definitions(operation, request.collection)
    if (documents === undefined) throw new DatabaseError('NamespaceNotFound', `ns does not exist: ${namespace}`)
    return openCursor(operation, new DocumentRows(documents), {
      namespace,
      batchSize: request.batchSize ?? documents.length + 1,
      limit: documents.length,
    })
  },
  reply: (batch: Batch, writer: BsonWriter) => batch.writeCursor(writer, 'firstBatch'),
})

/** What is shown of a collection's indexes; undefined without the collection. */
function definitions({ databaseName, instance }: Operation, name: string): Uint8Array[] | undefined {
  const { engine } = instance
  const collection = engine.collection(databaseName, withoutBuckets(name))
  if (collection === undefined) return isViewsCollection(engine, databaseName, name) ? [viewsIdIndex] : undefined
  refuseView(collection)
  return shownIndexes(collection).map((index) => shownDefinition(collection, index))
}
