import { DatabaseError } from '../../base/errors.ts'
import { getField } from '../../bson/value.ts'
import { defineCommand, emptyReply } from '../definition.ts'
import { arrayType, commandFields, Fields, objectType, stringType, uuidType } from '../fields.ts'
import type { Operation } from '../operation.ts'
import { checkDigest, sessionIdStart, sessionKey } from '../session.ts'

const fields = commandFields('killAllSessionsByPattern', {
  killAllSessionsByPattern: { type: arrayType, required: true },
})
const patternFields = new Fields('killAllSessionsByPattern.killAllSessionsByPatternCmd', {
  lsid: { type: objectType },
  uid: { type: uuidType },
  users: { type: arrayType },
  roles: { type: arrayType },
})

const userFields = new Fields(`${patternFields.path}.users`, {
  user: { type: stringType, required: true },
  db: { type: stringType, required: true },
})
const roleFields = new Fields(`${patternFields.path}.roles`, {
  role: { type: stringType, required: true },
  db: { type: stringType, required: true },
})

/** Ends the sessions that a pattern describes: one by its id, or (an empty list, an empty pattern) all. */
export const killAllSessionsByPattern = defineCommand({
  name: 'killAllSessionsByPattern',
  help: 'ends sessions by pattern; all of them when no pattern is given',
  kind: 'commands',
  fields,
  /** The keys to end; undefined for all. */
  parse: (): readonly string[] | undefined => {
    const patterns = fields.documents(fields.at.killAllSessionsByPattern)!
    const keys: string[] = []
    let all = patterns.length === 0
    for (const pattern of patterns) {
      const read = patternFields.read(pattern, 0)
      const uid = read.value(read.at.uid)
      if (uid !== undefined) checkDigest(uid, `${read.path}.uid`)
      for (const user of read.documents(read.at.users) ?? []) userFields.read(user, 0)
      for (const role of read.documents(read.at.roles) ?? []) roleFields.read(role, 0)
      const lsid = read.document(read.at.lsid)
      if (lsid !== undefined) {
        keys.push(sessionKey(lsid, sessionIdStart(lsid, 0, `${read.path}.lsid`)))
        if (getField(lsid, 'uid') === undefined)
          throw new DatabaseError('MissingField', `BSON field '${read.path}.lsid.uid' is missing but a required field`)
      } else if (!read.has(read.at.uid) && !read.has(read.at.users) && !read.has(read.at.roles)) all = true
    }
    return all ? undefined : keys
  },
  run: (operation: Operation, keys: readonly string[] | undefined): void => {
    const { instance } = operation
    for (const key of keys ?? Array.from(instance.sessions.keys())) instance.endSession(key, operation)
  },
  reply: emptyReply,
})
