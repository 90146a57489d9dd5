/**
 * What was made for a database, lent to requests: one at a time a name, made anew when it is stale, the one used longest ago stopped when
 * there are too many.
 *
 * INVARIANTS
 *  (1) Nothing is stopped before all who borrowed it have given it back.
 *  (2) Everything that was made and left the cache is stopped once.
 *  (3) There are more than `entriesMax` only as long as more than that are in use.
 */

export interface Maker<Version, Made> {
  readonly entriesMax: number
  make(name: string, version: Version): Promise<Made>
  /** Must not reject. */
  stop(made: Made): Promise<void>
}

/** Something borrowed; `release` gives it back, once however often it is called. */
export interface Lease<Made> {
  readonly made: Made
  release(): void
}

interface Entry<Version, Made> {
  readonly version: Version
  readonly making: Promise<Made>
  uses: number
  isInCache: boolean
}

export class SchemaCache<Version, Made> {
  readonly #maker: Maker<Version, Made>
  /** By name, the one used longest ago first. */
  readonly #entries = new Map<string, Entry<Version, Made>>()
  readonly #stopping = new Set<Promise<void>>()

  constructor(maker: Maker<Version, Made>) {
    this.#maker = maker
  }

  /** What is there under a name if it `isCurrent`, else a new one of the version `now`. Rejects when that cannot be made. */
  async lend(name: string, isCurrent: (version: Version) => boolean, now: () => Version): Promise<Lease<Made>> {
    let entry = this.#entries.get(name)
    if (entry !== undefined && !isCurrent(entry.version)) {
      this.#remove(name, entry)
      entry = undefined
    }
    entry ??= this.#begin(name, now())
    this.#entries.delete(name)
    this.#entries.set(name, entry)
    return this.#borrow(name, entry)
  }

  /** Stops everything, what is in use as soon as it is not. */
  async close(): Promise<void> {
    for (const [name, entry] of this.#entries) this.#remove(name, entry)
    await Promise.all(this.#stopping)
  }

  #begin(name: string, version: Version): Entry<Version, Made> {
    return { version, making: this.#maker.make(name, version), uses: 0, isInCache: true }
  }

  async #borrow(name: string, entry: Entry<Version, Made>): Promise<Lease<Made>> {
    entry.uses++
    this.#trim()
    try {
      const made = await entry.making
      let isReleased = false
      const release = (): void => {
        if (isReleased) return
        isReleased = true
        entry.uses--
        if (!entry.isInCache) this.#stopUnused(entry)
        this.#trim()
      }
      return { made, release }
    } catch (error) {
      // There is nothing to stop; the next one tries again.
      if (entry.isInCache) this.#entries.delete(name)
      entry.isInCache = false
      throw error
    }
  }

  #trim(): void {
    for (const [name, entry] of this.#entries) {
      if (this.#entries.size <= this.#maker.entriesMax) return
      if (entry.uses === 0) this.#remove(name, entry)
    }
  }

  #remove(name: string, entry: Entry<Version, Made>): void {
    this.#entries.delete(name)
    entry.isInCache = false
    this.#stopUnused(entry)
  }

  #stopUnused(entry: Entry<Version, Made>): void {
    if (entry.uses > 0) return
    const stopping = entry.making.then((made) => this.#maker.stop(made)).finally(() => this.#stopping.delete(stopping))
    this.#stopping.add(stopping)
  }
}
