import { optimise } from '../../aggregate/optimise.ts'
import { type Pipeline, parsePipeline } from '../../aggregate/parse.ts'
import type { Rows } from '../../aggregate/rows.ts'
import { splitPipeline } from '../../aggregate/split.ts'
import type { StageWatch } from '../../aggregate/stage-watch.ts'
import { DatabaseError } from '../../base/errors.ts'
import { rawDocument, writeFields } from '../../bson/build.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentFields, getField, isNumber, numberOf, truthy, type Value } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { Batch } from '../batch.ts'
import { openChangeStream } from '../change-stream.ts'
import { chooseCollationFor } from '../collation.ts'
import type { ReadLevel } from '../concern.ts'
import { type Definition, defineCommand } from '../definition.ts'
import { countStages } from '../explain-pipeline.ts'
import { explainReply } from '../explain-reply.ts'
import { type Explanation, explainSearch, type Verbosity } from '../explanation.ts'
import {
  anyType,
  arrayType,
  booleanType,
  commandFields,
  Fields,
  numberType,
  objectType,
  strictBooleanType,
} from '../fields.ts'
import { collectionNameOf } from '../namespace.ts'
import type { Operation } from '../operation.ts'
import { Pace } from '../pace.ts'
import { CommandHost } from '../pipeline-host.ts'
import { openRows } from '../pipeline-rows.ts'
import { fieldsReadBy, groupsOf } from '../pipeline-window.ts'
import { openCursor } from '../read.ts'
import { ReadView } from '../read-view.ts'
import { expressionOptions } from '../variables.ts'
import { isView } from '../view.ts'
import { emptyDocument, parseHint } from './find.ts'

const fields = commandFields('aggregate', {
  aggregate: { type: anyType, required: true },
  pipeline: { type: arrayType, required: true, refusesNull: true },
  cursor: { type: objectType, refusesNull: true },
  explain: { type: strictBooleanType, refusesNull: true },
  allowDiskUse: { type: strictBooleanType, refusesNull: true },
  hint: { type: anyType },
  collation: { type: objectType },
  let: { type: objectType },
  bypassDocumentValidation: { type: booleanType },
  fromRouter: { type: booleanType },
  needsMerge: { type: booleanType },
  isMapReduceCommand: { type: booleanType },
  includeQueryStatsMetrics: { type: anyType },
  querySettings: { type: objectType },
  passthroughToShard: { type: objectType },
})

const cursorFields = new Fields('aggregate.cursor', { batchSize: { type: numberType, min: 0 } })

export interface AggregateCommand {
  /** undefined: a pipeline over no collection. */
  readonly collection: string | undefined
  readonly pipeline: Uint8Array
  readonly batchSize: number | undefined
  readonly hint: Value | undefined
  /** Asked for by `explain: true`. */
  readonly explained: boolean
  /** undefined: as the server is set. */
  readonly allowDiskUse?: boolean | undefined
  /** Whether `cursor` was given: it must be, unless the command is explained. */
  readonly hasCursor: boolean
  readonly collation?: Uint8Array | undefined
}

type Result = Batch | Explanation

/** Runs a pipeline. */
export const aggregate: Definition<AggregateCommand, Result> = defineCommand({
  name: 'aggregate',
  help: 'runs an aggregation pipeline',
  kind: 'reads',
  stable: true,
  readConcern: true,
  snapshotReads: true,
  refuseReadConcern,
  writeConcern: true,
  fields,
  parse: (database: string): AggregateCommand => {
    const at = fields.at
    const explained = fields.boolean(at.explain)
    const cursor = fields.document(at.cursor)
    return {
      collection: collectionOf(database),
      pipeline: fields.document(at.pipeline)!.slice(),
      batchSize: cursor === undefined ? undefined : cursorFields.read(cursor, 0).number(cursorFields.at.batchSize),
      hint: parseHint(fields.value(at.hint)),
      explained,
      allowDiskUse: fields.has(at.allowDiskUse) ? fields.boolean(at.allowDiskUse) : undefined,
      hasCursor: cursor !== undefined,
      collation: fields.document(at.collation)?.slice(),
    }
  },
  run: (operation: Operation, request: AggregateCommand): Result | Promise<Result> => {
    if (!request.hasCursor && !request.explained)
      throw new DatabaseError(
        'FailedToParse',
        `The 'cursor' option is required, except for aggregate with the explain argument`,
      )
    refuseUnstable(operation, request)
    if (request.explained && operation.body !== undefined && getField(operation.body, 'writeConcern') !== undefined)
      throw new DatabaseError('FailedToParse', 'Aggregation explain does not support the writeConcern option')
    const pipeline = parse(operation, request)
    if (!request.explained) return openPipeline(operation, request, pipeline)
    const explanation = explainPipeline(operation, request, pipeline, 'queryPlanner')
    return explanation instanceof Promise
      ? explanation.then((found) => explainReply(operation, found, operation.body))
      : explainReply(operation, explanation, operation.body)
  },
  reply: (result: Result, writer: BsonWriter) => {
    if (result instanceof Batch) result.writeCursor(writer, 'firstBatch')
    else writeFields(writer, result)
  },
  explain: (operation, request, verbosity) => explainPipeline(operation, request, parse(operation, request), verbosity),
})

function parse(operation: Operation, request: AggregateCommand): Pipeline {
  chooseCollationFor(operation, operation.databaseName, request.collection, request.collation)
  return parsePipeline(request.pipeline, 0, {
    ...expressionOptions(operation),
    database: operation.databaseName,
    collection: request.collection,
    overView: isView(
      request.collection === undefined
        ? undefined
        : operation.workspace.collection(operation.databaseName, request.collection),
    ),
  })
}

/** Stages that no client may use who asked for the stable API alone; of `$collStats` a part may be. */
const unstableStages: ReadonlySet<string> = new Set([
  '$currentOp',
  '$indexStats',
  '$listLocalSessions',
  '$listSessions',
  '$planCacheStats',
  '$search',
  '$searchMeta',
])

/** Stages that tell of this node and of now. */
const localStages: ReadonlySet<string> = new Set([
  '$currentOp',
  '$listClusterCatalog',
  '$listLocalSessions',
  '$planCacheStats',
])

/** Throws InvalidOptions for a stage that cannot run with the level, of the command that is in `fields`. */
function refuseReadConcern(level: ReadLevel): void {
  if (level === 'local' || fields.type(fields.at.pipeline) !== bsonType.array) return
  for (const element of documentFields(fields.document(fields.at.pipeline)!)) {
    if (element.type !== bsonType.document) continue
    const [stage] = documentFields(element.bytes, element.start)
    if (stage === undefined) continue
    if (localStages.has(stage.name))
      throw new DatabaseError(
        'InvalidOptions',
        `Aggregation stage ${stage.name} cannot run with a readConcern other than 'local'. Current readConcern: { level: "${level}", provenance: "clientSupplied" }`,
      )
    if (level === 'linearizable' && (stage.name === '$out' || stage.name === '$merge'))
      throw new DatabaseError('InvalidOptions', `${stage.name} cannot be used with a 'linearizable' read concern level`)
  }
}

const unstableStreamOptions: ReadonlySet<string> = new Set(['showExpandedEvents', 'showSystemEvents'])

/** Throws APIStrictError for what is not in the stable API, if that is all the client wants. */
function refuseUnstable(operation: Operation, request: AggregateCommand): void {
  const strict = operation.body && getField(operation.body, 'apiStrict')
  if (strict === undefined || !truthy(strict)) return
  if (request.explained) throw unstable('explain')
  for (const element of documentFields(request.pipeline)) {
    if (element.type !== bsonType.document) continue
    for (const stage of documentFields(element.bytes, element.start)) {
      if (unstableStages.has(stage.name)) throw unstable(stage.name)
      if (stage.name === '$changeStream' && stage.type === bsonType.document) {
        for (const option of documentFields(stage.bytes, stage.start))
          if (unstableStreamOptions.has(option.name)) throw unstable(`$changeStream.${option.name}`)
      }
      if (stage.name !== '$collStats' || stage.type !== bsonType.document) continue
      for (const option of documentFields(stage.bytes, stage.start)) {
        if (option.name !== 'count') throw unstable(`$collStats.${option.name}`)
      }
    }
  }
}

function unstable(what: string): DatabaseError {
  return new DatabaseError('APIStrictError', `${what} is not allowed with 'apiStrict: true' in API Version 1`)
}

/** Stages that look at more than a transaction's snapshot has. */
const outsideTransactions: ReadonlySet<string> = new Set([
  '$changeStream',
  '$collStats',
  '$currentOp',
  '$indexStats',
  '$listLocalSessions',
  '$listSessions',
  '$planCacheStats',
])

/** Throws OperationNotSupportedInTransaction for stages that write, or read what has no versions. */
function checkInTransaction(pipeline: Pipeline): void {
  for (const { name, writes } of pipeline) {
    if (writes === true)
      throw new DatabaseError('OperationNotSupportedInTransaction', `${name} cannot be used in a transaction`)
    if (outsideTransactions.has(name))
      throw new DatabaseError(
        'OperationNotSupportedInTransaction',
        `Stage not supported inside of a multi-document transaction: ${name}`,
      )
  }
}

function openPipeline(operation: Operation, request: AggregateCommand, pipeline: Pipeline): Batch | Promise<Batch> {
  const { instance } = operation
  const namespace = `${operation.databaseName}.${request.collection ?? '$cmd.aggregate'}`
  operation.namespace = namespace
  if (operation.statement !== undefined) checkInTransaction(pipeline)
  if (pipeline[0]?.changeStream !== undefined) return openChangeStream(operation, request, pipeline)
  const view = new ReadView(operation.workspace)
  const pace = new Pace(operation)
  const rows = openRows(operation, request, pipeline, pace, view)
  const writes = pipeline.some((plan) => plan.writes === true)
  // What writes is done before the reply, however small the first batch.
  const batchSize = writes ? undefined : request.batchSize
  const batch = openCursor(operation, rows, { namespace, view, pace, batchSize })
  const finish = (done: Batch): Batch | Promise<Batch> => {
    instance.counters.returned += done.count
    return writes ? operation.acknowledge(done, instance.engine.lastIndex) : done
  }
  return batch instanceof Promise ? batch.then(finish) : finish(batch)
}

function explainPipeline(
  operation: Operation,
  request: AggregateCommand,
  pipeline: Pipeline,
  verbosity: Verbosity,
): Explanation | Promise<Explanation> {
  const view = new ReadView(operation.workspace)
  const pace = new Pace(operation)
  const host = new CommandHost(pace, view)
  if (pipeline[0]?.changeStream !== undefined) {
    const stages = pipeline.map((plan) => ({ [plan.name]: plan.operand ?? rawDocument(emptyDocument) }))
    return { explainVersion: '1', stages }
  }
  // What is wrong with a pipeline may show only when its stages are opened.
  openRows(operation, request, pipeline, pace, view).close()
  const from = { database: operation.databaseName, collection: request.collection ?? '' }
  const resolved = host.resolve(from, operation.collation)
  const whole = optimise([...resolved.pipeline, ...pipeline])
  const { filter, sort, skip, limit, rest } = splitPipeline(whole)
  const stages = rest.map((plan) => ({ [plan.name]: plan.operand ?? rawDocument(emptyDocument) }))
  if (request.collection === undefined || whole[0]?.isSource === true) return { explainVersion: '1', stages }
  const { keysOnly, projection, projectionDocument } = fieldsReadBy(rest)
  const what = { filter: filter ?? emptyDocument, sort, hint: request.hint, projection, projectionDocument }
  const window = { skip, limit, keysOnly, groups: groupsOf(rest, skip, limit, operation.collation) }
  const explained = explainSearch(operation, resolved.collection, what, window, verbosity)
  if (rest.length === 0) return explained
  const wrap = (cursor: Explanation, counts?: readonly Explanation[]): Explanation => {
    const { explainVersion, ...inner } = cursor
    return { explainVersion, stages: [{ $cursor: inner }, ...stages].map((each, i) => ({ ...each, ...counts?.[i] })) }
  }
  if (!(explained instanceof Promise)) return wrap(explained)
  // What writes is not carried out for the sake of an explanation.
  if (rest.some(({ writes }) => writes === true)) return explained.then((cursor) => wrap(cursor))
  const open = (watch: StageWatch): Rows => openRows(operation, request, pipeline, pace, view, watch)
  return explained.then(async (cursor) => wrap(cursor, await countStages(operation, view, open)))
}

function collectionOf(database: string): string | undefined {
  const at = fields.at.aggregate
  const type = fields.type(at)
  if (type === bsonType.string) return collectionNameOf(database, type, fields.bytes, fields.start(at))
  if (isNumber(type)) {
    if (numberOf(fields.value(at)!) === 1) return undefined
    throw new DatabaseError(
      'BadValue',
      `Invalid command format: the 'aggregate' field must specify a collection name or 1`,
    )
  }
  throw new DatabaseError('InvalidNamespace', `collection name has invalid type ${typeAlias(type)}`)
}
