import { writeFields } from '../../bson/build.ts'
import { binaryValue } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { defineCommand, noRequest } from '../definition.ts'
import { anyType, commandFields } from '../fields.ts'
import type { Operation } from '../operation.ts'
import { sessionTimeoutMinutes } from '../session.ts'

/** Begins a session whose id the server makes; drivers make their own. */
export const startSession = defineCommand({
  name: 'startSession',
  help: 'begins a session and returns its id',
  kind: 'commands',
  fields: commandFields('startSession', { startSession: { type: anyType } }, { strict: false }),
  parse: noRequest,
  run: (operation: Operation): Uint8Array => {
    const uuid = operation.instance.world.random.bytes(16)
    uuid[6] = (uuid[6]! & 0x0f) | 0x40
    uuid[8] = (uuid[8]! & 0x3f) | 0x80
    return operation.instance.sessions.use(uuid, 0, operation.startedMs).uuid
  },
  reply: (uuid: Uint8Array, writer: BsonWriter) =>
    writeFields(writer, { id: { id: binaryValue(uuid, 4) }, timeoutMinutes: sessionTimeoutMinutes }),
})
