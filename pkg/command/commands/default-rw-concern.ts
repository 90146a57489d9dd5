/** getDefaultRWConcern and setDefaultRWConcern: only replica sets and sharded clusters have defaults. */
import { DatabaseError } from '../../base/errors.ts'
import { defineCommand, emptyReply } from '../definition.ts'
import { anyType, commandFields, objectType, strictBooleanType } from '../fields.ts'

const getFields = commandFields('getDefaultRWConcern', {
  getDefaultRWConcern: { type: anyType },
  inMemory: { type: strictBooleanType },
})
const setFields = commandFields('setDefaultRWConcern', {
  setDefaultRWConcern: { type: anyType },
  defaultReadConcern: { type: objectType },
  defaultWriteConcern: { type: objectType },
})

export const getDefaultRWConcern = defineCommand({
  name: 'getDefaultRWConcern',
  help: 'the read and write concern of commands that name none',
  kind: 'commands',
  adminOnly: true,
  fields: getFields,
  parse: () => undefined,
  run: () => notForStandalones('getDefaultRWConcern'),
  reply: emptyReply,
})

export const setDefaultRWConcern = defineCommand({
  name: 'setDefaultRWConcern',
  help: 'sets the read and write concern of commands that name none',
  kind: 'commands',
  adminOnly: true,
  writeConcern: true,
  fields: setFields,
  parse: () => undefined,
  run: () => notForStandalones('setDefaultRWConcern'),
  reply: emptyReply,
})

function notForStandalones(command: string): never {
  throw new DatabaseError(51300, `'${command}' is not supported on standalone nodes.`)
}
