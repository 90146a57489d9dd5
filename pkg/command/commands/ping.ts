import { defineCommand, emptyReply, noRequest } from '../definition.ts'
import { anyType, commandFields } from '../fields.ts'

/** Answers, and nothing else. */
export const ping = defineCommand({
  name: 'ping',
  help: 'a way to check that the server is alive',
  kind: 'commands',
  stable: true,
  fields: commandFields('ping', { ping: { type: anyType } }),
  parse: noRequest,
  run: noRequest,
  reply: emptyReply,
})
