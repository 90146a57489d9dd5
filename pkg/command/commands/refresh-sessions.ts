import { defineCommand, emptyReply } from '../definition.ts'
import type { Operation } from '../operation.ts'
import { sessionKeys, sessionListFields } from '../session-list.ts'

const fields = sessionListFields('refreshSessions')

/** Counts sessions as used now, so that they do not time out. */
export const refreshSessions = defineCommand({
  name: 'refreshSessions',
  help: 'keeps sessions from timing out',
  kind: 'commands',
  stable: true,
  fields,
  parse: () => sessionKeys(fields, 'refreshSessions'),
  run: (operation: Operation, keys: readonly string[]): void => {
    for (const key of keys) operation.instance.sessions.refresh(key, operation.startedMs)
  },
  reply: emptyReply,
})
