import { defineCommand, emptyReply } from '../definition.ts'
import type { Operation } from '../operation.ts'
import { sessionKeys, sessionListFields } from '../session-list.ts'

const fields = sessionListFields('endSessions')

/** Ends sessions their client does not need any more. */
export const endSessions = defineCommand({
  name: 'endSessions',
  help: 'ends sessions',
  kind: 'commands',
  stable: true,
  fields,
  parse: () => sessionKeys(fields, 'endSessions'),
  run: (operation: Operation, keys: readonly string[]): void => {
    for (const key of keys) operation.instance.endSession(key, operation)
  },
  reply: emptyReply,
})
