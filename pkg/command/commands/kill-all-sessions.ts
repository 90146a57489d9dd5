import { bsonType } from '../../bson/type.ts'
import { documentFields } from '../../bson/value.ts'
import { defineCommand, emptyReply } from '../definition.ts'
import { arrayType, commandFields, Fields, stringType } from '../fields.ts'
import type { Operation } from '../operation.ts'

const fields = commandFields(
  'killAllSessions',
  { killAllSessions: { type: arrayType, required: true } },
  { strict: false },
)
const userFields = new Fields('killAllSessions.killAllSessionsCmd', {
  user: { type: stringType, required: true },
  db: { type: stringType, required: true },
})

/** Ends every session, or those of the users listed: while there are no users, those have none. */
export const killAllSessions = defineCommand({
  name: 'killAllSessions',
  help: 'ends every session, or those of the users listed',
  kind: 'commands',
  fields,
  parse: () => {
    const list = fields.value(fields.at.killAllSessions)!
    // A null among the users is passed over.
    const users = [...documentFields(list.bytes, list.start)].filter(({ type }) => type !== bsonType.null)
    if (users.some(({ type }) => type !== bsonType.document)) fields.documents(fields.at.killAllSessions)
    for (const user of users) userFields.read(user.bytes, user.start)
    return users.length
  },
  run: (operation: Operation, users: number): void => {
    if (users > 0) return
    const { instance } = operation
    for (const key of Array.from(instance.sessions.keys())) instance.endSession(key, operation)
  },
  reply: emptyReply,
})
