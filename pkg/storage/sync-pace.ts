/**
 * Whether the log waits for the next sync on this thread, or has another one do it.
 *
 *   quick disk                    on this thread: handing over costs more than the sync
 *   slow disk, busy thread        on another: this one has better things to do
 *   slow disk, idle thread        on this one again: nobody gains by the way there and back, which is long on a busy machine.
 *                                 Now and then a sync is handed over all the same, to see whether the thread is still idle.
 *
 * How long the disk takes is the median of the last few syncs. A mean would be governed by the few that met somebody else's writing, and
 * by those that were waited for from another thread while this one was busy.
 */
const sampleCount = 9
/** A sync that takes less is quick. */
const quickMs = 1
/** One that takes more is never waited for on this thread: who comes in between must not be kept so long. */
const longestMs = 5
/** So many syncs in a row, the thread was idle during each, make an idle thread. */
const idleSyncs = 4
/** During a sync the thread may be busy for this share of it, with what the sync's own writer does. */
const busyShareMax = 1 / 8
const blockingSyncsPerLook = 32

export class SyncPace {
  readonly #samples = new Float64Array(sampleCount)
  readonly #sorted = new Float64Array(sampleCount)
  #next = 0
  /** Syncs on another thread in a row during which this one was idle. */
  #idleStreak = 0
  #sinceLook = 0

  /** Whether the next sync is to be waited for on this thread. */
  get blocks(): boolean {
    const medianMs = this.medianMs
    if (medianMs < quickMs) return true
    return medianMs < longestMs && this.#idleStreak >= idleSyncs && this.#sinceLook < blockingSyncsPerLook
  }

  /** 0 until there are enough syncs to tell. */
  get medianMs(): number {
    this.#sorted.set(this.#samples)
    return this.#sorted.sort()[sampleCount >>> 1]!
  }

  /** A sync on this thread took so long. */
  noteBlocking(ms: number): void {
    this.#note(ms)
    this.#sinceLook++
  }

  /** A sync on another thread took so long, and for this much of it this thread had nothing to do. */
  noteHandedOver(ms: number, idleMs: number): void {
    this.#note(ms)
    this.#sinceLook = 0
    if (ms - idleMs <= ms * busyShareMax) this.#idleStreak++
    else this.#idleStreak = 0
  }

  #note(ms: number): void {
    this.#samples[this.#next] = ms
    this.#next = (this.#next + 1) % sampleCount
  }
}
