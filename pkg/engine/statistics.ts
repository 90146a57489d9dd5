/** Figures of a running engine, for serverStatus and metrics. */
import type { LogIndex } from '../base/ids.ts'

export interface EngineStatistics {
  /** Of the data file. */
  readonly fileSizeBytes: number
  /** Of the data file: free now or after the next checkpoints. */
  readonly freeBytes: number
  readonly pageCount: number
  readonly cachedBytes: number
  readonly dirtyBytes: number
  /** Of the segments of the log that are on disk. */
  readonly logSizeBytes: number
  readonly lastIndex: LogIndex
  readonly durableIndex: LogIndex
  readonly checkpointIndex: LogIndex
  readonly checkpointCount: number
  /** Log bytes that a restart now would replay. */
  readonly bytesSinceCheckpoint: number
  readonly replayedEntryCount: number
  readonly openSnapshotCount: number
  readonly vacuumedEntryCount: number
  readonly vacuumRunCount: number
  /** How long the last vacuum took, in milliseconds. */
  readonly lastVacuumMs: number
  /** Versions that are not the newest of their key: for readers of the past, or until vacuum passes. */
  readonly supersededEntryCount: number
  /** How long the oldest open snapshot has held versions, in whole seconds; 0: there is none. */
  readonly oldestSnapshotSeconds: number
  readonly openTransactionCount: number
  /** Waits for locks of transactions, those that took too long, and circles that were broken. */
  readonly lockWaitCount: number
  /** Who wait now. */
  readonly lockWaiterCount: number
  readonly lockTimeoutCount: number
  readonly deadlockCount: number
}
