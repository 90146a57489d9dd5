/** Every command there is. */

import { DatabaseError } from '../base/errors.ts'
import { abortTransaction } from './commands/abort-transaction.ts'
import { aggregate } from './commands/aggregate.ts'
import { applyOps } from './commands/apply-ops.ts'
import { buildInfo } from './commands/build-info.ts'
import { bulkWrite } from './commands/bulk-write.ts'
import { getClusterParameter, setClusterParameter } from './commands/cluster-parameter.ts'
import { collMod } from './commands/coll-mod.ts'
import { collStats } from './commands/coll-stats.ts'
import { commitTransaction } from './commands/commit-transaction.ts'
import { autoCompact, compact } from './commands/compact.ts'
import { configureFailPoint } from './commands/configure-fail-point.ts'
import { connPoolStats } from './commands/conn-pool-stats.ts'
import { connectionStatus } from './commands/connection-status.ts'
import { cloneCollectionAsCapped, convertToCapped } from './commands/convert-to-capped.ts'
import { count } from './commands/count.ts'
import { create } from './commands/create.ts'
import { createIndexes } from './commands/create-indexes.ts'
import { currentOp } from './commands/current-op.ts'
import { dataSize } from './commands/data-size.ts'
import { dbHash } from './commands/db-hash.ts'
import { dbStats } from './commands/db-stats.ts'
import { getDefaultRWConcern, setDefaultRWConcern } from './commands/default-rw-concern.ts'
import { deleteCommand } from './commands/delete.ts'
import { distinct } from './commands/distinct.ts'
import { drop } from './commands/drop.ts'
import { dropConnections } from './commands/drop-connections.ts'
import { dropDatabase } from './commands/drop-database.ts'
import { dropIndexes } from './commands/drop-indexes.ts'
import { endSessions } from './commands/end-sessions.ts'
import { explainCommand } from './commands/explain.ts'
import { setFeatureCompatibilityVersion } from './commands/feature-compatibility.ts'
import { features } from './commands/features.ts'
import { fileMd5 } from './commands/file-md5.ts'
import { find } from './commands/find.ts'
import { findAndModify } from './commands/find-and-modify.ts'
import { fsync, fsyncUnlock } from './commands/fsync.ts'
import { getCmdLineOpts } from './commands/get-cmd-line-opts.ts'
import { getLog } from './commands/get-log.ts'
import { getMore } from './commands/get-more.ts'
import { getParameter } from './commands/get-parameter.ts'
import { hello, isMaster } from './commands/hello.ts'
import { hostInfo } from './commands/host-info.ts'
import { insert } from './commands/insert.ts'
import { killAllSessions } from './commands/kill-all-sessions.ts'
import { killAllSessionsByPattern } from './commands/kill-all-sessions-by-pattern.ts'
import { killCursors } from './commands/kill-cursors.ts'
import { killOp } from './commands/kill-op.ts'
import { killSessions } from './commands/kill-sessions.ts'
import { listCollections } from './commands/list-collections.ts'
import { listCommandsOf } from './commands/list-commands.ts'
import { listDatabases } from './commands/list-databases.ts'
import { listIndexes } from './commands/list-indexes.ts'
import { lockInfo } from './commands/lock-info.ts'
import { logRotate, rotateCertificates } from './commands/log-rotate.ts'
import { ping } from './commands/ping.ts'
import {
  planCacheClear,
  planCacheClearFilters,
  planCacheListFilters,
  planCacheSetFilter,
} from './commands/plan-cache.ts'
import { profile } from './commands/profile.ts'
import { removeQuerySettingsCommand, setQuerySettingsCommand } from './commands/query-settings.ts'
import { refreshSessions } from './commands/refresh-sessions.ts'
import { renameCollection } from './commands/rename-collection.ts'
import { replicaSetCommands } from './commands/replica-set.ts'
import { searchIndexCommands } from './commands/search-indexes.ts'
import { serverStatus } from './commands/server-status.ts'
import { setIndexCommitQuorum } from './commands/set-index-commit-quorum.ts'
import { setParameter } from './commands/set-parameter.ts'
import { setUserWriteBlockMode } from './commands/set-user-write-block-mode.ts'
import { shutdown } from './commands/shutdown.ts'
import { startSession } from './commands/start-session.ts'
import { compactStructuredEncryptionData } from './commands/structured-encryption.ts'
import { top } from './commands/top.ts'
import { update } from './commands/update.ts'
import { validate } from './commands/validate.ts'
import { validateDBMetadata } from './commands/validate-db-metadata.ts'
import { whatsmyuri } from './commands/whatsmyuri.ts'
import type { AnyDefinition } from './definition.ts'
import { NameTable } from './name-table.ts'

const definitions: readonly AnyDefinition[] = [
  abortTransaction,
  aggregate,
  applyOps,
  autoCompact,
  buildInfo,
  bulkWrite,
  cloneCollectionAsCapped,
  collMod,
  collStats,
  commitTransaction,
  compact,
  compactStructuredEncryptionData,
  configureFailPoint,
  connectionStatus,
  connPoolStats,
  convertToCapped,
  count,
  create,
  createIndexes,
  currentOp,
  dataSize,
  dbHash,
  dbStats,
  deleteCommand,
  distinct,
  drop,
  dropConnections,
  dropDatabase,
  dropIndexes,
  endSessions,
  explainCommand(commandOf),
  removeQuerySettingsCommand(commandOf),
  setQuerySettingsCommand(commandOf),
  features,
  fileMd5,
  find,
  findAndModify,
  fsync,
  fsyncUnlock,
  getClusterParameter,
  getCmdLineOpts,
  getDefaultRWConcern,
  getLog,
  getMore,
  getParameter,
  hello,
  hostInfo,
  insert,
  isMaster,
  killAllSessions,
  killAllSessionsByPattern,
  killCursors,
  killOp,
  killSessions,
  listCollections,
  listCommandsOf(() => definitions),
  listDatabases,
  listIndexes,
  lockInfo,
  logRotate,
  ping,
  planCacheClear,
  planCacheClearFilters,
  planCacheListFilters,
  planCacheSetFilter,
  profile,
  refreshSessions,
  renameCollection,
  ...replicaSetCommands,
  rotateCertificates,
  ...searchIndexCommands,
  serverStatus,
  setClusterParameter,
  setDefaultRWConcern,
  setFeatureCompatibilityVersion,
  setUserWriteBlockMode,
  setIndexCommitQuorum,
  setParameter,
  shutdown,
  startSession,
  top,
  update,
  validate,
  validateDBMetadata,
  whatsmyuri,
]

const entries = definitions.flatMap((definition) =>
  [definition.name, ...(definition.aliases ?? [])].map((name) => ({ name, definition })),
)
const names = new NameTable(entries.map(({ name }) => name))

/** The command whose name is the first field of the document. Throws CommandNotFound. */
export function commandOf(body: Uint8Array): AnyDefinition {
  let end = 5
  if (body[4] !== 0) while (body[end] !== 0) end++
  const index = names.indexOf(body, 5, end)
  if (index < 0 || body[4] === 0)
    throw new DatabaseError('CommandNotFound', `no such command: '${new TextDecoder().decode(body.subarray(5, end))}'`)
  return entries[index]!.definition
}
