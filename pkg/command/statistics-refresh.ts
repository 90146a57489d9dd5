/**
 * Takes the statistics of collections that a plan was chosen for without them, or with old ones: in slices, one collection after
 * the other, while other requests go on.
 */
import type { Collection } from '../engine/collection.ts'
import type { Engine } from '../engine/engine.ts'
import type { Clock } from '../io/clock.ts'
import { planMemoryOf } from '../query/plan-memory.ts'

/** How long a slice may take before others get their turn. */
const sliceMs = 2

export class StatisticsRefresh {
  readonly #clock: Clock
  readonly #engine: Engine
  readonly #waiting = new Set<Collection>()
  readonly #onFailure: (error: unknown) => void
  #running: Promise<void> | undefined
  #closed = false

  constructor(clock: Clock, engine: Engine, onFailure: (error: unknown) => void) {
    this.#clock = clock
    this.#engine = engine
    this.#onFailure = onFailure
  }

  /** To be called after a plan was chosen for the collection. What a transaction sees of one is gone too soon for statistics. */
  note(collection: Collection): void {
    if (this.#closed || !planMemoryOf(collection).wantsSampling || this.#waiting.has(collection)) return
    if (this.#engine.collection(collection.database, collection.name) !== collection) return
    this.#waiting.add(collection)
    this.#running ??= this.#run()
      .catch(this.#onFailure)
      .finally(() => {
        this.#running = undefined
      })
  }

  /** Resolves when no statistics are being taken. */
  async idle(): Promise<void> {
    await this.#running
  }

  close(): void {
    this.#closed = true
    this.#waiting.clear()
  }

  async #run(): Promise<void> {
    for (const collection of this.#waiting) {
      const memory = planMemoryOf(collection)
      for (let done = false; !done; ) {
        await this.#clock.yield()
        if (this.#closed) return
        if (collection.dropped) break
        const endMs = this.#clock.monotonicMs() + sliceMs
        do done = memory.sample(collection)
        while (!done && this.#clock.monotonicMs() < endMs)
      }
      this.#waiting.delete(collection)
    }
  }
}
