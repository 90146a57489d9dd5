import { DocumentRows } from '../../aggregate/rows.ts'
import { buildDocument, rawDocument } from '../../bson/build.ts'
import { binaryValue, getField } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import type { Collection } from '../../engine/collection.ts'
import { compileFilter } from '../../query/filter/compile.ts'
import { parseFilter } from '../../query/filter/parse.ts'
import type { Batch } from '../batch.ts'
import { traitsOf } from '../collection-traits.ts'
import { defineCommand } from '../definition.ts'
import { anyType, commandFields, Fields, numberType, objectType, strictBooleanType } from '../fields.ts'
import type { Operation } from '../operation.ts'
import { openCursor } from '../read.ts'
import { inSlices } from '../slices.ts'
import { describeBuckets } from '../timeseries.ts'
import { describeViewsCollection, isViewsCollection, viewsCollection } from '../view-definitions.ts'

const fields = commandFields('listCollections', {
  listCollections: { type: anyType },
  filter: { type: objectType },
  nameOnly: { type: strictBooleanType },
  authorizedCollections: { type: strictBooleanType },
  cursor: { type: objectType },
  includePendingDrops: { type: strictBooleanType },
})

/** `cursor` of the listing commands. */
export const listCursorFields = new Fields('listCollections.cursor', { batchSize: { type: numberType, min: 0 } })

export interface ListCollectionsCommand {
  readonly filter: Uint8Array | undefined
  readonly nameOnly: boolean
  readonly batchSize: number | undefined
}

/** The collections of a database with their options. */
export const listCollections = defineCommand({
  name: 'listCollections',
  help: 'the collections of a database',
  kind: 'commands',
  stable: true,
  fields,
  parse: (): ListCollectionsCommand => {
    const at = fields.at
    const cursor = fields.document(at.cursor)
    return {
      filter: fields.document(at.filter),
      nameOnly: fields.boolean(at.nameOnly),
      batchSize:
        cursor === undefined ? undefined : listCursorFields.read(cursor, 0).number(listCursorFields.at.batchSize),
    }
  },
  run: (operation: Operation, request: ListCollectionsCommand): Batch | Promise<Batch> => {
    const matches = request.filter === undefined ? undefined : compileFilter(parseFilter(request.filter))
    const documents: Uint8Array[] = []
    const { instance, databaseName } = operation
    const { engine } = instance
    const add = (described: Uint8Array): void => {
      const document = request.nameOnly ? nameAndType(described) : described
      if (matches === undefined || matches(document, 0)) documents.push(document)
    }
    const done = inSlices(operation, [...engine.collections(databaseName)], (collection) => {
      for (const described of describe(collection)) add(described)
    })
    const open = (): Batch | Promise<Batch> => {
      if (isViewsCollection(engine, databaseName, viewsCollection)) add(describeViewsCollection(databaseName))
      return openCursor(operation, new DocumentRows(documents), {
        namespace: `${databaseName}.$cmd.listCollections`,
        batchSize: request.batchSize ?? documents.length + 1,
        limit: documents.length,
      })
    }
    return done === undefined ? open() : done.then(open)
  },
  reply: (batch: Batch, writer: BsonWriter) => batch.writeCursor(writer, 'firstBatch'),
})

function nameAndType(described: Uint8Array): Uint8Array {
  return buildDocument({ name: getField(described, 'name'), type: getField(described, 'type') })
}

/** What is shown of a collection; of a time series its buckets, too. */
function describe(collection: Collection): Uint8Array[] {
  const { view, clustered, timeseries } = traitsOf(collection)
  const { name } = collection
  const options = rawDocument(collection.options)
  if (view !== undefined) return [buildDocument({ name, type: 'view', options, info: { readOnly: true } })]
  const uuid = binaryValue(collection.uuid, 4)
  if (timeseries !== undefined)
    return [
      buildDocument({ name, type: 'timeseries', options, info: { readOnly: false } }),
      describeBuckets(collection, uuid),
    ]
  const idIndex = clustered ? undefined : rawDocument(collection.idIndex.definition.bytes)
  return [buildDocument({ name, type: 'collection', options, info: { readOnly: false, uuid }, idIndex })]
}
