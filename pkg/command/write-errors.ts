/** The errors of single statements in a write command's reply. */
import type { DatabaseError } from '../base/errors.ts'
import { BsonWriter, indexName } from '../bson/writer.ts'
import { writeDetails } from './error-reply.ts'
import type { Operation } from './operation.ts'
import { inSlices } from './slices.ts'

export interface WriteError {
  /** The position of the statement in the command. */
  readonly index: number
  readonly error: DatabaseError
}

/** What a write command's result says of its errors. */
export interface Failures {
  readonly errors: WriteError[]
  /** The elements of the reply's array, of more errors than are written in one turn. */
  errorElements?: BsonWriter
}

/** Writing more of them may take longer than a turn. */
const writtenAtOnceMax = 1000

/** As in MongoDB: once the messages are so long, and there are so many, the others are empty. */
const messageBytesMax = 1024 * 1024
const messagesMin = 2
/** What is around the message in `errmsg: '...'`. */
const messageFrameBytes = 'terrmsg0'.length + 4 + 1

/** Writes `{index, code, keyPattern, keyValue, ..., errmsg}` for one error after the other. */
class ErrorElements {
  readonly writer: BsonWriter
  #count = 0
  #messageBytes = 0

  constructor(writer: BsonWriter) {
    this.writer = writer
  }

  add({ index, error }: WriteError): void {
    const { writer } = this
    const told = this.#messageBytes < messageBytesMax || this.#count < messagesMin
    writer.beginDocument(indexName(this.#count++))
    writer.int32('index', index)
    writer.int32('code', error.code)
    writeDetails(writer, error.details)
    const start = writer.length
    writer.string('errmsg', told ? error.message : '')
    this.#messageBytes += writer.length - start - messageFrameBytes
    writer.end()
  }
}

/** Writes `writeErrors: [...]` when there are any. */
export function writeWriteErrors(writer: BsonWriter, { errors, errorElements }: Failures): void {
  if (errors.length === 0) return
  writer.beginArray('writeErrors')
  if (errorElements !== undefined) writer.raw(errorElements.bytes, 0, errorElements.length)
  else {
    const elements = new ErrorElements(writer)
    for (const error of errors) elements.add(error)
  }
  writer.end()
}

/**
 * The result, once it is as durable as the command asks and very many errors have been written down for the reply. A client that does
 * not want to hear of its writes is not told of errors.
 */
export function acknowledgeWrites<Result extends Failures>(
  operation: Operation,
  result: Result,
): Result | Promise<Result> {
  const { errors } = result
  const { lastIndex } = operation.instance.engine
  if (!operation.writeConcern.acknowledged) errors.length = 0
  // A caller in this process takes the errors as they are.
  if (errors.length > writtenAtOnceMax && operation.body !== undefined) {
    const elements = new ErrorElements(new BsonWriter())
    result.errorElements = elements.writer
    const writing = inSlices(operation, errors, (error) => elements.add(error))
    if (writing !== undefined) return writing.then(() => operation.acknowledge(result, lastIndex))
  }
  return operation.acknowledge(result, lastIndex)
}

/** What ends the whole command rather than the one statement. */
export function endsCommand(error: DatabaseError): boolean {
  return interruptions.has(error.codeName)
}

const interruptions: ReadonlySet<string> = new Set([
  'MaxTimeMSExpired',
  'Interrupted',
  'InterruptedAtShutdown',
  'ClientDisconnect',
  'CursorKilled',
  'ShutdownInProgress',
  'TransactionExceededLifetimeLimitSeconds',
])
