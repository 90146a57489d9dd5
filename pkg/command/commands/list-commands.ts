import { writeFields } from '../../bson/build.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { type AnyDefinition, type Definition, defineCommand, noRequest } from '../definition.ts'
import { anyType, commandFields } from '../fields.ts'

/** The commands there are. `all`: the table, which the command is itself part of. */
export function listCommandsOf(all: () => readonly AnyDefinition[]): Definition<undefined, readonly AnyDefinition[]> {
  return defineCommand({
    name: 'listCommands',
    help: 'the commands there are',
    kind: 'commands',
    fields: commandFields('listCommands', { listCommands: { type: anyType } }, { strict: false }),
    parse: noRequest,
    run: () => all(),
    reply: (definitions: readonly AnyDefinition[], writer: BsonWriter) =>
      writeFields(writer, {
        commands: Object.fromEntries(
          definitions.map((definition) => [
            definition.name,
            {
              help: definition.help,
              requiresAuth: false,
              adminOnly: definition.adminOnly === true,
              secondaryOk: definition.writeConcern !== true,
              apiVersions: definition.stable === true ? ['1'] : [],
              deprecatedApiVersions: [],
            },
          ]),
        ),
      }),
  })
}
