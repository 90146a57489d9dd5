/** What `import { LauraClient } from '@lauradb/client'` gives. */
export {
  Binary,
  BSONRegExp,
  Code,
  DBRef,
  Decimal128,
  type Document,
  Double,
  EJSON,
  Int32,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
  UUID,
} from 'bson'
export type { BulkOperation, BulkWriteOptions, BulkWriteResult } from './bulk.ts'
export { ChangeStream, type ChangeStreamOptions } from './change-stream.ts'
export { LauraClient } from './client.ts'
export {
  Collection,
  type CommandOptions,
  type CountOptions,
  type DeleteOptions,
  type FindOneAndOptions,
  type IndexDescription,
  type UpdateOptions,
  type WriteOptions,
} from './collection.ts'
export type { AggregateOptions, CommandCursor, Cursor, FindCursor, FindOptions } from './cursor.ts'
export { type CreateCollectionOptions, Db } from './db.ts'
export {
  LauraBulkWriteError,
  LauraError,
  LauraNetworkError,
  LauraServerError,
  LauraUsageError,
  LauraWriteConcernError,
  type WriteError,
} from './errors.ts'
export { ClientSession, type TransactionOptions } from './session.ts'
export type * from './types.ts'
export type { LauraClientOptions } from './uri.ts'
