/** Figures of a running engine, for serverStatus and metrics. */
import type { LogIndex } from '../base/ids.ts'
import { secondsOf, type Timestamp } from '../base/timestamp.ts'
import type { Log } from '../storage/log.ts'
import type { Store } from '../storage/store.ts'
import type { Maintenance } from './maintenance.ts'
import type { State } from './state.ts'

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

/** What the engine counts itself. */
type OwnFigure =
  | 'checkpointIndex'
  | 'checkpointCount'
  | 'bytesSinceCheckpoint'
  | 'replayedEntryCount'
  | 'openTransactionCount'

interface Parts {
  readonly store: Store
  readonly log: Log
  readonly state: State
  readonly maintenance: Maintenance
}

/** What the parts of an engine tell; `nowMs` since the epoch. */
export function figuresOf({ store, log, state, maintenance }: Parts, nowMs: number): Omit<EngineStatistics, OwnFigure> {
  const { snapshots, locks } = state
  return {
    fileSizeBytes: store.fileSizeBytes,
    freeBytes: store.freeBytes,
    pageCount: store.pageCount,
    cachedBytes: store.cachedBytes,
    dirtyBytes: store.dirtyBytes,
    logSizeBytes: log.sizeBytes,
    lastIndex: log.lastIndex,
    durableIndex: log.durableIndex,
    openSnapshotCount: snapshots.openCount,
    vacuumedEntryCount: maintenance.vacuumedEntryCount,
    vacuumRunCount: maintenance.vacuumRunCount,
    lastVacuumMs: maintenance.lastVacuumMs,
    supersededEntryCount: state.maps().reduce((sum, { map }) => sum + map.supersededCount, 0),
    oldestSnapshotSeconds: ageInSeconds(snapshots.oldest, nowMs),
    lockWaitCount: locks.waitCount,
    lockWaiterCount: locks.waiterCount,
    lockTimeoutCount: locks.timeoutCount,
    deadlockCount: locks.deadlockCount,
  }
}

function ageInSeconds(timestamp: Timestamp | undefined, nowMs: number): number {
  return timestamp === undefined ? 0 : Math.max(0, Math.floor(nowMs / 1000) - secondsOf(timestamp))
}
