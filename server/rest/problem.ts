/** Errors as RFC 9457 has them: `application/problem+json` with the database's code and its name beside the HTTP status. */
import { DatabaseError, errorCodes } from '../../pkg/base/errors.ts'
import { decodeDocument, encodeDocument } from '../../pkg/bson/convert.ts'
import { stringifyExtendedJson } from '../../pkg/bson/ejson.ts'

/** An error that has an HTTP status of its own, whatever the database calls it. */
export class HttpProblem extends Error {
  readonly status: number
  readonly codeName: string
  /** The database's number of the error; undefined: it has none of that name. */
  readonly code: number | undefined

  constructor(status: number, codeName: string, detail: string) {
    super(detail)
    this.status = status
    this.codeName = codeName
    this.code = (errorCodes as Readonly<Record<string, number>>)[codeName]
  }
}

/** The error that the reply of a failed command tells of. */
export class CommandProblem extends Error {
  readonly code: number
  readonly codeName: string
  /** The further fields of the reply, such as `keyPattern` and `errInfo`. */
  readonly details: Readonly<Record<string, unknown>>
  readonly labels: readonly string[]

  constructor(reply: Readonly<Record<string, unknown>>) {
    const { code, codeName, errmsg, errorLabels, ok, $clusterTime, operationTime, ...details } = reply
    super(String(errmsg))
    this.code = Number(code)
    this.codeName = String(codeName ?? `Location${this.code}`)
    this.details = details
    this.labels = Array.isArray(errorLabels) ? errorLabels.map(String) : []
  }
}

/** By the database's error: a status that tells a client, or a proxy, what to do. What is not here is a bad request. */
const statuses: Readonly<Record<string, number>> = {
  Unauthorized: 403,
  AuthenticationFailed: 401,
  NamespaceNotFound: 404,
  IndexNotFound: 404,
  CursorNotFound: 410,
  NoSuchTransaction: 404,
  CommandNotFound: 404,
  NamespaceExists: 409,
  DuplicateKey: 409,
  WriteConflict: 409,
  LockTimeout: 409,
  TransactionExceededLifetimeLimitSeconds: 409,
  IndexOptionsConflict: 409,
  IndexKeySpecsConflict: 409,
  TransactionCommitted: 409,
  ChangeStreamHistoryLost: 410,
  SnapshotTooOld: 410,
  SnapshotUnavailable: 410,
  BSONObjectTooLarge: 413,
  TransactionTooLarge: 413,
  DocumentValidationFailure: 422,
  NotImplemented: 501,
  CommandNotSupported: 501,
  ShutdownInProgress: 503,
  InterruptedAtShutdown: 503,
  NotWritablePrimary: 503,
  MaxTimeMSExpired: 504,
  ExceededTimeLimit: 504,
  OutOfDiskSpace: 507,
  InternalError: 500,
  DataCorruptionDetected: 500,
}

export function statusOf(error: unknown): number {
  if (error instanceof HttpProblem) return error.status
  if (error instanceof CommandProblem || error instanceof DatabaseError) return statuses[error.codeName] ?? 400
  const status = (error as { statusCode?: unknown }).statusCode
  return typeof status === 'number' && status >= 400 && status < 600 ? status : 500
}

const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  417: 'Expectation Failed',
  422: 'Unprocessable Content',
  428: 'Precondition Required',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  507: 'Insufficient Storage',
}

/** The body of the error's reply. `instance`: the request's id, by which the log tells of it. */
export function problemBody(error: unknown, instance: string): string {
  const status = statusOf(error)
  const known = error instanceof HttpProblem || error instanceof CommandProblem || error instanceof DatabaseError
  // What a defect says is for the log: it may name what the client must not see.
  const detail = known || status < 500 ? (error as Error).message : 'an internal error: the log tells more'
  const codeName = known ? error.codeName : undefined
  const fields: Record<string, unknown> = {
    type: codeName === undefined ? 'about:blank' : `urn:lauradb:error:${codeName}`,
    title: codeName ?? titles[status] ?? 'Error',
    status,
    detail,
    instance: `urn:lauradb:request:${instance}`,
  }
  if (known && error.code !== undefined) {
    fields['code'] = error.code
    fields['codeName'] = error.codeName
  }
  if (error instanceof CommandProblem || error instanceof DatabaseError) Object.assign(fields, error.details)
  if (error instanceof CommandProblem && error.labels.length > 0) fields['labels'] = error.labels
  return stringifyExtendedJson(encodeDocument(fields), { relaxed: true })
}

/** Throws the first write error of a reply, if it has one. */
export function refuseWriteErrors(reply: Uint8Array): void {
  const { writeErrors, writeConcernError } = decodeDocument(reply) as {
    writeErrors?: Record<string, unknown>[]
    writeConcernError?: Record<string, unknown>
  }
  const first = writeErrors?.[0] ?? writeConcernError
  if (first === undefined) return
  const { index, ...error } = first
  throw new CommandProblem({
    ...error,
    codeName: error['codeName'] ?? new DatabaseError(Number(error['code']), '').codeName,
  })
}
