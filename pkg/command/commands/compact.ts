import { DatabaseError } from '../../base/errors.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { defineCommand, emptyReply } from '../definition.ts'
import { anyType, commandFields, numberType, strictBooleanType } from '../fields.ts'
import { collectionNameOf } from '../namespace.ts'
import type { Operation } from '../operation.ts'
import { refuseView } from '../view.ts'

const fields = commandFields('compact', {
  compact: { type: anyType, required: true },
  dryRun: { type: strictBooleanType },
  force: { type: strictBooleanType },
  freeSpaceTargetMB: { type: numberType, min: 1 },
})

interface Request {
  readonly collection: string
  readonly dryRun: boolean
}

/**
 * Gives unused space back. The blocks of pages that nobody needs are used again by every checkpoint, so there is nothing to move:
 * what it does is to write one.
 */
export const compact = defineCommand({
  name: 'compact',
  help: 'gives unused space back',
  kind: 'commands',
  fields,
  parse: (database: string): Request => {
    const at = fields.at
    const collection = collectionNameOf(database, fields.type(at.compact), fields.bytes, fields.start(at.compact))
    fields.number(at.freeSpaceTargetMB)
    return { collection, dryRun: fields.boolean(at.dryRun) }
  },
  run: async (operation: Operation, { collection: name, dryRun }: Request): Promise<boolean> => {
    const { engine } = operation.instance
    operation.namespace = `${operation.databaseName}.${name}`
    const collection = engine.collection(operation.databaseName, name)
    refuseView(collection)
    if (collection === undefined) throw new DatabaseError('NamespaceNotFound', 'collection does not exist')
    if (!dryRun) await engine.checkpoint()
    return dryRun
  },
  reply: (dryRun: boolean, writer: BsonWriter) => {
    writer.int32(dryRun ? 'estimatedBytesFreed' : 'bytesFreed', 0)
  },
})

const autoFields = commandFields('autoCompact', {
  autoCompact: { type: strictBooleanType, required: true },
  freeSpaceTargetMB: { type: numberType, min: 1 },
  runOnce: { type: strictBooleanType },
})

/** Whether space is given back in the background: it always is. */
export const autoCompact = defineCommand({
  name: 'autoCompact',
  help: 'background compaction, which needs no switch here',
  kind: 'commands',
  adminOnly: true,
  fields: autoFields,
  parse: () => {
    const { at } = autoFields
    autoFields.number(at.freeSpaceTargetMB)
  },
  run: () => undefined,
  reply: emptyReply,
})
