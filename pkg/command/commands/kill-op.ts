import { DatabaseError } from '../../base/errors.ts'
import { typeAlias } from '../../bson/type.ts'
import { isNumber, numberOf } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { defineCommand } from '../definition.ts'
import { anyType, commandFields } from '../fields.ts'
import type { Operation } from '../operation.ts'

const fields = commandFields('killOp', { killOp: { type: anyType }, op: { type: anyType } }, { strict: false })

/** Interrupts an operation in progress; one that is not there is no error. */
export const killOp = defineCommand({
  name: 'killOp',
  help: 'interrupts an operation',
  kind: 'commands',
  adminOnly: true,
  fields,
  parse: (): number => {
    const op = fields.value(fields.at.op)
    if (op === undefined) throw new DatabaseError('NoSuchKey', `Did not provide "op" field`)
    if (!isNumber(op.type))
      throw new DatabaseError(
        'TypeMismatch',
        `Expected field "op" to have numeric type, but found ${typeAlias(op.type)}`,
      )
    const id = numberOf(op)
    if (!Number.isInteger(id))
      throw new DatabaseError('BadValue', `Expected field "op" to have a whole number, but got ${id}`)
    return id
  },
  run: (operation: Operation, id: number): void => {
    if (id < -0x80000000 || id > 0x7fffffff)
      throw new DatabaseError(26823, `invalid op : ${id}. Op ID cannot be represented with 32 bits`)
    operation.instance.operations.get(id)?.kill(new DatabaseError('Interrupted', 'operation was interrupted'))
  },
  reply: (_: unknown, writer: BsonWriter) => writer.string('info', 'attempting to kill op'),
})
