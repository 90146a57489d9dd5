/** `$collStats` and `$currentOp`: first stages that read no collection but make their documents from what the server knows. */
import { DatabaseError } from '../base/errors.ts'
import { buildDocument } from '../bson/build.ts'
import { bsonType, typeAlias } from '../bson/type.ts'
import { documentFields, documentOf, type Value } from '../bson/value.ts'
import { BsonWriter, indexName } from '../bson/writer.ts'
import { Fields, numberType, objectType, strictBooleanType } from './fields.ts'
import type { Operation } from './instance.ts'
import { operationList } from './operation-list.ts'
import { refuse } from './refuse.ts'
import { storageStats } from './storage-stats.ts'

export interface SourceStage {
  /** `collection` undefined: the pipeline runs over no collection. */
  documents(operation: Operation, collection: string | undefined): Uint8Array[]
  /** The pipeline without this stage. */
  readonly rest: Uint8Array
}

type Make = SourceStage['documents']

const definitions: ReadonlyMap<string, (operand: Uint8Array, stage: Value) => Make> = new Map([
  ['$collStats', parseCollStats],
  ['$currentOp', parseCurrentOp],
])

/** `pipeline`: a BSON array. Undefined when it does not begin with such a stage. */
export function parseSourceStage(pipeline: Uint8Array): SourceStage | undefined {
  const [first, ...rest] = documentFields(pipeline)
  if (first?.type !== bsonType.document) return undefined
  const [stage, second] = documentFields(first.bytes, first.start)
  const parse = stage === undefined ? undefined : definitions.get(stage.name)
  if (stage === undefined || parse === undefined || second !== undefined) return undefined
  if (stage.type !== bsonType.document)
    throw new DatabaseError(
      'FailedToParse',
      `${stage.name} must take a nested object but found ${typeAlias(stage.type)}`,
    )
  return { documents: parse(documentOf(stage), stage), rest: arrayOf(rest) }
}

const collStatsFields = new Fields('$collStats', {
  storageStats: { type: objectType },
  count: { type: objectType },
  latencyStats: { type: objectType },
  queryExecStats: { type: objectType },
})
const storageFields = new Fields('$collStats.storageStats', { scale: { type: numberType, min: 1 } })

function parseCollStats(operand: Uint8Array, stage: Value): Make {
  const { at } = collStatsFields.read(operand, 0)
  if (collStatsFields.has(at.latencyStats)) refuse('$collStats.latencyStats', stage)
  if (collStatsFields.has(at.queryExecStats)) refuse('$collStats.queryExecStats', stage)
  const counted = collStatsFields.has(at.count)
  const storage = collStatsFields.document(at.storageStats)
  const scale = storage === undefined ? 1 : (storageFields.read(storage, 0).number(storageFields.at.scale) ?? 1)
  return (operation, name) => {
    if (name === undefined) throw new DatabaseError('InvalidNamespace', '$collStats is only valid on a collection')
    const { engine, world, host } = operation.instance
    const collection = engine.collection(operation.databaseName, name)
    return [
      buildDocument({
        ns: `${operation.databaseName}.${name}`,
        host: host.hostname,
        localTime: new Date(world.clock.nowMs()),
        storageStats: storage === undefined ? undefined : storageStats(collection, scale),
        count: counted ? (collection?.documentCount ?? 0) : undefined,
      }),
    ]
  }
}

const currentOpFields = new Fields('$currentOp', {
  allUsers: { type: strictBooleanType },
  idleConnections: { type: strictBooleanType },
  idleCursors: { type: strictBooleanType },
  idleSessions: { type: strictBooleanType },
  localOps: { type: strictBooleanType },
  backtrace: { type: strictBooleanType },
  truncateOps: { type: strictBooleanType },
})

function parseCurrentOp(operand: Uint8Array): Make {
  const { at } = currentOpFields.read(operand, 0)
  const idleCursors = currentOpFields.has(at.idleCursors) && currentOpFields.boolean(at.idleCursors)
  return (operation, name) => {
    if (name !== undefined || operation.databaseName !== 'admin')
      throw new DatabaseError(
        'InvalidNamespace',
        "$currentOp must be run against the 'admin' database with {aggregate: 1}",
      )
    return operationList(operation, idleCursors).map((each) => buildDocument(each))
  }
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
