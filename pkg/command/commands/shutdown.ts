import { DatabaseError } from '../../base/errors.ts'
import { defineCommand, emptyReply, noRequest } from '../definition.ts'
import { anyType, booleanType, commandFields, numberType } from '../fields.ts'
import type { Operation } from '../operation.ts'

/** Asks the server to stop as SIGTERM does: finish what is in flight, checkpoint, exit. */
export const shutdown = defineCommand({
  name: 'shutdown',
  help: 'stops the server after what is in flight has finished',
  kind: 'commands',
  adminOnly: true,
  fields: commandFields('shutdown', {
    shutdown: { type: anyType },
    force: { type: booleanType },
    timeoutSecs: { type: numberType, min: 0 },
  }),
  parse: noRequest,
  run: (operation: Operation) => {
    const stop = operation.instance.options.onShutdown
    if (stop === undefined)
      throw new DatabaseError(
        'IllegalOperation',
        'shutdown is not possible here: the database runs inside another process',
      )
    stop()
  },
  reply: emptyReply,
})
