import { writeFields } from '../../bson/build.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { defineCommand } from '../definition.ts'
import { anyType, booleanType, commandFields } from '../fields.ts'

const fields = commandFields('connectionStatus', {
  connectionStatus: { type: anyType },
  showPrivileges: { type: booleanType },
})

/** Who is logged in on this connection. */
export const connectionStatus = defineCommand({
  name: 'connectionStatus',
  help: 'who is logged in on this connection',
  kind: 'commands',
  fields,
  parse: () => fields.boolean(fields.at.showPrivileges),
  run: (_, showPrivileges: boolean) => showPrivileges,
  reply: (showPrivileges: boolean, writer: BsonWriter) =>
    writeFields(writer, {
      authInfo: {
        authenticatedUsers: [],
        authenticatedUserRoles: [],
        ...(showPrivileges ? { authenticatedUserPrivileges: [] } : {}),
      },
    }),
})
