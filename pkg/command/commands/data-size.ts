import { DatabaseError } from '../../base/errors.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { defineCommand } from '../definition.ts'
import { booleanType, commandFields, objectType, stringType } from '../fields.ts'
import type { Operation } from '../instance.ts'
import { splitNamespace } from '../namespace.ts'

const fields = commandFields('dataSize', {
  dataSize: { type: stringType, required: true },
  keyPattern: { type: objectType },
  min: { type: objectType },
  max: { type: objectType },
  estimate: { type: booleanType },
})

interface Request {
  readonly database: string
  readonly collection: string
  readonly estimate: boolean
}

interface Result {
  readonly estimate: boolean
  readonly size: number
  readonly documents: number
  readonly ms: number
}

/** How many bytes the documents of a collection have. */
export const dataSize = defineCommand({
  name: 'dataSize',
  help: 'bytes and number of the documents of a collection',
  kind: 'commands',
  readConcern: true,
  fields,
  parse: (): Request => {
    const at = fields.at
    const namespace = splitNamespace(fields.string(at.dataSize)!)
    if (fields.has(at.min) !== fields.has(at.max))
      throw new DatabaseError('BadValue', 'only one of min or max specified')
    if (fields.has(at.min)) {
      if (!fields.has(at.keyPattern))
        throw new DatabaseError('OperationFailed', `couldn't find valid index containing key pattern`)
      throw new DatabaseError('NotImplemented', 'dataSize with min and max is not supported yet')
    }
    return { ...namespace, estimate: fields.boolean(at.estimate) }
  },
  run: (operation: Operation, request: Request): Result => {
    operation.namespace = `${request.database}.${request.collection}`
    const collection = operation.instance.engine.collection(request.database, request.collection)
    return {
      estimate: request.estimate,
      size: collection?.dataSizeBytes ?? 0,
      documents: collection?.documentCount ?? 0,
      ms: 0,
    }
  },
  reply: (result: Result, writer: BsonWriter) => {
    writer.boolean('estimate', result.estimate)
    writer.int64('size', result.size)
    writer.int64('numObjects', result.documents)
    writer.int32('millis', result.ms)
  },
})
