/**
 * What can go wrong in a way that a user may see: one class, one table of codes (MongoDB's numbers and names).
 * What must not happen is an assertion (`assert.ts`). Doors translate a `DatabaseError` in one place each.
 */
export const errorCodes = {
  InternalError: 1,
  BadValue: 2,
  NoSuchKey: 4,
  GraphContainsCycle: 5,
  HostUnreachable: 6,
  HostNotFound: 7,
  UnknownError: 8,
  FailedToParse: 9,
  CannotMutateObject: 10,
  UserNotFound: 11,
  UnsupportedFormat: 12,
  Unauthorized: 13,
  TypeMismatch: 14,
  Overflow: 15,
  InvalidLength: 16,
  ProtocolError: 17,
  AuthenticationFailed: 18,
  IllegalOperation: 20,
  EmptyArrayOperation: 21,
  InvalidBSON: 22,
  AlreadyInitialized: 23,
  LockTimeout: 24,
  NamespaceNotFound: 26,
  IndexNotFound: 27,
  PathNotViable: 28,
  NonExistentPath: 29,
  InvalidPath: 30,
  RoleNotFound: 31,
  CannotBackfillArray: 34,
  ConflictingUpdateOperators: 40,
  CursorNotFound: 43,
  NamespaceExists: 48,
  MaxTimeMSExpired: 50,
  DollarPrefixedFieldName: 52,
  InvalidIdField: 53,
  NotSingleValueField: 54,
  InvalidDBRef: 55,
  EmptyFieldName: 56,
  DottedFieldName: 57,
  CommandNotFound: 59,
  ShardKeyNotFound: 61,
  WriteConcernFailed: 64,
  MultipleErrorsOccurred: 65,
  ImmutableField: 66,
  CannotCreateIndex: 67,
  IndexAlreadyExists: 68,
  AuthSchemaIncompatible: 69,
  InvalidOptions: 72,
  InvalidNamespace: 73,
  IndexOptionsConflict: 85,
  IndexKeySpecsConflict: 86,
  NetworkTimeout: 89,
  CallbackCanceled: 90,
  ShutdownInProgress: 91,
  OperationFailed: 96,
  DBPathInUse: 98,
  UnsatisfiableWriteConcern: 100,
  IndexOptionsInvalid: 197,
  NamespaceNotSharded: 118,
  DocumentValidationFailure: 121,
  ReadConcernMajorityNotAvailableYet: 134,
  ExceededTimeLimit: 262,
  WriteConflict: 112,
  UserWritesBlocked: 371,
  CommandNotSupported: 115,
  ConflictingOperationInProgress: 117,
  OplogOutOfOrder: 152,
  ChunkTooBig: 153,
  InvalidPipelineOperator: 168,
  CommandNotSupportedOnView: 166,
  OptionNotSupportedOnView: 167,
  ViewDepthLimitExceeded: 165,
  ViewPipelineMaxSizeExceeded: 195,
  InvalidViewDefinition: 182,
  InvalidIndexSpecificationOption: 197,
  InvalidResumeToken: 260,
  CappedPositionLost: 136,
  QueryPlanKilled: 175,
  CursorInUse: 12051,
  NoSuchTransaction: 251,
  TransactionCommitted: 256,
  TransactionTooLarge: 257,
  TooManyLogicalSessions: 261,
  OperationNotSupportedInTransaction: 263,
  NoReplicationEnabled: 76,
  UnknownReplWriteConcern: 79,
  NotSecondary: 95,
  InvalidReplicaSetConfig: 93,
  NewReplicaSetConfigurationIncompatible: 103,
  PrimarySteppedDown: 189,
  ClusterTimeFailsRateLimiter: 209,
  IncompleteTransactionHistory: 217,
  TransactionTooOld: 225,
  TransactionExceededLifetimeLimitSeconds: 290,
  CommandFailed: 125,
  NoSuchSession: 206,
  InvalidUUID: 207,
  SnapshotUnavailable: 246,
  SnapshotTooOld: 239,
  ClientMetadataMissingField: 183,
  ClientMetadataAppNameTooLarge: 184,
  ClientMetadataDocumentTooLarge: 185,
  ClientMetadataCannotBeMutated: 186,
  PreparedTransactionInProgress: 267,
  IncompatibleCollationVersion: 161,
  TooManyFilesOpen: 264,
  OutOfDiskSpace: 14031,
  APIVersionError: 322,
  APIStrictError: 323,
  APIDeprecationError: 324,
  QueryFeatureNotAllowed: 224,
  CollectionUUIDMismatch: 361,
  DatabaseDifferCase: 13297,
  ExceededMemoryLimit: 146,
  QueryExceededMemoryLimitNoDiskUseAllowed: 292,
  ConversionFailure: 241,
  DataCorruptionDetected: 364,
  UnrecoverableRollbackError: 127,
  NotWritablePrimary: 10107,
  InterruptedAtShutdown: 11600,
  Interrupted: 11601,
  BSONObjectTooLarge: 10334,
  DuplicateKey: 11000,
  BackgroundOperationInProgressForNamespace: 12587,
  KeyTooLong: 17280,
  NotImplemented: 238,
  UnsupportedOpQueryCommand: 352,
  MaxSubPipelineDepthExceeded: 232,
  CursorKilled: 237,
  QueryRejectedBySettings: 411,
  ClientDisconnect: 279,
  NotAReplicaSet: 123,
  IndexBuildAborted: 276,
  ChangeStreamFatalError: 280,
  ChangeStreamHistoryLost: 286,
  NoMatchingDocument: 47,
  CannotIndexParallelArrays: 171,
  CannotConvertIndexToUnique: 359,
  IndexBuildAlreadyInProgress: 303,
  AmbiguousIndexKeyPattern: 181,
  NoQueryExecutionPlans: 291,
  UnknownField: 40415,
  MissingField: 40414,
} as const

export type ErrorName = keyof typeof errorCodes

/** Further fields of the error reply, e.g. `keyPattern` and `keyValue` of a DuplicateKey. Values: BSON bytes or plain values. */
export type ErrorDetails = Readonly<Record<string, unknown>>

export class DatabaseError extends Error {
  override readonly name = 'DatabaseError'
  /** MongoDB's number. */
  readonly code: number
  /** MongoDB's name; `Location<code>` for the codes that have none. */
  readonly codeName: string
  readonly details: ErrorDetails
  /** `TransientTransactionError`, `RetryableWriteError` and kin. */
  readonly labels: readonly string[]

  /** `error`: a name from the table, or a number for the assertion codes that MongoDB gives no name. */
  constructor(error: ErrorName | number, message: string, details: ErrorDetails = {}, labels: readonly string[] = []) {
    super(message)
    this.code = typeof error === 'number' ? error : errorCodes[error]
    this.codeName = nameOf(error)
    this.details = details
    this.labels = labels
  }
}

/** MongoDB's own replies call these differently from the key that reads best here. */
const shownNames: Readonly<Record<string, string>> = { UnknownField: 'Location40415', MissingField: 'Location40414' }

const namesByCode: ReadonlyMap<number, string> = new Map(
  Object.entries(errorCodes)
    .reverse()
    .map(([name, code]) => [code, shownNames[name] ?? name]),
)

function nameOf(error: ErrorName | number): string {
  return typeof error === 'string' ? (shownNames[error] ?? error) : (namesByCode.get(error) ?? `Location${error}`)
}
