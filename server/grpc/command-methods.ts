/** CommandService's unary calls. The messages are those of proto/lauradb/v1/command_service.proto. */
import { buildDocument } from '../../pkg/bson/build.ts'
import { completedCommand } from './command-writer.ts'
import type { UnaryMethod, UnaryMethods } from './method.ts'

interface RunCommandRequest {
  readonly database: string
  readonly command: Uint8Array
}

const pingCommand = buildDocument({ ping: 1, $db: 'admin' })

const ping: UnaryMethod<object> = {
  command: () => pingCommand,
  response: (_reply, _message, database) => ({ version: database.options.version }),
}

const runCommand: UnaryMethod<RunCommandRequest> = {
  command: (request, maxTimeMs) => completedCommand(request.command, request.database, maxTimeMs),
  response: (reply) => ({ reply }),
}

export const commandMethods = { Ping: ping, RunCommand: runCommand } satisfies UnaryMethods
