/**
 * What planning remembers of a collection: statistics of its indexes, and the plans that queries of each shape took. It lives as long as
 * the collection is open, is nowhere on disk, and is bounded over all collections together.
 */
import { BoundedRoom } from './bounded-room.ts'
import { PlanCache } from './plan-cache.ts'
import type { QuerySource } from './plan-source.ts'
import { type CollectionStatistics, Sampling } from './statistics.ts'

const statisticsRoom = new BoundedRoom(32 * 1024 * 1024)

export class PlanMemory {
  readonly cache = new PlanCache()
  #statistics: CollectionStatistics | undefined
  #lodger: { readonly weight: number; forget(): void } | undefined
  #sampling: Sampling | undefined

  get statistics(): CollectionStatistics | undefined {
    return this.#statistics
  }

  /** A plan was asked for that statistics would have helped with, and there are none, or old ones. */
  wantsSampling = false

  /** Goes on with taking statistics, by one key; true when they are taken. */
  sample(source: QuerySource): boolean {
    this.#sampling ??= new Sampling(source)
    const statistics = this.#sampling.step()
    if (statistics === undefined) return false
    this.#sampling = undefined
    this.wantsSampling = false
    if (this.#lodger !== undefined) statisticsRoom.leave(this.#lodger)
    this.#statistics = statistics
    const lodger = {
      weight: statistics.sizeBytes,
      forget: () => {
        this.#statistics = undefined
        this.#lodger = undefined
      },
    }
    this.#lodger = lodger
    statisticsRoom.use(lodger)
    return true
  }

  /** For planning: notes that statistics are of use, and whether they want to be taken anew. */
  useStatistics(source: QuerySource): CollectionStatistics | undefined {
    if (this.#lodger !== undefined) statisticsRoom.use(this.#lodger)
    const statistics = this.#statistics
    if (statistics === undefined ? source.documentCount >= documentsMin : statistics.isStale(source))
      this.wantsSampling = true
    return statistics
  }
}

/** Collections of fewer documents are queried quickly by any plan. */
const documentsMin = 100

const memories = new WeakMap<QuerySource, PlanMemory>()

export function planMemoryOf(source: QuerySource): PlanMemory {
  let memory = memories.get(source)
  if (memory === undefined) {
    memory = new PlanMemory()
    memories.set(source, memory)
  }
  return memory
}
