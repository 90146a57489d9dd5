import type { BsonWriter } from '../../bson/writer.ts'
import { defineCommand, noRequest } from '../definition.ts'
import { anyType, booleanType, commandFields, numberType } from '../fields.ts'
import type { Operation } from '../operation.ts'

const fields = commandFields('fsync', {
  fsync: { type: anyType },
  lock: { type: booleanType },
  async: { type: booleanType },
  fsyncLockAcquisitionTimeoutMillis: { type: numberType },
})

/** Writes a checkpoint: everything acknowledged or not is in the data file afterwards. With `lock`, writes wait until fsyncUnlock. */
export const fsync = defineCommand({
  name: 'fsync',
  help: 'writes a checkpoint, and holds writes back on request',
  kind: 'commands',
  adminOnly: true,
  fields,
  parse: () => fields.boolean(fields.at.lock),
  run: async (operation: Operation, lock: boolean): Promise<number | undefined> => {
    const { engine, fsyncLock } = operation.instance
    // Taken first: what is written while the checkpoint runs would not be in it.
    const count = lock ? fsyncLock.lock() : undefined
    try {
      await engine.durable(engine.lastIndex)
      await engine.checkpoint()
      return count
    } catch (error) {
      if (lock) fsyncLock.unlock()
      throw error
    }
  },
  reply: (lockCount: number | undefined, writer: BsonWriter) => {
    if (lockCount === undefined) writer.int32('numFiles', 1)
    else {
      writer.string('info', 'now locked against writes, use db.fsyncUnlock() to unlock')
      writer.int64('lockCount', lockCount)
      writer.string('seeAlso', 'http://dochub.mongodb.org/core/fsynccommand')
    }
  },
})

const unlockFields = commandFields('fsyncUnlock', { fsyncUnlock: { type: anyType } }, { strict: false })

export const fsyncUnlock = defineCommand({
  name: 'fsyncUnlock',
  help: 'takes back one fsync with lock',
  kind: 'commands',
  adminOnly: true,
  fields: unlockFields,
  parse: noRequest,
  run: (operation: Operation): number => operation.instance.fsyncLock.unlock(),
  reply: (lockCount: number, writer: BsonWriter) => {
    writer.string('info', 'fsyncUnlock completed')
    writer.int64('lockCount', lockCount)
  },
})
