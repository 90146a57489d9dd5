import { defineCommand, emptyReply } from '../definition.ts'
import type { Operation } from '../operation.ts'
import { sessionKeys, sessionListFields } from '../session-list.ts'

const fields = sessionListFields('killSessions')

/** Ends the sessions listed, or every session when none is: their operations are interrupted and their cursors closed. */
export const killSessions = defineCommand({
  name: 'killSessions',
  help: 'ends sessions and what runs in them; all of them when the list is empty',
  kind: 'commands',
  fields,
  parse: () => sessionKeys(fields, 'killSessions'),
  run: (operation: Operation, keys: readonly string[]): void => {
    const { instance } = operation
    const ending = keys.length > 0 ? keys : Array.from(instance.sessions.keys())
    for (const key of ending) instance.endSession(key, operation)
  },
  reply: emptyReply,
})
