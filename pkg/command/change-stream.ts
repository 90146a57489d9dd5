/** `aggregate` with `$changeStream`: opens the stream, runs the rest of the pipeline over its events, and leaves a cursor that waits. */
import type { ChangeStreamRequest } from '../aggregate/host.ts'
import { optimise } from '../aggregate/optimise.ts'
import type { Pipeline } from '../aggregate/parse.ts'
import type { Rows } from '../aggregate/rows.ts'
import { runWithin } from '../aggregate/run.ts'
import { PipelineRun } from '../aggregate/stage.ts'
import { DatabaseError } from '../base/errors.ts'
import { documentSizeMaxInternal } from '../base/limits.ts'
import { bsonType } from '../bson/type.ts'
import { getField, readString } from '../bson/value.ts'
import { type ChangeScope, type ChangeStart, ChangeStream, fatal } from '../change/change-stream.ts'
import { parseToken } from '../change/resume-token.ts'
import { SplitEvents } from '../change/split-events.ts'
import type { Engine } from '../engine/engine.ts'
import type { Batch } from './batch.ts'
import { traitsOf } from './collection-traits.ts'
import type { Tailed } from './cursor.ts'
import type { Operation } from './operation.ts'
import { Pace } from './pace.ts'
import { CommandHost } from './pipeline-host.ts'
import { openCursor } from './read.ts'
import { ReadView } from './read-view.ts'

export interface ChangeStreamCommand {
  /** undefined: the whole database, or all of them. */
  readonly collection: string | undefined
  readonly batchSize: number | undefined
}

/**
 * Opens the change stream with which `pipeline` begins. Errors: InvalidNamespace and InvalidOptions for what cannot be watched,
 * CommandNotSupportedOnView, those of resume tokens, ChangeStreamHistoryLost.
 */
export async function openChangeStream(
  operation: Operation,
  { collection, batchSize }: ChangeStreamCommand,
  pipeline: Pipeline,
): Promise<Batch> {
  const { instance } = operation
  const { engine } = instance
  const request = pipeline[0]!.changeStream!
  refuseSurroundings(operation)
  const scope = scopeOf(operation, collection, request)
  const start = startOf(request)
  const pace = new Pace(operation)
  const stream = new ChangeStream(
    instance.changeFeed,
    {
      scope,
      start,
      fullDocument: request.fullDocument,
      fullDocumentBeforeChange: request.fullDocumentBeforeChange,
      expanded: request.showExpandedEvents,
      system: request.showSystemEvents,
    },
    pace.due,
  )
  try {
    // What was before the stream must not come again after a crash: the first token names a place on disk.
    await engine.durable(engine.lastIndex)
    const splits = pipeline.at(-1)?.splitsEvents === true
    const rest = optimise(pipeline.slice(1, splits ? -1 : undefined))
    const host = new CommandHost(pace, new ReadView(engine))
    const run = new PipelineRun({ nowMs: operation.nowMs, pause: pace.due, allowDiskUse: false, host })
    const events = rest.length === 0 ? stream : new Identified(stream, runWithin(rest, stream, run))
    const rows = splits ? new SplitEvents(stream, events) : unsplit(stream, events)
    return await openCursor(operation, rows, {
      namespace: `${operation.databaseName}.${collection ?? '$cmd.aggregate'}`,
      pace,
      batchSize,
      tail: { rows: new TailedStream(instance.changeFeed.engine, stream), awaitData: true },
    })
  } catch (error) {
    stream.close()
    throw error
  }
}

/** Errors: OperationNotSupportedInTransaction, InvalidOptions for a read concern that is asked for and is not majority. */
function refuseSurroundings({ statement, body }: Operation): void {
  if (statement !== undefined)
    throw new DatabaseError(
      'OperationNotSupportedInTransaction',
      'Operation not permitted in transaction :: caused by :: Aggregation stage $changeStream cannot run within a multi-document transaction',
    )
  const concern = body === undefined ? undefined : getField(body, 'readConcern')
  const level = concern?.type === bsonType.document ? getField(concern.bytes, 'level', concern.start) : undefined
  if (level?.type !== bsonType.string) return
  const asked = readString(level.bytes, level.start)
  if (asked !== 'majority')
    throw new DatabaseError(
      'InvalidOptions',
      `Aggregation stage $changeStream cannot run with a readConcern other than 'majority'. Current readConcern: ${asked}`,
    )
}

/** Events as they are: a stream that was resumed within an event must split it again. */
function unsplit(stream: ChangeStream, events: Rows): Rows {
  if (stream.resumedFragment > 0)
    throw fatal(
      'To resume from a split event, the $changeStream pipeline must include a $changeStreamSplitLargeEvent stage',
    )
  return new Sized(events)
}

/** Refuses events that are no documents any more. */
class Sized implements Rows {
  readonly #events: Rows

  constructor(events: Rows) {
    this.#events = events
  }

  next(): boolean {
    if (!this.#events.next()) return false
    const size = this.end - this.start
    if (size > documentSizeMaxInternal)
      throw new DatabaseError(
        'BSONObjectTooLarge',
        `BSONObj size: ${size} is invalid. Size must be between 0 and ${documentSizeMaxInternal}`,
      )
    return true
  }

  get paused(): boolean {
    return this.#events.paused === true
  }

  get bytes(): Uint8Array {
    return this.#events.bytes
  }

  get start(): number {
    return this.#events.start
  }

  get end(): number {
    return this.#events.end
  }

  save(): void {
    this.#events.save()
  }

  close(): void {
    this.#events.close()
  }
}

const internalDatabases: ReadonlySet<string> = new Set(['admin', 'config', 'local'])

function scopeOf(operation: Operation, collection: string | undefined, request: ChangeStreamRequest): ChangeScope {
  const { databaseName: database, instance } = operation
  if (request.allChangesForCluster) {
    if (database !== 'admin' || collection !== undefined)
      throw new DatabaseError(
        'InvalidOptions',
        `A $changeStream with 'allChangesForCluster:true' may only be opened on the 'admin' database, and with no collection name; found ${database}${collection === undefined ? '' : `.${collection}`}`,
      )
    return { database: undefined, collection: undefined }
  }
  if (internalDatabases.has(database))
    throw new DatabaseError('InvalidNamespace', `$changeStream may not be opened on the internal ${database} database`)
  if (collection?.startsWith('system.') === true)
    throw new DatabaseError(
      'InvalidNamespace',
      `$changeStream may not be opened on the internal ${database}.${collection} collection`,
    )
  const found = collection === undefined ? undefined : instance.engine.collection(database, collection)
  if (found !== undefined && traitsOf(found).view !== undefined)
    throw new DatabaseError('CommandNotSupportedOnView', `Namespace ${found.namespace} is a view, not a collection`)
  return { database, collection }
}

function startOf({ resumeAfter, startAfter, startAtOperationTime }: ChangeStreamRequest): ChangeStart {
  if (resumeAfter !== undefined) return { kind: 'token', token: parseToken(resumeAfter, 0), after: false }
  if (startAfter !== undefined) return { kind: 'token', token: parseToken(startAfter, 0), after: true }
  if (startAtOperationTime !== undefined) return { kind: 'time', timestamp: startAtOperationTime }
  return { kind: 'now' }
}

/** Sees to it that the pipeline leaves each event its `_id`. */
class Identified implements Rows {
  readonly #stream: ChangeStream
  readonly #rows: Rows
  paused = false
  bytes: Uint8Array
  start = 0
  end = 0

  constructor(stream: ChangeStream, rows: Rows) {
    this.#stream = stream
    this.#rows = rows
    this.bytes = rows.bytes
  }

  next(): boolean {
    const rows = this.#rows
    const found = rows.next()
    this.paused = rows.paused === true
    if (!found) return false
    this.bytes = rows.bytes
    this.start = rows.start
    this.end = rows.end
    const text = tokenIn(rows.bytes, rows.start)
    if (text !== this.#stream.token)
      throw fatal(
        `Encountered an event whose _id field, which contains the resume token, was modified by the pipeline. Modifying the _id field of an event makes it impossible to resume the stream from that point. Only transformations that retain the unmodified _id field are allowed. Expected: { _id: { _data: "${this.#stream.token}" } } but found: ${text === undefined ? '{}' : `{ _id: { _data: "${text}" } }`}`,
      )
    return true
  }

  save(): void {
    this.#rows.save()
  }

  close(): void {
    this.#rows.close()
  }
}

function tokenIn(bytes: Uint8Array, start: number): string | undefined {
  const id = getField(bytes, '_id', start)
  if (id?.type !== bsonType.document) return undefined
  const data = getField(id.bytes, '_data', id.start)
  return data?.type === bsonType.string && id.end - id.start === data.end - data.start + oneFieldOverhead
    ? readString(data.bytes, data.start)
    : undefined
}

/** Bytes of `{_data: ...}` beside the string's. */
const oneFieldOverhead = 12

/** The stream as the end of a cursor that goes on. */
class TailedStream implements Tailed {
  readonly #engine: Engine
  readonly #stream: ChangeStream
  readonly hasPosition = true
  readonly outlivesCollection = true

  constructor(engine: Engine, stream: ChangeStream) {
    this.#engine = engine
    this.#stream = stream
  }

  get hasMore(): boolean {
    return this.#stream.hasMore
  }

  get waiting(): boolean {
    return this.#stream.waiting
  }

  get finished(): boolean {
    return this.#stream.finished
  }

  wait(wake: () => void): () => void {
    return this.#stream.wait(wake)
  }

  /** A batch that ends with an event resumes after that event; one that ends because there are no more, where the stream stands. */
  resumeToken(batch: Batch, exhausted: boolean): Uint8Array {
    const last = batch.count === 0 || exhausted ? undefined : batch.lastToken()
    return last ?? this.#stream.position
  }

  settled(): Promise<void> | undefined {
    const { needsDurable } = this.#stream
    return needsDurable <= this.#engine.durableIndex ? undefined : this.#engine.durable(needsDurable)
  }
}
