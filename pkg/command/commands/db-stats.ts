import { writeFields } from '../../bson/build.ts'
import { doubleValue, int64Value } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { defineCommand } from '../definition.ts'
import { anyType, commandFields, numberType } from '../fields.ts'
import type { Operation } from '../operation.ts'
import { databaseSizes, type Sizes, sizeOfIndexes } from '../sizes.ts'

const fields = commandFields('dbStats', {
  dbStats: { type: anyType },
  dbstats: { type: anyType },
  scale: { type: numberType, min: 1 },
  freeStorage: { type: numberType },
})

interface Result {
  readonly database: string
  readonly sizes: Sizes
  readonly indexBytes: number
  readonly scale: number
  readonly fileBytes: number
}

/** What a database holds. */
export const dbStats = defineCommand({
  name: 'dbStats',
  aliases: ['dbstats'],
  help: 'what a database holds',
  kind: 'commands',
  fields,
  parse: () => fields.number(fields.at.scale) ?? 1,
  run: (operation: Operation, scale: number): Result => {
    const { engine } = operation.instance
    const collections = engine.collections(operation.databaseName)
    return {
      database: operation.databaseName,
      sizes: databaseSizes(collections),
      indexBytes: sizeOfIndexes(collections),
      scale,
      fileBytes: engine.statistics().fileSizeBytes,
    }
  },
  reply: ({ database, sizes, indexBytes, scale, fileBytes }: Result, writer: BsonWriter) => {
    const scaled = (bytes: number) => doubleValue(bytes / scale)
    writeFields(writer, {
      db: database,
      collections: int64Value(sizes.collections),
      views: int64Value(sizes.views),
      objects: int64Value(sizes.documents),
      avgObjSize: doubleValue(sizes.documents === 0 ? 0 : sizes.dataBytes / sizes.documents),
      dataSize: scaled(sizes.dataBytes),
      storageSize: scaled(sizes.dataBytes),
      indexes: int64Value(sizes.indexes),
      indexSize: scaled(indexBytes),
      totalSize: scaled(sizes.dataBytes + indexBytes),
      scaleFactor: int64Value(scale),
      ...(sizes.collections === 0 ? {} : { fsUsedSize: scaled(fileBytes), fsTotalSize: scaled(fileBytes) }),
    })
  },
})
