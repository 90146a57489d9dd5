/** The database as it was at one moment inside its history: to be read, not changed. */
import { DatabaseError } from '../base/errors.ts'
import type { Timestamp } from '../base/timestamp.ts'
import type { Snapshot } from '../mvcc/snapshots.ts'
import type { Collection } from './collection.ts'
import { snapshotUnavailable } from './snapshot-unavailable.ts'
import type { Workspace } from './workspace.ts'

/** What the past needs of the engine around it. */
export interface PastHost {
  collection(database: string, name: string): Collection | undefined
  /** Whether a collection had the name then, and lost it since. */
  lostName(database: string, name: string, at: Timestamp): boolean
  /** Throws SnapshotTooOld. */
  snapshotAt(timestamp: Timestamp): Snapshot
}

export class Past implements Workspace {
  readonly isPast = true
  readonly lastTimestamp: Timestamp
  readonly #host: PastHost

  /** Throws SnapshotTooOld when the history does not go back so far. */
  constructor(host: PastHost, timestamp: Timestamp) {
    this.#host = host
    this.lastTimestamp = timestamp
    this.snapshot().release()
  }

  /** Throws SnapshotUnavailable when the name was another's then. */
  collection(database: string, name: string): Collection | undefined {
    if (this.#host.lostName(database, name, this.lastTimestamp)) throw snapshotUnavailable(`${database}.${name}`)
    return this.#host.collection(database, name)
  }

  snapshot(): Snapshot {
    return this.#host.snapshotAt(this.lastTimestamp)
  }

  write(): never {
    throw new DatabaseError('IllegalOperation', 'what is read as of a moment in the past cannot be changed')
  }
}
