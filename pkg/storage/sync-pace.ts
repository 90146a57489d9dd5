/**
 * When the log's next sync begins, and whether the log waits for it on this thread or has another one do it.
 *
 *   one writer, again and again   at once, on a quick disk: nobody else would share the sync
 *   several                       when this turn of the event loop is over: whoever is to write in it shares the sync
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
/** After so many syncs that served one writer each, the next one is thought to be of that writer, too. */
const aloneSyncs = 8
/** Then so many begin at once before the next waits for the turn's end, to see whether others have come, and to let them in. */
const syncsAtOncePerLook = 8

export class SyncPace {
  readonly #samples = new Float64Array(sampleCount)
  /** The same, ascending. */
  readonly #sorted = new Float64Array(sampleCount)
  #next = 0
  #medianMs = 0
  /** Syncs on another thread in a row during which this one was idle. */
  #idleStreak = 0
  #sinceLook = 0
  /** Syncs in a row that served one writer. */
  #aloneStreak = 0
  #atOnce = 0

  /** Whether the next sync is to be waited for on this thread. */
  get blocks(): boolean {
    const medianMs = this.#medianMs
    if (medianMs < quickMs) return true
    return medianMs < longestMs && this.#idleStreak >= idleSyncs && this.#sinceLook < blockingSyncsPerLook
  }

  /** 0 until there are enough syncs to tell. */
  get medianMs(): number {
    return this.#medianMs
  }

  /** Whether one who asks for a sync now, the first since the last one, is to have it at once, on this thread. */
  beginsAtOnce(): boolean {
    if (this.#aloneStreak < aloneSyncs || this.#medianMs >= quickMs) return false
    if (this.#atOnce < syncsAtOncePerLook) {
      this.#atOnce++
      return true
    }
    this.#atOnce = 0
    return false
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

  /** A sync has served so many, and so many others wait for the next. */
  noteServed(served: number, waiting: number): void {
    if (served + waiting !== 1) this.#aloneStreak = 0
    else if (this.#aloneStreak < aloneSyncs) this.#aloneStreak++
  }

  #note(ms: number): void {
    const sorted = this.#sorted
    const oldest = this.#samples[this.#next]!
    this.#samples[this.#next] = ms
    this.#next = (this.#next + 1) % sampleCount
    // The new one takes the oldest one's place and goes on from there to its own.
    let place = 0
    while (sorted[place] !== oldest) place++
    for (; place + 1 < sampleCount && sorted[place + 1]! < ms; place++) sorted[place] = sorted[place + 1]!
    for (; place > 0 && sorted[place - 1]! > ms; place--) sorted[place] = sorted[place - 1]!
    sorted[place] = ms
    this.#medianMs = sorted[sampleCount >>> 1]!
  }
}
