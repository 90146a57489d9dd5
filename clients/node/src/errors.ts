/** What can go wrong, as classes. */
import type { Document } from 'bson'

/** Every error of this package. */
export class LauraError extends Error {
  override name = 'LauraError'
  /** `TransientTransactionError`, `RetryableWriteError` and kin. */
  readonly errorLabels: readonly string[]

  constructor(message: string, errorLabels: readonly string[] = [], cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.errorLabels = errorLabels
  }

  hasErrorLabel(label: string): boolean {
    return this.errorLabels.includes(label)
  }
}

/** The server refused a command, or could not carry it out. */
export class LauraServerError extends LauraError {
  override name = 'LauraServerError'
  /** MongoDB's number of the error, such as 11000. */
  readonly code: number
  /** Its name, such as DuplicateKey. */
  readonly codeName: string
  /** The server's reply, or the write error in it: keyPattern, keyValue, errInfo and so on. */
  readonly response: Document

  constructor(response: Document, errorLabels: readonly string[] = labelsOf(response)) {
    super(String(response['errmsg'] ?? 'the server gave no reason'), errorLabels)
    this.code = Number(response['code'] ?? 8)
    this.codeName = String(response['codeName'] ?? (this.code === 11000 ? 'DuplicateKey' : ''))
    this.response = response
  }

  get keyValue(): Document | undefined {
    return this.response['keyValue'] as Document | undefined
  }

  get keyPattern(): Document | undefined {
    return this.response['keyPattern'] as Document | undefined
  }

  get errInfo(): Document | undefined {
    return this.response['errInfo'] as Document | undefined
  }
}

export function labelsOf(response: Document): readonly string[] {
  const labels: unknown = response['errorLabels']
  return Array.isArray(labels) ? labels.map(String) : []
}

/** The data was written, but not as safely as was asked for. */
export class LauraWriteConcernError extends LauraServerError {
  override name = 'LauraWriteConcernError'
}

/** One statement of a bulk write that failed. */
export interface WriteError {
  /** Position in the given array. */
  readonly index: number
  readonly code: number
  readonly errmsg: string
  readonly errInfo?: Document
  /** The operation as it was given. */
  readonly op: unknown
}

/** What a bulk write did before, or beside, what failed. */
export interface BulkWriteCounts {
  insertedCount: number
  matchedCount: number
  modifiedCount: number
  deletedCount: number
  upsertedCount: number
  insertedIds: Record<number, unknown>
  upsertedIds: Record<number, unknown>
}

/** Statements of an insertMany or bulkWrite failed; `result` tells what was done. */
export class LauraBulkWriteError extends LauraServerError {
  override name = 'LauraBulkWriteError'
  readonly writeErrors: readonly WriteError[]
  readonly result: BulkWriteCounts

  constructor(
    response: Document,
    writeErrors: readonly WriteError[],
    result: BulkWriteCounts,
    errorLabels?: readonly string[],
  ) {
    super(response, errorLabels)
    this.writeErrors = writeErrors
    this.result = result
  }
}

/** The connection broke, or none could be made. */
export class LauraNetworkError extends LauraError {
  override name = 'LauraNetworkError'
}

/** The client, a session or a cursor was used in a way that makes no sense. */
export class LauraUsageError extends LauraError {
  override name = 'LauraUsageError'
}

/** Codes of errors that another try may not meet: the server is stopping, starting or no longer primary. */
const passingCodes: ReadonlySet<number> = new Set([
  6, 7, 89, 91, 134, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436,
])

/** Whether a read may be tried again after `error`. */
export function mayReadAgain(error: unknown): boolean {
  return error instanceof LauraNetworkError || (error instanceof LauraServerError && passingCodes.has(error.code))
}

/** Whether a write with a transaction number may be tried again after `error`. */
export function mayWriteAgain(error: unknown): boolean {
  return (
    error instanceof LauraNetworkError || (error instanceof LauraError && error.hasErrorLabel('RetryableWriteError'))
  )
}
