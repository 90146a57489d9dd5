import { rawDocument, writeFields } from '../../bson/build.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { defineCommand } from '../definition.ts'
import { anyType, commandFields, numberType } from '../fields.ts'
import type { Operation } from '../instance.ts'
import { collectionNameOf } from '../namespace.ts'

const fields = commandFields('collStats', {
  collStats: { type: anyType, required: true },
  scale: { type: numberType, min: 1 },
  verbose: { type: anyType },
  waitForLock: { type: anyType },
  numericOnly: { type: anyType },
})

interface Request {
  readonly collection: string
  readonly scale: number
}

/** What a collection holds. */
export const collStats = defineCommand({
  name: 'collStats',
  help: 'what a collection holds',
  kind: 'commands',
  fields,
  parse: (database: string): Request => ({
    collection: collectionNameOf(
      database,
      fields.type(fields.at.collStats),
      fields.bytes,
      fields.start(fields.at.collStats),
    ),
    scale: fields.number(fields.at.scale) ?? 1,
  }),
  run: (operation: Operation, { collection: name, scale }: Request): Readonly<Record<string, unknown>> => {
    const collection = operation.instance.engine.collection(operation.databaseName, name)
    operation.namespace = `${operation.databaseName}.${name}`
    if (collection === undefined)
      return {
        ns: operation.namespace,
        size: 0,
        count: 0,
        numOrphanDocs: 0,
        storageSize: 0,
        totalSize: 0,
        nindexes: 0,
        totalIndexSize: 0,
        indexDetails: {},
        indexSizes: {},
        scaleFactor: scale,
      }
    const size = Math.floor(collection.dataSizeBytes / scale)
    return {
      ns: collection.namespace,
      size,
      count: collection.documentCount,
      ...(collection.documentCount === 0
        ? {}
        : { avgObjSize: Math.floor(collection.dataSizeBytes / collection.documentCount) }),
      numOrphanDocs: 0,
      storageSize: size,
      freeStorageSize: 0,
      capped: false,
      nindexes: collection.indexes.length,
      indexBuilds: [],
      totalIndexSize: 0,
      totalSize: size,
      indexSizes: Object.fromEntries(collection.indexes.map((index) => [index.name, 0])),
      indexDetails: Object.fromEntries(
        collection.indexes.map((index) => [index.name, rawDocument(index.definition.bytes)]),
      ),
      scaleFactor: scale,
    }
  },
  reply: (result: Readonly<Record<string, unknown>>, writer: BsonWriter) => writeFields(writer, result),
})
