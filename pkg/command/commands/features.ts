import type { BsonWriter } from '../../bson/writer.ts'
import { defineCommand, noRequest } from '../definition.ts'
import { anyType, commandFields } from '../fields.ts'

const fields = commandFields('features', { features: { type: anyType } }, { strict: false })

/** An old question of tools; the answer has two fields that never change. */
export const features = defineCommand({
  name: 'features',
  help: 'what the server was built with',
  kind: 'commands',
  fields,
  parse: noRequest,
  run: () => undefined,
  reply: (_: undefined, writer: BsonWriter) => {
    writer.beginDocument('js')
    writer.boolean('utf8', true)
    writer.end()
    writer.double('oidMachine', 0)
  },
})
