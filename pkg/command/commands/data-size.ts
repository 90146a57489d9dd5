import { DatabaseError } from '../../base/errors.ts'
import { buildDocument } from '../../bson/build.ts'
import { documentFields } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import type { Collection } from '../../engine/collection.ts'
import { defineCommand } from '../definition.ts'
import { booleanType, commandFields, objectType, stringType } from '../fields.ts'
import { splitNamespace } from '../namespace.ts'
import type { Operation } from '../operation.ts'
import { Pace } from '../pace.ts'
import { ReadView } from '../read-view.ts'
import { Search } from '../search.ts'
import { refuseTimeseries } from '../timeseries.ts'
import { refuseView } from '../view.ts'

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
  readonly keyPattern: Uint8Array | undefined
  /** Key bounds: from, included, and to, excluded. */
  readonly min: Uint8Array | undefined
  readonly max: Uint8Array | undefined
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
    }
    return {
      ...namespace,
      estimate: fields.boolean(at.estimate),
      keyPattern: fields.document(at.keyPattern)?.slice(),
      min: fields.document(at.min)?.slice(),
      max: fields.document(at.max)?.slice(),
    }
  },
  run: (operation: Operation, request: Request): Result | Promise<Result> => {
    operation.namespace = `${request.database}.${request.collection}`
    const collection = operation.instance.engine.collection(request.database, request.collection)
    refuseView(collection)
    refuseTimeseries(collection)
    const { keyPattern, min, max } = request
    if (collection !== undefined && keyPattern !== undefined && min !== undefined && max !== undefined)
      return measured(operation, collection, keyRange(collection, keyPattern, min, max))
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

/** A filter for the documents whose keys lie in [min, max). Errors: OperationFailed without an index that begins with the keys. */
function keyRange(collection: Collection, keyPattern: Uint8Array, min: Uint8Array, max: Uint8Array): Uint8Array {
  const paths = [...documentFields(keyPattern)].map(({ name }) => name)
  const isPrefix = (keys: readonly { readonly name: string }[]): boolean =>
    paths.length > 0 && paths.every((path, i) => keys[i]?.name === path)
  if (!collection.indexes.some(({ definition }) => isPrefix([...documentFields(definition.keyPattern)])))
    throw new DatabaseError('OperationFailed', `couldn't find valid index containing key pattern`)
  // Arrays compare element by element, as keys do, whatever the types.
  const keys = paths.map((path) => `$${path}`)
  const bound = (of: Uint8Array): unknown[] => [...documentFields(of)].map((value) => ({ $literal: value }))
  return buildDocument({ $expr: { $and: [{ $gte: [keys, bound(min)] }, { $lt: [keys, bound(max)] }] } })
}

async function measured(operation: Operation, collection: Collection, filter: Uint8Array): Promise<Result> {
  const { engine, world } = operation.instance
  const startMs = world.clock.monotonicMs()
  const view = new ReadView(engine)
  view.keep()
  const rows = new Search(filter, undefined, undefined).open(new Pace(operation), collection, view.at, {})
  let size = 0
  let documents = 0
  try {
    for (;;) {
      if (rows.next()) {
        size += rows.end - rows.start
        documents++
      } else if (rows.paused) {
        rows.save()
        await operation.pause()
      } else return { estimate: false, size, documents, ms: Math.round(world.clock.monotonicMs() - startMs) }
    }
  } finally {
    rows.close()
    view.release()
  }
}
