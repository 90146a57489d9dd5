import { DatabaseError } from '../../base/errors.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentFields, readString } from '../../bson/value.ts'
import { defineCommand, emptyReply } from '../definition.ts'
import { anyType, arrayType, commandFields } from '../fields.ts'

const fields = commandFields('dropConnections', {
  dropConnections: { type: anyType },
  hostAndPort: { type: arrayType, required: true },
})

/** Closes the connections to other members: there are none. */
export const dropConnections = defineCommand({
  name: 'dropConnections',
  help: 'closes connections to other members',
  kind: 'commands',
  adminOnly: true,
  fields,
  parse: (): void => {
    const hosts = fields.value(fields.at.hostAndPort)!
    for (const host of documentFields(hosts.bytes, hosts.start)) {
      if (host.type === bsonType.null || host.type === bsonType.undefined) continue
      if (host.type !== bsonType.string)
        throw new DatabaseError(
          'TypeMismatch',
          `BSON field 'dropConnections.hostAndPort.${host.name}' is the wrong type '${typeAlias(host.type)}', expected type 'string'`,
        )
      checkHostAndPort(readString(host.bytes, host.start))
    }
  },
  run: () => undefined,
  reply: emptyReply,
})

/** Errors: FailedToParse. */
function checkHostAndPort(text: string): void {
  const parts = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d+))?$/.exec(text)
  if (parts === null) throw new DatabaseError('FailedToParse', `"${text}" is no host and port`)
  const port = parts[3]
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535))
    throw new DatabaseError('FailedToParse', `Port number ${port} out of range parsing HostAndPort from "${text}"`)
}
