/** The errors of single statements in a write command's reply. */
import type { DatabaseError } from '../base/errors.ts'
import { type BsonWriter, indexName } from '../bson/writer.ts'
import { writeDetails } from './error-reply.ts'
import type { Operation } from './operation.ts'

export interface WriteError {
  /** The position of the statement in the command. */
  readonly index: number
  readonly error: DatabaseError
}

/** Writes `writeErrors: [{index, code, errmsg, keyPattern, keyValue, ...}]` when there are any. */
export function writeWriteErrors(writer: BsonWriter, errors: readonly WriteError[]): void {
  if (errors.length === 0) return
  writer.beginArray('writeErrors')
  for (let i = 0; i < errors.length; i++) {
    const { index, error } = errors[i]!
    writer.beginDocument(indexName(i))
    writer.int32('index', index)
    writer.int32('code', error.code)
    writeDetails(writer, error.details)
    writer.string('errmsg', error.message)
    writer.end()
  }
  writer.end()
}

/** Errors are not told to a client that does not want to hear of its writes. */
export function forgetUnwanted(operation: Operation, errors: WriteError[]): void {
  if (!operation.writeConcern.acknowledged) errors.length = 0
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
])
