import type { BsonWriter } from '../../bson/writer.ts'
import { defineCommand, noRequest } from '../definition.ts'
import { anyType, commandFields } from '../fields.ts'
import type { Operation } from '../operation.ts'

/** The client's address as the server sees it. */
export const whatsmyuri = defineCommand({
  name: 'whatsmyuri',
  help: 'the address of the client as the server sees it',
  kind: 'commands',
  fields: commandFields('whatsmyuri', { whatsmyuri: { type: anyType } }, { strict: false }),
  parse: noRequest,
  run: (operation: Operation) => operation.context.remoteAddress,
  reply: (address: string, writer: BsonWriter) => writer.string('you', address),
})
