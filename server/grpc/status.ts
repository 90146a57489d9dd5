/**
 * Errors as gRPC has them: the one place where MongoDB's codes become gRPC's.
 *
 *   trailers   grpc-status, grpc-message, grpc-status-details-bin = google.rpc.Status {
 *     code, message, details [
 *       google.rpc.ErrorInfo { reason: codeName, domain: 'lauradb', metadata: { code, labels } }
 *       lauradb.v1.CommandError { code, code_name, message, labels, reply } ] }
 */
import { Metadata, status } from '@grpc/grpc-js'
import { DatabaseError, type ErrorName, errorCodes } from '../../pkg/base/errors.ts'
import { documentFields, getField, numberOf, stringOf, type Value } from '../../pkg/bson/value.ts'
import { errorDocument } from '../wire/reply.ts'
import { bytesField, numberField } from './protobuf.ts'

type Names = readonly ErrorName[]

/** By gRPC status; what is in no list is an INVALID_ARGUMENT. */
const namesByStatus: readonly (readonly [status, Names])[] = [
  [status.CANCELLED, ['Interrupted', 'ClientDisconnect', 'CallbackCanceled', 'CursorKilled']],
  [status.DEADLINE_EXCEEDED, ['MaxTimeMSExpired', 'ExceededTimeLimit', 'NetworkTimeout']],
  [
    status.NOT_FOUND,
    [
      'NamespaceNotFound',
      'IndexNotFound',
      'CursorNotFound',
      'NoSuchKey',
      'UserNotFound',
      'RoleNotFound',
      'NoSuchSession',
    ],
  ],
  [status.ALREADY_EXISTS, ['DuplicateKey', 'NamespaceExists', 'IndexAlreadyExists', 'DatabaseDifferCase']],
  [status.PERMISSION_DENIED, ['Unauthorized']],
  [status.UNAUTHENTICATED, ['AuthenticationFailed']],
  [
    status.RESOURCE_EXHAUSTED,
    [
      'OutOfDiskSpace',
      'ExceededMemoryLimit',
      'QueryExceededMemoryLimitNoDiskUseAllowed',
      'TooManyLogicalSessions',
      'TooManyFilesOpen',
      'TransactionTooLarge',
    ],
  ],
  [
    status.FAILED_PRECONDITION,
    [
      'IllegalOperation',
      'DocumentValidationFailure',
      'IndexOptionsConflict',
      'IndexKeySpecsConflict',
      'CannotConvertIndexToUnique',
      'CommandNotSupportedOnView',
      'OptionNotSupportedOnView',
      'BackgroundOperationInProgressForNamespace',
      'ConflictingOperationInProgress',
      'CursorInUse',
      'CollectionUUIDMismatch',
      'NotAReplicaSet',
      'TransactionCommitted',
      'OperationNotSupportedInTransaction',
      'UnsatisfiableWriteConcern',
      'CappedPositionLost',
      'QueryPlanKilled',
      'ClientMetadataCannotBeMutated',
      'AlreadyInitialized',
    ],
  ],
  [
    status.ABORTED,
    [
      'WriteConflict',
      'LockTimeout',
      'NoSuchTransaction',
      'TransactionExceededLifetimeLimitSeconds',
      'SnapshotUnavailable',
      'SnapshotTooOld',
      'IndexBuildAborted',
    ],
  ],
  [status.UNIMPLEMENTED, ['CommandNotFound', 'CommandNotSupported', 'NotImplemented', 'QueryFeatureNotAllowed']],
  [status.INTERNAL, ['InternalError', 'UnknownError', 'OperationFailed']],
  [
    status.UNAVAILABLE,
    ['ShutdownInProgress', 'InterruptedAtShutdown', 'HostUnreachable', 'HostNotFound', 'NotWritablePrimary'],
  ],
  [status.DATA_LOSS, ['DataCorruptionDetected', 'UnrecoverableRollbackError', 'OplogOutOfOrder']],
]

const statusByCode: ReadonlyMap<number, status> = new Map(
  namesByStatus.flatMap(([grpc, names]) => names.map((name) => [errorCodes[name], grpc] as const)),
)

/** The gRPC status for MongoDB's number of an error. */
export function statusOfCode(code: number): status {
  return statusByCode.get(code) ?? status.INVALID_ARGUMENT
}

/** What ends a call: what @grpc/grpc-js takes for a failure. */
export interface CallFailure {
  readonly code: status
  readonly details: string
  readonly metadata: Metadata
}

/** Clients refuse large trailers: longer texts are cut, and a longer reply is left out. */
const messageLengthMax = 1024
const replyBytesMax = 4096

const noLabels: readonly string[] = []

/** How a call fails whose command was answered with `reply`, which has `ok: 0`. */
export function failureOfReply(reply: Uint8Array): CallFailure {
  return failureIn(reply, 0, reply, textsOf(getField(reply, 'errorLabels')))
}

/**
 * How a write fails that was carried out, but for some of its statements or for its write concern; undefined when nothing
 * is wrong. `reply`: of insert, update, delete, findAndModify.
 */
export function failureOfWrites(reply: Uint8Array): CallFailure | undefined {
  const writeErrors = getField(reply, 'writeErrors')
  const labels = () => textsOf(getField(reply, 'errorLabels'))
  if (writeErrors !== undefined) {
    for (const first of documentFields(writeErrors.bytes, writeErrors.start))
      return failureIn(first.bytes, first.start, reply, labels())
  }
  const concern = getField(reply, 'writeConcernError')
  return concern === undefined ? undefined : failureIn(concern.bytes, concern.start, reply, labels())
}

/** How a call fails by an error that the door itself found. */
export function failureOf(error: DatabaseError): CallFailure {
  return failureOfReply(errorDocument(error))
}

/** `bytes` from `start`: a document with code, codeName and errmsg. */
export function failureIn(
  bytes: Uint8Array,
  start: number,
  reply: Uint8Array,
  labels: readonly string[] = noLabels,
): CallFailure {
  const codeField = getField(bytes, 'code', start)
  const code = codeField === undefined ? errorCodes.UnknownError : Math.max(0, numberOf(codeField))
  const shownName = getField(bytes, 'codeName', start)
  const codeName = shownName === undefined ? new DatabaseError(code, '').codeName : stringOf(shownName)
  const messageField = getField(bytes, 'errmsg', start)
  const message = messageField === undefined ? codeName : stringOf(messageField)
  const grpc = statusOfCode(code)
  const shown = message.slice(0, messageLengthMax).toWellFormed()
  const metadata = new Metadata()
  metadata.set(
    'grpc-status-details-bin',
    Buffer.concat([
      numberField(1, grpc),
      bytesField(2, shown),
      bytesField(3, packed('google.rpc.ErrorInfo', errorInfo(code, codeName, labels))),
      bytesField(3, packed('lauradb.v1.CommandError', commandError(code, codeName, shown, labels, reply))),
    ]),
  )
  return { code: grpc, details: shown, metadata }
}

function packed(type: string, message: Uint8Array): Uint8Array {
  return Buffer.concat([bytesField(1, `type.googleapis.com/${type}`), bytesField(2, message)])
}

function errorInfo(code: number, codeName: string, labels: readonly string[]): Uint8Array {
  const entry = (key: string, value: string) => bytesField(3, Buffer.concat([bytesField(1, key), bytesField(2, value)]))
  return Buffer.concat([
    bytesField(1, codeName),
    bytesField(2, 'lauradb'),
    entry('code', String(code)),
    ...(labels.length === 0 ? [] : [entry('labels', labels.join(','))]),
  ])
}

function commandError(
  code: number,
  codeName: string,
  message: string,
  labels: readonly string[],
  reply: Uint8Array,
): Uint8Array {
  return Buffer.concat([
    numberField(1, code),
    bytesField(2, codeName),
    bytesField(3, message),
    ...labels.map((label) => bytesField(4, label)),
    ...(reply.length > replyBytesMax ? [] : [bytesField(5, reply)]),
  ])
}

function textsOf(array: Value | undefined): readonly string[] {
  return array === undefined ? noLabels : [...documentFields(array.bytes, array.start)].map(stringOf)
}

/** Whether a reply says `ok: 0`: failures have it as their first field. */
export function isFailure(reply: Uint8Array): boolean {
  if (reply.length < 17 || reply[4] !== 1 || reply[5] !== 0x6f || reply[6] !== 0x6b || reply[7] !== 0) return false
  for (let at = 8; at < 16; at++) if (reply[at] !== 0) return false
  return true
}
