/**
 * Checkpoints of an engine: what is in memory goes to the data file, and what the log has of it is let go.
 *
 * One is written at a time, from an image that is taken in one turn, while no commit is being applied in slices.
 */
import type { LogIndex, Term } from '../base/ids.ts'
import { type Timestamp, timestampMax, timestampOf } from '../base/timestamp.ts'
import type { Clock } from '../io/clock.ts'
import { isOutOfDiskSpace } from '../storage/data-file.ts'
import type { Log } from '../storage/log.ts'
import type { Store } from '../storage/store.ts'
import { writePayload } from './checkpoint-payload.ts'
import type { EngineOptions } from './options.ts'
import type { Standstill } from './standstill.ts'
import type { State } from './state.ts'

/** What belongs to the image besides what is in the maps. */
export interface EngineHead {
  readonly term: Term
  readonly timestamp: Timestamp
  /** The first entry of the change history; 0: there is none. */
  readonly historyFrom: LogIndex
  readonly oldestReadable: Timestamp
}

/** What they need of the engine around them. */
export interface CheckpointHost {
  readonly store: Store
  readonly log: Log
  readonly state: State
  readonly standstill: Standstill
  readonly clock: Clock
  readonly options: EngineOptions
  head(): EngineHead
  /** Throws once nothing is acknowledged any more. */
  refuseFailed(): void
  fail(error: unknown): void
}

export class Checkpoints {
  readonly #host: CheckpointHost
  #running: Promise<void> | undefined
  /** The last entry that the newest one has; -1: there is none. */
  index: LogIndex
  count = 0
  /** Bytes of the log written since it began. */
  bytesSince: number

  constructor(host: CheckpointHost, index: LogIndex, bytesSince: number) {
    this.#host = host
    this.index = index
    this.bytesSince = bytesSince
  }

  /** The one that is being written. */
  get running(): Promise<void> | undefined {
    return this.#running
  }

  /** Writes one. A call while another is written, or during a standstill, waits. */
  async run(): Promise<void> {
    const { standstill } = this.#host
    while (this.#running !== undefined || standstill.over !== undefined) {
      await this.#running
      await standstill.over
    }
    this.#host.refuseFailed()
    this.#running = this.#write()
      .catch((error: unknown) => {
        // A full disk is for the next checkpoint to try again; any other failure is final.
        if (!isOutOfDiskSpace(error)) this.#host.fail(error)
        throw error
      })
      .finally(() => {
        this.#running = undefined
      })
    await this.#running
  }

  async #write(): Promise<void> {
    const { store, log, state } = this.#host
    const index = log.lastIndex
    if (index === this.index && !state.changedUnlogged) return
    state.changedUnlogged = false
    this.bytesSince = 0
    state.writeCatalog()
    const { term, timestamp, historyFrom, oldestReadable } = this.#host.head()
    const frozen = store.freeze({
      logIndex: index,
      term,
      timestamp,
      catalogRoot: state.catalogTree.root,
      payload: writePayload(state.nextCollectionId, state.sessions.root, historyFrom, oldestReadable),
    })
    try {
      await log.durable(index)
      await store.publish(frozen)
    } catch (error) {
      state.changedUnlogged = true
      throw error
    }
    this.index = index
    this.count++
    this.#truncateLog()
  }

  /** Lets go of the entries that neither recovery nor change history needs. */
  #truncateLog(): void {
    const { store, log, clock, options } = this.#host
    const needed = (store.oldestLogIndexNeeded() + 1) as LogIndex
    if (this.#host.head().historyFrom === 0) {
      log.truncateBefore(needed)
      return
    }
    const { oplogSizeBytes, oplogMinRetentionHours } = options
    const seconds = Math.floor(clock.nowMs() / 1000 - oplogMinRetentionHours * 3600)
    const since = oplogMinRetentionHours === 0 ? timestampMax : timestampOf(Math.max(0, seconds), 0)
    const kept = log.oldestWithin(oplogSizeBytes, since)
    log.truncateBefore(Math.min(needed, kept) as LogIndex)
  }
}
