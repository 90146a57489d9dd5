import { writeFields } from '../../bson/build.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { defineCommand, noRequest } from '../definition.ts'
import { anyType, commandFields } from '../fields.ts'
import type { Operation } from '../operation.ts'

/** How the server was started. */
export const getCmdLineOpts = defineCommand({
  name: 'getCmdLineOpts',
  help: 'the arguments the server was started with',
  kind: 'commands',
  adminOnly: true,
  fields: commandFields('getCmdLineOpts', { getCmdLineOpts: { type: anyType } }),
  parse: noRequest,
  run: (operation: Operation) => operation.instance.options.arguments ?? ['laura'],
  reply: (argv: readonly string[], writer: BsonWriter) => writeFields(writer, { argv, parsed: {} }),
})
