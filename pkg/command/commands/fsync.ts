import { DatabaseError } from '../../base/errors.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { defineCommand } from '../definition.ts'
import { anyType, booleanType, commandFields, numberType } from '../fields.ts'
import type { Operation } from '../instance.ts'

const fields = commandFields('fsync', {
  fsync: { type: anyType },
  lock: { type: booleanType },
  async: { type: booleanType },
  fsyncLockAcquisitionTimeoutMillis: { type: numberType },
})

/** Writes a checkpoint: everything acknowledged or not is in the data file afterwards. */
export const fsync = defineCommand({
  name: 'fsync',
  help: 'writes a checkpoint',
  kind: 'commands',
  adminOnly: true,
  fields,
  parse: () => fields.boolean(fields.at.lock),
  run: async (operation: Operation, lock: boolean) => {
    if (lock) throw new DatabaseError('NotImplemented', 'fsync with lock: true is not supported')
    const { engine } = operation.instance
    await engine.durable(engine.lastIndex)
    await engine.checkpoint()
  },
  reply: (_: unknown, writer: BsonWriter) => writer.int32('numFiles', 1),
})
