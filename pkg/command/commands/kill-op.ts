import { DatabaseError } from '../../base/errors.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { defineCommand } from '../definition.ts'
import { anyType, commandFields, numberType } from '../fields.ts'
import type { Operation } from '../instance.ts'

const fields = commandFields('killOp', { killOp: { type: anyType }, op: { type: numberType, required: true } })

/** Interrupts an operation in progress; one that is not there is no error. */
export const killOp = defineCommand({
  name: 'killOp',
  help: 'interrupts an operation',
  kind: 'commands',
  adminOnly: true,
  fields,
  parse: () => fields.number(fields.at.op)!,
  run: (operation: Operation, id: number): void => {
    if (id < -0x80000000 || id > 0xffffffff)
      throw new DatabaseError('BadValue', `invalid op : ${id}. Op ID cannot be represented with 32 bits`)
    operation.instance.operations.get(id)?.kill(new DatabaseError('Interrupted', 'operation was interrupted'))
  },
  reply: (_: unknown, writer: BsonWriter) => writer.string('info', 'attempting to kill op'),
})
