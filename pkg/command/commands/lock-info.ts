import { writeFields } from '../../bson/build.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { defineCommand, noRequest } from '../definition.ts'
import { anyType, commandFields } from '../fields.ts'
import type { Operation } from '../operation.ts'

const lockModes = { read: 'S', write: 'X' } as const

const lockFields = commandFields('lockInfo', {
  lockInfo: { type: anyType },
  includeStorageEngineDump: { type: anyType },
})

/** The locks there are: those of open transactions with who holds them and who waits, and that of fsync. */
export const lockInfo = defineCommand({
  name: 'lockInfo',
  help: 'the locks that are held and waited for',
  kind: 'commands',
  adminOnly: true,
  fields: lockFields,
  parse: noRequest,
  run: ({ instance }: Operation): readonly Record<string, unknown>[] => {
    const nowMs = instance.world.clock.monotonicMs()
    const locks: Record<string, unknown>[] = instance.engine.listLocks().map(({ resource, granted, pending }) => ({
      resourceId: resource,
      granted: granted.map(({ mode, transaction }) => ({ mode: lockModes[mode], transaction })),
      pending: pending.map(({ mode, transaction, sinceMs }) => ({
        mode: lockModes[mode],
        transaction,
        waitedMillis: Math.round(nowMs - sinceMs),
      })),
    }))
    if (instance.fsyncLock.held)
      locks.unshift({ resourceId: '{ 1: Global, 1 }', granted: [{ mode: 'S', desc: 'fsync' }], pending: [] })
    return locks
  },
  reply: (locks: readonly Record<string, unknown>[], writer: BsonWriter) => writeFields(writer, { lockInfo: locks }),
})
