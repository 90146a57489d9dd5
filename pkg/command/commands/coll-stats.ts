import { writeFields } from '../../bson/build.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { defineCommand } from '../definition.ts'
import { anyType, commandFields, numberType } from '../fields.ts'
import { collectionNameOf } from '../namespace.ts'
import type { Operation } from '../operation.ts'
import { storageStats } from '../storage-stats.ts'
import { refuseView } from '../view.ts'

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
    refuseView(collection)
    return { ns: operation.namespace, ...storageStats(collection, scale) }
  },
  reply: (result: Readonly<Record<string, unknown>>, writer: BsonWriter) => writeFields(writer, result),
})
