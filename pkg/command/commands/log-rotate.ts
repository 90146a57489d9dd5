import { DatabaseError } from '../../base/errors.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentFields } from '../../bson/value.ts'
import { defineCommand, emptyReply, noRequest } from '../definition.ts'
import { anyType, booleanNumberOrStringType, commandFields } from '../fields.ts'
import type { Operation } from '../operation.ts'

const fields = commandFields('logRotate', {
  logRotate: { type: booleanNumberOrStringType },
})

/** Begins a new log file, where the log goes to one. */
export const logRotate = defineCommand({
  name: 'logRotate',
  help: 'begins a new log file',
  kind: 'commands',
  adminOnly: true,
  fields,
  parse: (): void => {
    const at = fields.at.logRotate
    const type = documentFields(fields.bytes).next().value?.type
    if (type === bsonType.null || type === bsonType.undefined)
      throw new DatabaseError(
        'TypeMismatch',
        `BSON field 'logRotate.logRotate' is the wrong type '${typeAlias(type)}', expected types '[bool, string, int, decimal, double, long]'`,
      )
    if (fields.type(at) !== bsonType.string) return
    const log = fields.string(at)!
    if (log !== 'server') throw new DatabaseError('NoSuchKey', `Unknown log type '${log}'`)
  },
  run: (operation: Operation): void => operation.instance.options.onLogRotate?.(),
  reply: emptyReply,
})

const certificateFields = commandFields('rotateCertificates', {
  rotateCertificates: { type: anyType },
  message: { type: anyType },
})

/** Reads the certificates anew: there are none to read yet. */
export const rotateCertificates = defineCommand({
  name: 'rotateCertificates',
  help: 'reads the certificates anew',
  kind: 'commands',
  adminOnly: true,
  fields: certificateFields,
  parse: noRequest,
  run: () => undefined,
  reply: emptyReply,
})
