/**
 * What the engine does by itself: checkpoints when the log or the dirty pages have grown or time has passed, and vacuum when
 * readers have let go of versions. One of each runs at a time; both work in slices and let other work go on in between.
 */
import { DatabaseError } from '../base/errors.ts'
import { timestampOf } from '../base/timestamp.ts'
import type { Timer } from '../io/clock.ts'
import { VacuumSweep } from '../mvcc/vacuum.ts'
import type { Store } from '../storage/store.ts'
import type { Engine } from './engine.ts'
import type { State } from './state.ts'

/** Entries a vacuum slice looks at: about a millisecond. */
const vacuumSliceEntries = 2000

export class Maintenance {
  readonly #engine: Engine
  readonly #state: State
  readonly #store: Store
  #timer: Timer | undefined
  #running = false
  #stopped = false
  #lastCheckpointMs = 0
  #wroteSinceCheckpoint = false
  #checkpoint: Promise<void> | undefined
  #vacuum: Promise<number> | undefined
  #sweptReleaseCount = -1
  vacuumedEntryCount = 0

  constructor(engine: Engine, state: State, store: Store) {
    this.#engine = engine
    this.#state = state
    this.#store = store
  }

  start(): void {
    this.#running = true
    this.#lastCheckpointMs = this.#engine.world.clock.monotonicMs()
    this.#arm()
    this.wrote()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  /** Resolves when nothing of it runs any more. */
  async idle(): Promise<void> {
    await this.#checkpoint
    await this.#vacuum
  }

  /** Told after every write. */
  wrote(): void {
    this.#wroteSinceCheckpoint = true
    if (!this.#running || this.#checkpoint !== undefined) return
    const { options } = this.#engine
    if (
      this.#engine.bytesSinceCheckpoint >= options.checkpointLogBytes ||
      this.#store.dirtyBytes * 2 >= options.cacheSizeBytes
    ) {
      this.#startCheckpoint()
    }
  }

  /** Sweeps every map that holds superseded versions; returns how many entries were dropped. */
  vacuum(): Promise<number> {
    this.#vacuum ??= this.#sweepAll().finally(() => {
      this.#vacuum = undefined
    })
    return this.#vacuum
  }

  #arm(): void {
    if (this.#stopped) return
    this.#timer = this.#engine.world.clock.setTimer(this.#engine.options.vacuumIntervalMs, () => this.#tick())
  }

  #tick(): void {
    if (this.#stopped) return
    const now = this.#engine.world.clock.monotonicMs()
    const due = now - this.#lastCheckpointMs >= this.#engine.options.checkpointIntervalMs
    if (due && this.#wroteSinceCheckpoint && this.#checkpoint === undefined) this.#startCheckpoint()
    this.#advanceHistory()
    if (this.#vacuum === undefined && this.#hasGarbage()) this.#startVacuum()
    this.#arm()
  }

  /** Moves the history window along with the clock. */
  #advanceHistory(): void {
    const { historyWindowMs } = this.#engine.options
    if (historyWindowMs === 0) return
    const seconds = Math.floor((this.#engine.world.clock.nowMs() - historyWindowMs) / 1000)
    this.#state.snapshots.keepHistorySince(timestampOf(Math.max(0, seconds), 0))
    this.#state.snapshots.releaseCount++
  }

  #hasGarbage(): boolean {
    if (this.#state.snapshots.releaseCount === this.#sweptReleaseCount) return false
    for (const { map } of this.#state.maps()) if (map.supersededCount > 0) return true
    this.#sweptReleaseCount = this.#state.snapshots.releaseCount
    return false
  }

  #startCheckpoint(): void {
    this.#lastCheckpointMs = this.#engine.world.clock.monotonicMs()
    this.#wroteSinceCheckpoint = false
    this.#checkpoint = this.#engine
      .checkpoint()
      .catch((error: unknown) => this.#checkpointFailed(error))
      .finally(() => {
        this.#checkpoint = undefined
      })
  }

  /** A full disk is for the next checkpoint to try again; any other failure is final. */
  #checkpointFailed(error: unknown): void {
    this.#wroteSinceCheckpoint = true
    if (error instanceof DatabaseError && error.codeName === 'OutOfDiskSpace') return
    this.#engine.fail(error)
  }

  #startVacuum(): void {
    this.vacuum().catch((error: unknown) => this.#engine.fail(error))
  }

  async #sweepAll(): Promise<number> {
    const { snapshots } = this.#state
    const releaseCount = snapshots.releaseCount
    let removed = 0
    for (const { collection, map } of this.#state.maps()) {
      if (map.supersededCount === 0 || collection.dropped) continue
      const sweep = new VacuumSweep(map, snapshots)
      while (!this.#stopped && !collection.dropped && !sweep.slice(vacuumSliceEntries)) {
        await this.#engine.world.clock.yield()
      }
      if (sweep.removedCount > 0) {
        removed += sweep.removedCount
        collection.recordSetChanged = true
      }
    }
    this.#sweptReleaseCount = releaseCount
    this.vacuumedEntryCount += removed
    return removed
  }
}
