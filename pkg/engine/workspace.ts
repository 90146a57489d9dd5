/** What commands work on: the database as it is now (`Engine`), or as one transaction sees it (`Transaction`). */
import type { LogIndex } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import type { Snapshot } from '../mvcc/snapshots.ts'
import type { Collection } from './collection.ts'
import type { WriteUnit } from './write-unit.ts'

export interface Workspace {
  /** Whether only reads at `lastTimestamp` see what it is: not those of what is newest. */
  readonly isPast: boolean
  /** The moment to read at for what is there now. */
  readonly lastTimestamp: Timestamp
  collection(database: string, name: string): Collection | undefined
  /** Keeps what is read at `lastTimestamp`. */
  snapshot(): Snapshot
  /** Runs `body`, whose changes belong together; see `Engine.write`. */
  write<Result>(body: (unit: WriteUnit) => Result): { result: Result; logIndex: LogIndex }
}
