/**
 * What the engine does by itself: checkpoints when the log or the dirty pages have grown or time has passed, and vacuum when
 * readers have let go of versions. One of each runs at a time; both work in slices and let other work go on in between.
 */
import { DatabaseError } from '../base/errors.ts'
import type { Timer } from '../io/clock.ts'
import { VacuumSweep } from '../mvcc/vacuum.ts'
import type { VersionedMap } from '../mvcc/versioned-map.ts'
import { isOutOfDiskSpace } from '../storage/data-file.ts'
import type { Store } from '../storage/store.ts'
import type { Engine } from './engine.ts'
import { sweepExpired } from './expiry.ts'
import { historyStart } from './history.ts'
import type { State } from './state.ts'

/** Entries a vacuum slice looks at: some hundredths of a millisecond. */
const vacuumSliceEntries = 500
/** So long after a write nobody is writing. */
const quietMs = 100
/** How long vacuum works before it rests. */
const vacuumTurnMs = 0.5
/**
 * While others write, vacuum rests so many times as long as it works; where they leave more than it drops, so many times. What it works is what
 * they lose.
 */
const vacuumRestShare = 19
const vacuumRestShareBehind = 9
/** Entries that a sweep may pass over for one that it drops, when it is in no hurry. */
const entriesPerFind = 100
/** Pages of dropped trees that are freed before others get their turn, unless that takes long because they have to be read. */
const freeSlicePages = 128
const freeSliceMs = 3
const freeStepPages = 16

interface Sweep {
  readonly atMs: number
  readonly left: number
  readonly releaseCount: number
}

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
  #freeing: Promise<void> | undefined
  #expiry: Promise<void> | undefined
  #lastExpiryMs = 0
  vacuumedEntryCount = 0
  vacuumRunCount = 0
  /** The last entry of the log when vacuum looked, and since when it has been. */
  #seenIndex = -1
  #seenIndexMs = Number.NEGATIVE_INFINITY
  lastVacuumMs = 0
  /** Of each map: when it was swept last, and what was left because somebody needed it. */
  readonly #sweeps = new WeakMap<VersionedMap, Sweep>()
  /** Documents that TTL indexes let go, and passes over those indexes. */
  expiredDocumentCount = 0
  expiryPassCount = 0

  constructor(engine: Engine, state: State, store: Store) {
    this.#engine = engine
    this.#state = state
    this.#store = store
  }

  start(): void {
    this.#running = true
    this.#lastCheckpointMs = this.#engine.world.clock.monotonicMs()
    this.#lastExpiryMs = this.#lastCheckpointMs
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
    await this.#expiry
    await this.#freeing
  }

  /** Told after every write. */
  wrote(): void {
    this.#wroteSinceCheckpoint = true
    if (!this.#running) return
    if (this.#state.droppedTrees.waiting) this.#startFreeing()
    if (this.#checkpoint !== undefined) return
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
    this.#vacuum ??= this.#sweepAll(() => true).finally(() => {
      this.#vacuum = undefined
    })
    return this.#vacuum
  }

  #arm(): void {
    if (this.#stopped) return
    this.#timer = this.#engine.world.clock.setTimer(this.#engine.vacuumSettings.vacuumIntervalMs, () => this.#tick())
  }

  #tick(): void {
    if (this.#stopped) return
    const now = this.#engine.world.clock.monotonicMs()
    const due = now - this.#lastCheckpointMs >= this.#engine.options.checkpointIntervalMs
    if (due && this.#wroteSinceCheckpoint && this.#checkpoint === undefined) this.#startCheckpoint()
    if (now - this.#lastExpiryMs >= this.#engine.options.expiryIntervalMs) {
      this.#lastExpiryMs = now
      this.#expiry ??= this.#expire().finally(() => {
        this.#expiry = undefined
      })
    }
    this.#advanceHistory()
    if (this.#vacuum === undefined && this.#hasGarbage()) this.#startVacuum()
    if (this.#state.droppedTrees.waiting) this.#startFreeing()
    this.#arm()
  }

  /** Moves the history window along with the clock. */
  #advanceHistory(): void {
    const { historyWindowMs, world } = this.#engine
    if (historyWindowMs === 0) return
    this.#state.snapshots.keepHistorySince(historyStart(world.clock.nowMs(), historyWindowMs))
    this.#state.snapshots.releaseCount++
  }

  #hasGarbage(): boolean {
    return this.#state.maps().some(({ collection, map }) => this.#isDue(map, collection.documentCount))
  }

  /** Whether a sweep of the map is worth its walk: for what has come since the last one, or after a while for less. */
  #isDue(map: VersionedMap, documentCount: number): boolean {
    if (map.supersededCount === 0) return false
    const nowMs = this.#engine.world.clock.monotonicMs()
    const { releaseCount } = this.#state.snapshots
    const last = this.#sweeps.get(map)
    if (last === undefined) {
      this.#sweeps.set(map, { atMs: nowMs, left: 0, releaseCount: -1 })
      return false
    }
    if (last.releaseCount === releaseCount) return false
    const { vacuumEntries, vacuumShare, vacuumRestMs } = this.#engine.vacuumSettings
    const found = Math.max(1, map.supersededCount - last.left)
    if (found >= Math.max(vacuumEntries, vacuumShare * documentCount)) return true
    const restMs = Math.max(vacuumRestMs, this.#engine.historyWindowMs / 10)
    return nowMs - last.atMs >= restMs * Math.max(1, documentCount / (found * entriesPerFind))
  }

  #startCheckpoint(): void {
    this.#lastCheckpointMs = this.#engine.world.clock.monotonicMs()
    this.#wroteSinceCheckpoint = false
    this.#checkpoint = this.#engine
      .checkpoint()
      .catch((error: unknown) => {
        // The engine has said what is final; a full disk is for the next one to try again.
        this.#wroteSinceCheckpoint = true
        if (!isOutOfDiskSpace(error)) this.#engine.fail(error)
      })
      .finally(() => {
        this.#checkpoint = undefined
      })
  }

  /** A full disk is for the next pass to try again; any other failure is final. */
  async #expire(): Promise<void> {
    const { clock } = this.#engine.world
    try {
      this.expiredDocumentCount += await sweepExpired({
        collections: () => this.#state.catalog.all(),
        nowMs: () => clock.nowMs(),
        write: (body) => this.#engine.write(body),
        yield: async () => {
          await clock.yield()
          await this.#engine.writable
          return !this.#stopped
        },
      })
      await this.#sweepSessions()
      this.expiryPassCount++
    } catch (error) {
      if (!(error instanceof DatabaseError)) this.#engine.fail(error)
    }
  }

  /** Drops the records of sessions that have not written for long. */
  async #sweepSessions(): Promise<void> {
    const { clock } = this.#engine.world
    const untilMs = clock.nowMs() - this.#engine.options.sessionRecordLifetimeMs
    for (let complete = false; !complete && !this.#stopped; ) {
      await this.#engine.writable
      const slice = this.#state.sessions.sweepSlice(untilMs, vacuumSliceEntries)
      if (slice.removed > 0) this.#noteUnlogged()
      complete = slice.complete
      await clock.yield()
    }
  }

  #startVacuum(): void {
    this.#vacuum ??= this.#sweepAll((map, count) => this.#isDue(map, count)).finally(() => {
      this.#vacuum = undefined
    })
    this.#vacuum.catch((error: unknown) => this.#engine.fail(error))
  }

  /** Sweeps the maps that `isDue` says. */
  async #sweepAll(isDue: (map: VersionedMap, documentCount: number) => boolean): Promise<number> {
    const { snapshots } = this.#state
    const { clock } = this.#engine.world
    const startedMs = clock.monotonicMs()
    let removed = 0
    /** Since the last rest. */
    let workedMs = 0
    for (const { collection, map } of this.#state.maps()) {
      if (map.supersededCount === 0 || map.tree.dropped || !isDue(map, collection.documentCount)) continue
      const { releaseCount } = snapshots
      const countBefore = map.supersededCount
      const sweep = new VacuumSweep(map, snapshots)
      let before = 0
      for (let complete = false; !complete && !this.#stopped && !map.tree.dropped; ) {
        const { writable } = this.#engine
        if (writable !== undefined) {
          // What it would find now is what that commit needs.
          await writable
          continue
        }
        const sliceStartMs = clock.monotonicMs()
        complete = sweep.slice(vacuumSliceEntries)
        workedMs += clock.monotonicMs() - sliceStartMs
        if (sweep.removedCount > before) {
          // A checkpoint between two slices has the map's count as it is then.
          collection.recordSetChanged = true
          this.#noteUnlogged()
        }
        before = sweep.removedCount
        if (complete) break
        await clock.yield()
        if (workedMs < vacuumTurnMs) continue
        if (this.#othersWrite()) {
          const isBehind = map.supersededCount > countBefore
          await this.#rest(workedMs * (isBehind ? vacuumRestShareBehind : vacuumRestShare))
        }
        workedMs = 0
      }
      this.#sweeps.set(map, { atMs: clock.monotonicMs(), left: map.supersededCount, releaseCount })
      removed += sweep.removedCount
    }
    this.vacuumedEntryCount += removed
    this.vacuumRunCount++
    this.lastVacuumMs = clock.monotonicMs() - startedMs
    return removed
  }

  /** Whether anything was written lately. */
  #othersWrite(): boolean {
    const { lastIndex, world } = this.#engine
    const nowMs = world.clock.monotonicMs()
    if (lastIndex !== this.#seenIndex) {
      this.#seenIndex = lastIndex
      this.#seenIndexMs = nowMs
    }
    return nowMs - this.#seenIndexMs < quietMs
  }

  /** In whole milliseconds: a timer leaves out what is beyond them, which would be a tenth of the rest. */
  #rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#engine.world.clock.setTimer(Math.ceil(ms), resolve, true)
    })
  }

  #startFreeing(): void {
    this.#freeing ??= this.#freeDropped()
      .catch((error: unknown) => this.#engine.fail(error))
      .finally(() => {
        this.#freeing = undefined
      })
  }

  async #freeDropped(): Promise<void> {
    const { clock } = this.#engine.world
    const { droppedTrees } = this.#state
    for (let complete = false; !complete; ) {
      await clock.yield()
      await this.#engine.writable
      if (this.#stopped) return
      this.#noteUnlogged()
      const endMs = clock.monotonicMs() + freeSliceMs
      for (let pages = 0; !complete && pages < freeSlicePages && clock.monotonicMs() < endMs; pages += freeStepPages) {
        complete = droppedTrees.freeSlice(freeStepPages)
      }
    }
  }

  /** Pages were changed without a log entry: a checkpoint has something to do. */
  #noteUnlogged(): void {
    this.#state.changedUnlogged = true
    this.#wroteSinceCheckpoint = true
  }
}
