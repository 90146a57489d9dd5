/** `$collStats`: a first stage that reads no documents but makes one, from what the catalog knows of the collection. */
import { DatabaseError } from '../base/errors.ts'
import { buildDocument } from '../bson/build.ts'
import { bsonType } from '../bson/type.ts'
import { documentFields, documentOf, type Value } from '../bson/value.ts'
import { BsonWriter, indexName } from '../bson/writer.ts'
import { Fields, numberType, objectType } from './fields.ts'
import type { Operation } from './instance.ts'
import { refuse } from './refuse.ts'
import { storageStats } from './storage-stats.ts'

const stageName = '$collStats'

const fields = new Fields(stageName, {
  storageStats: { type: objectType },
  count: { type: objectType },
  latencyStats: { type: objectType },
  queryExecStats: { type: objectType },
})
const storageFields = new Fields(`${stageName}.storageStats`, { scale: { type: numberType, min: 1 } })

export interface CollStatsStage {
  /** Undefined: not asked for. */
  readonly storageScale: number | undefined
  readonly counted: boolean
  /** The pipeline without this stage. */
  readonly rest: Uint8Array
}

/** `pipeline`: a BSON array. Undefined when it does not begin with `$collStats`. */
export function parseCollStats(pipeline: Uint8Array): CollStatsStage | undefined {
  const [first, ...rest] = documentFields(pipeline)
  if (first?.type !== bsonType.document) return undefined
  const [stage, second] = documentFields(first.bytes, first.start)
  if (stage?.name !== stageName || second !== undefined) return undefined
  if (stage.type !== bsonType.document)
    throw new DatabaseError('FailedToParse', `${stageName} must take a nested object but found a value of another type`)
  const { at } = fields.read(documentOf(stage), 0)
  if (fields.has(at.latencyStats)) refuse(`${stageName}.latencyStats`, stage)
  if (fields.has(at.queryExecStats)) refuse(`${stageName}.queryExecStats`, stage)
  const counted = fields.has(at.count)
  const storage = fields.document(at.storageStats)
  const storageScale = storage === undefined ? undefined : scaleOf(storage)
  return { storageScale, counted, rest: arrayOf(rest) }
}

/** The document that the stage gives. */
export function collStatsDocument(operation: Operation, collectionName: string, stage: CollStatsStage): Uint8Array {
  const { engine, world, host } = operation.instance
  const collection = engine.collection(operation.databaseName, collectionName)
  return buildDocument({
    ns: `${operation.databaseName}.${collectionName}`,
    host: host.hostname,
    localTime: new Date(world.clock.nowMs()),
    storageStats: stage.storageScale === undefined ? undefined : storageStats(collection, stage.storageScale),
    count: stage.counted ? (collection?.documentCount ?? 0) : undefined,
  })
}

function scaleOf(storage: Uint8Array): number {
  return storageFields.read(storage, 0).number(storageFields.at.scale) ?? 1
}

function arrayOf(elements: readonly Value[]): Uint8Array {
  const writer = new BsonWriter()
  writer.beginDocument()
  elements.forEach((element, i) => {
    writer.value(indexName(i), element)
  })
  writer.end()
  return writer.finish()
}
