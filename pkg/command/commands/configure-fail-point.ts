import { DatabaseError } from '../../base/errors.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { defineCommand } from '../definition.ts'
import { type CommandFailure, type FailPointMode, parseCommandFailure, parseFailPointMode } from '../fail-points.ts'
import { anyType, commandFields, objectType, stringType } from '../fields.ts'
import type { Operation } from '../instance.ts'

const fields = commandFields('configureFailPoint', {
  configureFailPoint: { type: stringType, required: true },
  mode: { type: anyType, required: true },
  data: { type: objectType },
})

interface Request {
  readonly mode: FailPointMode
  readonly failure: CommandFailure
}

const noData = new Uint8Array([5, 0, 0, 0, 0])

/** Makes commands fail, for tests of drivers. */
export const configureFailPoint = defineCommand({
  name: 'configureFailPoint',
  help: 'makes commands fail on request; only with enableTestCommands',
  kind: 'commands',
  adminOnly: true,
  fields,
  parse: (): Request => {
    const at = fields.at
    const name = fields.string(at.configureFailPoint)!
    if (name !== 'failCommand') throw new DatabaseError('BadValue', `${name} not found`)
    return {
      mode: parseFailPointMode(fields.value(at.mode)!),
      failure: parseCommandFailure(fields.document(at.data) ?? noData),
    }
  },
  run: ({ instance }: Operation, { mode, failure }: Request): number => {
    // As if the command were not there: nobody can break a server that was not started for it.
    if (instance.parameters.get('enableTestCommands')?.value !== true)
      throw new DatabaseError('CommandNotFound', `no such command: 'configureFailPoint'`)
    const { entered } = instance.failCommand
    instance.failCommand.set(mode, failure)
    return entered
  },
  reply: (entered: number, writer: BsonWriter) => writer.int64('count', entered),
})
