import { type Pipeline, parsePipeline } from '../../aggregate/parse.ts'
import { runPipeline } from '../../aggregate/run.ts'
import { splitPipeline } from '../../aggregate/split.ts'
import { DatabaseError } from '../../base/errors.ts'
import { writeFields } from '../../bson/build.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentFields, isNumber, type Value } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { Batch } from '../batch.ts'
import { type Definition, defineCommand } from '../definition.ts'
import { type Explanation, explainSearch, type Verbosity } from '../explanation.ts'
import { anyType, arrayType, booleanType, commandFields, Fields, numberType, objectType } from '../fields.ts'
import type { Operation } from '../instance.ts'
import { collectionNameOf } from '../namespace.ts'
import { wholeNumberAt } from '../number.ts'
import { Pace } from '../pace.ts'
import { openCursor } from '../read.ts'
import { ReadView } from '../read-view.ts'
import { refuse, refuseCollation } from '../refuse.ts'
import { ListRows, type RowSource } from '../rows.ts'
import { Search } from '../search.ts'
import { parseSourceStage, type SourceStage } from '../source-stage.ts'
import { refuseReadingView } from '../view.ts'
import { emptyDocument, parseHint } from './find.ts'

const fields = commandFields('aggregate', {
  aggregate: { type: anyType, required: true },
  pipeline: { type: arrayType, required: true },
  cursor: { type: objectType },
  explain: { type: booleanType },
  allowDiskUse: { type: booleanType },
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
  /** Whether `cursor` was given: it must be, unless the command is explained. */
  readonly hasCursor: boolean
}

type Result = Batch | Explanation

/** Runs a pipeline. */
export const aggregate: Definition<AggregateCommand, Result> = defineCommand({
  name: 'aggregate',
  help: 'runs an aggregation pipeline',
  kind: 'reads',
  stable: true,
  readConcern: true,
  writeConcern: true,
  fields,
  parse: (database: string): AggregateCommand => {
    const at = fields.at
    refuseCollation(fields.document(at.collation))
    refuse('let', fields.document(at.let))
    const explained = fields.boolean(at.explain)
    const cursor = fields.document(at.cursor)
    return {
      collection: collectionOf(database),
      pipeline: fields.document(at.pipeline)!.slice(),
      batchSize: cursor === undefined ? undefined : cursorFields.read(cursor, 0).number(cursorFields.at.batchSize),
      hint: parseHint(fields.value(at.hint)),
      explained,
      hasCursor: cursor !== undefined,
    }
  },
  run: (operation: Operation, request: AggregateCommand): Result | Promise<Result> => {
    if (!request.hasCursor && !request.explained)
      throw new DatabaseError(
        'FailedToParse',
        `The 'cursor' option is required, except for aggregate with the explain argument`,
      )
    const source = request.explained ? undefined : parseSourceStage(request.pipeline)
    if (source !== undefined) return openSource(operation, request, source)
    const pipeline = parsePipeline(request.pipeline)
    if (request.explained) return explainPipeline(operation, request, pipeline, 'queryPlanner')
    return openPipeline(operation, request, pipeline)
  },
  reply: (result: Result, writer: BsonWriter) => {
    if (result instanceof Batch) result.writeCursor(writer, 'firstBatch')
    else writeFields(writer, result)
  },
  explain: (operation, request, verbosity) =>
    explainPipeline(operation, request, parsePipeline(request.pipeline), verbosity),
})

function openPipeline(operation: Operation, request: AggregateCommand, pipeline: Pipeline): Batch | Promise<Batch> {
  const { instance } = operation
  const namespace = `${operation.databaseName}.${request.collection ?? '$cmd.aggregate'}`
  operation.namespace = namespace
  if (request.collection === undefined)
    throw new DatabaseError(
      'InvalidNamespace',
      `{aggregate: 1} is not valid for this pipeline: its first stage needs a collection`,
    )
  const split = splitPipeline(pipeline)
  const search = new Search(split.filter ?? emptyDocument, split.sort, request.hint)
  const collection = instance.engine.collection(operation.databaseName, request.collection)
  refuseReadingView(collection)
  const view = new ReadView(instance.engine)
  const pace = new Pace(operation)
  const source: RowSource =
    collection === undefined
      ? new ListRows([])
      : search.open(pace, collection, view.at, { skip: split.skip, limit: split.limit })
  const rows =
    split.rest.length === 0
      ? source
      : runPipeline(split.rest, source, { nowMs: instance.world.clock.nowMs(), pause: pace.due })
  const batch = openCursor(operation, rows, { namespace, view, pace, batchSize: request.batchSize })
  const count = (done: Batch): Batch => {
    instance.counters.returned += done.count
    return done
  }
  return batch instanceof Promise ? batch.then(count) : count(batch)
}

function openSource(operation: Operation, request: AggregateCommand, stage: SourceStage): Batch | Promise<Batch> {
  const namespace = `${operation.databaseName}.${request.collection ?? '$cmd.aggregate'}`
  operation.namespace = namespace
  const pipeline = parsePipeline(stage.rest)
  const pace = new Pace(operation)
  const source = new ListRows(stage.documents(operation, request.collection))
  const nowMs = operation.instance.world.clock.nowMs()
  const rows = runPipeline(pipeline, source, { nowMs, pause: pace.due })
  return openCursor(operation, rows, { namespace, pace, batchSize: request.batchSize })
}

function explainPipeline(
  operation: Operation,
  request: AggregateCommand,
  pipeline: Pipeline,
  verbosity: Verbosity,
): Explanation | Promise<Explanation> {
  if (request.collection === undefined)
    throw new DatabaseError('InvalidNamespace', 'explain needs a pipeline over a collection')
  const split = splitPipeline(pipeline)
  const window = { skip: split.skip, limit: split.limit }
  const what = { filter: split.filter ?? emptyDocument, sort: split.sort, hint: request.hint }
  const explained = explainSearch(operation, request.collection, what, window, verbosity)
  if (split.rest.length === 0) return explained
  const stages = [...documentFields(request.pipeline)].slice(pipeline.length - split.rest.length)
  const wrap = (cursor: Explanation): Explanation => {
    const { explainVersion, ...inner } = cursor
    return { explainVersion, stages: [{ $cursor: inner }, ...stages] }
  }
  return explained instanceof Promise ? explained.then(wrap) : wrap(explained)
}

function collectionOf(database: string): string | undefined {
  const at = fields.at.aggregate
  const type = fields.type(at)
  if (type === bsonType.string) return collectionNameOf(database, type, fields.bytes, fields.start(at))
  if (isNumber(type)) {
    if (wholeNumberAt(type, fields.bytes, fields.start(at)) === 1) return undefined
    throw new DatabaseError(
      'FailedToParse',
      `Invalid command format: the 'aggregate' field must specify a collection name or 1`,
    )
  }
  throw new DatabaseError('TypeMismatch', `collection name has invalid type ${typeAlias(type)}`)
}
