/** A failed command's reply. */
import { Detour } from '../base/detour.ts'
import { DatabaseError, type ErrorDetails } from '../base/errors.ts'
import { writeField } from '../bson/build.ts'
import type { BsonWriter } from '../bson/writer.ts'
import { DiskError } from '../io/disk.ts'

/** Any thrown value as a DatabaseError; undefined when it is a defect of ours. */
export function databaseErrorOf(error: unknown): DatabaseError | undefined {
  if (error instanceof DatabaseError) return error
  if (error instanceof DiskError)
    return new DatabaseError(error.code === 'ENOSPC' ? 'OutOfDiskSpace' : 'InternalError', error.message)
  // Nobody on its way could wait for it.
  if (error instanceof Detour) return new DatabaseError('ExceededTimeLimit', 'Work on one document takes too long')
  return undefined
}

/** Writes `ok: 0, errmsg, code, codeName, ...details, errorLabels?`. */
export function writeErrorFields(writer: BsonWriter, error: DatabaseError, labels: readonly string[]): void {
  writer.double('ok', 0)
  writer.string('errmsg', error.message)
  writer.int32('code', error.code)
  writer.string('codeName', error.codeName)
  writeDetails(writer, error.details)
  if (labels.length > 0) writeField(writer, 'errorLabels', labels)
}

/** The further fields of an error, such as `keyPattern`. */
export function writeDetails(writer: BsonWriter, details: ErrorDetails): void {
  for (const name of Object.keys(details)) {
    const value = details[name]
    if (value instanceof Uint8Array) writer.document(name, value)
    else writeField(writer, name, value)
  }
}
