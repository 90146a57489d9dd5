import { DatabaseError } from '../../base/errors.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { defineCommand } from '../definition.ts'
import {
  type FailPoint,
  type FailPointMode,
  parseCommandFailure,
  parseFailPointMode,
  parseWriteFailure,
} from '../fail-points.ts'
import { anyType, commandFields, objectType, stringType } from '../fields.ts'
import type { Instance } from '../instance.ts'
import type { Operation } from '../operation.ts'

const fields = commandFields('configureFailPoint', {
  configureFailPoint: { type: stringType, required: true },
  mode: { type: anyType, required: true },
  data: { type: objectType },
})

/** Sets a fail point; returns how often it had struck. */
type Request = (instance: Instance) => number

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
    const mode = parseFailPointMode(fields.value(at.mode)!)
    const data = fields.document(at.data) ?? noData
    switch (name) {
      case 'failCommand': {
        const failure = parseCommandFailure(data)
        return (instance) => setUp(instance.failCommand, mode, failure)
      }
      case 'onPrimaryTransactionalWrite': {
        const failure = parseWriteFailure(data)
        return (instance) => setUp(instance.failWrite, mode, failure)
      }
      default:
        throw new DatabaseError('BadValue', `${name} not found`)
    }
  },
  run: ({ instance }: Operation, apply: Request): number => {
    // As if the command were not there: nobody can break a server that was not started for it.
    if (instance.parameters.get('enableTestCommands')?.value !== true)
      throw new DatabaseError('CommandNotFound', `no such command: 'configureFailPoint'`)
    return apply(instance)
  },
  reply: (entered: number, writer: BsonWriter) => writer.int64('count', entered),
})

function setUp<Failure>(point: FailPoint<Failure>, mode: FailPointMode, failure: Failure): number {
  const { entered } = point
  point.set(mode, failure)
  return entered
}
