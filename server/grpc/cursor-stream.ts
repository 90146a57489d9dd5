/**
 * Server-streaming calls: a command that opens a cursor, whose batches are fetched as fast as the client takes them.
 *
 *   Find, Aggregate   { repeated bytes documents = 1 }                       ends with the cursor
 *   Watch             { repeated bytes events = 1; bytes resume_token = 2 }  ends when the client has enough
 */
import type { ServerWritableStream } from '@grpc/grpc-js'
import { DatabaseError } from '../../pkg/base/errors.ts'
import { buildDocument } from '../../pkg/bson/build.ts'
import type { Value } from '../../pkg/bson/value.ts'
import { ElementWalker } from '../../pkg/bson/walk.ts'
import { type CallHost, CallInProgress, type EndlessCall, failureOfThrown } from './call.ts'
import { CommandWriter, timeLeft } from './command-writer.ts'
import { type AggregateRequest, aggregateCommand, type FindRequest, findCommand } from './document-methods.ts'
import { bytesType, varintLength, writeVarint } from './protobuf.ts'
import { type CursorReply, collectionOf, cursorIn } from './reply-fields.ts'
import type { SchemaMethod } from './schema.ts'
import { failureOf, failureOfReply, isFailure } from './status.ts'
import { decodeRequest, messageOf } from './unary.ts'

interface WatchRequest {
  readonly database: string
  readonly collection: string
  readonly pipeline: readonly Uint8Array[]
  readonly changeStream: Uint8Array
  readonly batchSize: number
  readonly maxAwaitTimeMs: number
  readonly options: Uint8Array
}

type StreamCall = ServerWritableStream<Buffer, Buffer>

/** How a cursor is opened and read on. */
interface Opening {
  readonly body: Uint8Array
  readonly databaseName: string
  readonly batchSize: number
  /** How long getMore waits for what is not there yet; undefined: the cursor does not wait. */
  readonly awaitMs?: number
  /** The fields of the session that the cursor belongs to, as they were in `options`. */
  readonly options: Uint8Array
}

/** Documents beyond this go into the next message: half of what clients accept unless told otherwise. */
const messageBytes = 1 << 20
const defaultAwaitMs = 1000

const writer = new CommandWriter()
const walker = new ElementWalker()

/** How the streaming calls open their cursors, by the method's name. */
const openings: Readonly<Record<string, (request: never, maxTimeMs: number | undefined) => Opening>> = {
  Find: (request: FindRequest, maxTimeMs) => ({
    body: findCommand(request, maxTimeMs),
    databaseName: request.database,
    batchSize: request.batchSize,
    options: request.options,
  }),
  Aggregate: (request: AggregateRequest, maxTimeMs) => ({
    body: aggregateCommand(request, maxTimeMs),
    databaseName: request.database,
    batchSize: request.batchSize,
    options: request.options,
  }),
  // The deadline of a watch is when to end it, not how long it may work.
  Watch: (request: WatchRequest) => ({
    body: watchCommand(request),
    databaseName: request.database || 'admin',
    batchSize: request.batchSize,
    awaitMs: request.maxAwaitTimeMs > 0 ? request.maxAwaitTimeMs : defaultAwaitMs,
    options: request.options,
  }),
}

function watchCommand(request: WatchRequest): Uint8Array {
  const cluster = request.database === ''
  if (cluster && request.collection !== '')
    throw new DatabaseError('InvalidNamespace', 'a collection to watch needs the name of its database')
  return writer
    .begin('aggregate', request.collection === '' ? 1 : request.collection, request.database || 'admin', undefined)
    .array('pipeline', () => {
      writer.embedded('0', () =>
        writer.embedded('$changeStream', () => {
          if (cluster) writer.boolean('allChangesForCluster', true)
          writer.fieldsOf('change_stream', request.changeStream)
        }),
      )
      for (const [index, stage] of request.pipeline.entries()) writer.requiredDocument(String(index + 1), stage)
    })
    .embedded('cursor', () => writer.number('batchSize', request.batchSize))
    .finish(request.options)
}

/** The handler of a streaming method, for @grpc/grpc-js. It never throws. */
export function streamHandler(host: CallHost, schema: SchemaMethod, name: string): (call: StreamCall) => void {
  const open = openings[name]!
  return (call) => {
    const progress = new CallInProgress(host, call)
    const end = () => fail(call, failureOf(new DatabaseError('ShutdownInProgress', 'the server is shutting down')))
    const endless: EndlessCall | undefined = name === 'Watch' ? { end } : undefined
    host.began(endless)
    progress.context.drop = end
    send(call, progress, schema, open)
      .catch((error: unknown) => fail(call, failureOfThrown(host, error)))
      .finally(() => {
        host.ended(endless)
        progress.close()
      })
  }
}

function fail(call: StreamCall, failure: object): void {
  if (!call.cancelled && !call.writableEnded) call.emit('error', failure)
}

async function send(
  call: StreamCall,
  progress: CallInProgress,
  schema: SchemaMethod,
  open: (request: never, maxTimeMs: number | undefined) => Opening,
): Promise<void> {
  const opening = open(decodeRequest(schema.request, call.request) as never, timeLeft(call.getDeadline(), Date.now()))
  let body = opening.body
  for (;;) {
    const answered = progress.run(messageOf(body))
    const reply = answered instanceof Promise ? await answered : answered
    if (isFailure(reply)) {
      fail(call, failureOfReply(reply))
      return
    }
    const cursor = cursorIn(reply)
    if (cursor === undefined) break
    if (!isOver(call)) for (const message of messagesOf(cursor)) if (!call.write(message)) await writable(call)
    if (cursor.id === 0n) break
    const collection = collectionOf(cursor.namespace!)
    if (isOver(call)) {
      await progress.run(
        messageOf(buildDocument({ killCursors: collection, cursors: [cursor.id], $db: opening.databaseName })),
      )
      return
    }
    body = getMoreCommand(cursor.id, collection, opening)
  }
  if (!isOver(call)) call.end()
}

function isOver(call: StreamCall): boolean {
  return call.cancelled || call.writableEnded || call.destroyed
}

function getMoreCommand(cursorId: bigint, collection: string, opening: Opening): Uint8Array {
  writer
    .beginLong('getMore', cursorId, opening.databaseName)
    .string('collection', collection)
    .number('batchSize', opening.batchSize)
    .sessionOf(opening.options)
  if (opening.awaitMs !== undefined) writer.number('maxTimeMS', opening.awaitMs)
  return writer.finish(noOptions)
}

const noOptions = new Uint8Array(0)

/** Resolves when more can be written, or when nobody reads any more. */
function writable(call: StreamCall): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      call.off('drain', done)
      call.off('cancelled', done)
      call.off('close', done)
      resolve()
    }
    call.on('drain', done)
    call.on('cancelled', done)
    call.on('close', done)
    if (isOver(call)) done()
  })
}

/** A batch in messages of about a megabyte; one, without documents, when all there is to tell is a resume token. */
function* messagesOf(cursor: CursorReply): Generator<Buffer> {
  const { batch, resumeToken } = cursor
  const starts: number[] = []
  let length = 0
  walker.reset(batch.bytes, batch.start)
  // All ends first: the walker is shared, and a message is waited for.
  const ends: number[] = []
  while (walker.next()) {
    starts.push(walker.valueStart)
    ends.push(walker.valueEnd)
  }
  let first = 0
  for (let i = 0; i < starts.length; i++) {
    const size = ends[i]! - starts[i]!
    if (i > first && length + size > messageBytes) {
      yield documentsMessage(batch, starts, ends, first, i, undefined)
      first = i
      length = 0
    }
    length += size
  }
  if (first < starts.length || resumeToken !== undefined)
    yield documentsMessage(batch, starts, ends, first, starts.length, resumeToken)
}

function documentsMessage(
  batch: Value,
  starts: readonly number[],
  ends: readonly number[],
  first: number,
  last: number,
  resumeToken: Uint8Array | undefined,
): Buffer {
  let length = resumeToken === undefined ? 0 : 1 + varintLength(resumeToken.length) + resumeToken.length
  for (let i = first; i < last; i++) {
    const size = ends[i]! - starts[i]!
    length += 1 + varintLength(size) + size
  }
  const message = Buffer.allocUnsafe(length)
  let at = 0
  for (let i = first; i < last; i++) at = writeBytes(message, at, 1, batch.bytes, starts[i]!, ends[i]!)
  if (resumeToken !== undefined) writeBytes(message, at, 2, resumeToken, 0, resumeToken.length)
  return message
}

function writeBytes(message: Buffer, at: number, field: number, bytes: Uint8Array, start: number, end: number): number {
  message[at++] = (field << 3) | bytesType
  at = writeVarint(message, at, end - start)
  message.set(bytes.subarray(start, end), at)
  return at + end - start
}
