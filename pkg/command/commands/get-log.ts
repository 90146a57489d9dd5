import { DatabaseError } from '../../base/errors.ts'
import { writeFields } from '../../bson/build.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { defineCommand } from '../definition.ts'
import { commandFields, stringType } from '../fields.ts'
import type { Operation } from '../operation.ts'

const fields = commandFields('getLog', { getLog: { type: stringType, required: true } })
const linesMax = 1024

type Result = { readonly names: readonly string[] } | { readonly log: readonly string[] }

/** The last lines of the server's log. */
export const getLog = defineCommand({
  name: 'getLog',
  help: 'the last lines of the log: "global", "startupWarnings", or "*" for these names',
  kind: 'commands',
  adminOnly: true,
  fields,
  parse: () => fields.string(fields.at.getLog)!,
  run: (operation: Operation, which: string): Result => {
    if (which === '*') return { names: ['global', 'startupWarnings'] }
    if (which === 'startupWarnings') return { log: [] }
    if (which !== 'global') throw new DatabaseError('OperationFailed', `No log named '${which}'`)
    return { log: (operation.instance.options.recentLog?.() ?? []).slice(-linesMax) }
  },
  reply: (result: Result, writer: BsonWriter) =>
    writeFields(writer, 'names' in result ? result : { totalLinesWritten: result.log.length, log: result.log }),
})
