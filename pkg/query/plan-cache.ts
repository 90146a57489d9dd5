/**
 * The plans that queries of a shape took, so that the next one need not try them out again.
 *
 *   none -- a plan won --> inactive -- a plan won with no more works --> active -- works > 10 x --> inactive
 *
 * An active entry's plan is taken without asking; an inactive one only says how many works a plan may take to be trusted: a plan that
 * took more doubles that number instead. "Works" are keys and documents looked at until the first rows were found.
 *
 * INVARIANTS
 *  (1) Entries are of the indexes as they are: when one is added, dropped, or its definition changes, all are forgotten.
 *  (2) Entries of all collections together are at most `entriesMax`; those used longest ago go first.
 */
import { buildDocument, rawDocument } from '../bson/build.ts'
import type { IndexDefinition } from '../index/definition.ts'
import { BoundedRoom } from './bounded-room.ts'
import { describePlan } from './plan-describe.ts'
import { indexesOf, solutionOf } from './plan-solution.ts'
import type { QuerySource } from './plan-source.ts'
import type { TrialResult } from './plan-trial.ts'

const entriesMax = 5000
const growth = 2
/** Of longer queries neither filter nor plan is kept. */
const originLengthMax = 4096

/** A query as it was given, for those who ask what is in the cache. */
export interface QueryOrigin {
  readonly query: Uint8Array
  readonly sort: Uint8Array | undefined
  readonly projection: Uint8Array | undefined
  nowMs(): number
}

export interface CacheKey {
  /** `queryShape`. */
  readonly shape: string
  /** The shape, and which indexes may be used for a query of it. */
  readonly key: string
}

/** How one candidate did, without what it points to. */
export type CandidateResult = Omit<TrialResult, 'node'>

export class CacheEntry {
  readonly weight = 1
  readonly #owner: Map<string, CacheEntry>
  readonly key: CacheKey
  readonly solution: string
  readonly indexes: ReadonlySet<string>
  /** The plan as explain shows it, a document. */
  readonly plan: Uint8Array
  /** Best first. */
  readonly results: readonly CandidateResult[]
  /** The query that the entry was made for, a document; undefined when it is not known or too long to keep. */
  readonly origin: Uint8Array | undefined
  readonly createdAtMs: number
  works: number
  isActive: boolean

  /** Keeps nothing of `results` and `origin` that points into a message. */
  constructor(
    owner: Map<string, CacheEntry>,
    key: CacheKey,
    results: readonly TrialResult[],
    origin: QueryOrigin | undefined,
    isActive: boolean,
  ) {
    const { node, works } = results[0]!
    this.#owner = owner
    this.key = key
    this.solution = solutionOf(node)
    this.indexes = new Set(indexesOf(node))
    this.results = results.map(({ node: _, ...result }) => result)
    const isShort = origin !== undefined && origin.query.length <= originLengthMax
    this.plan = isShort ? buildDocument(describePlan(node, { filterDocument: origin.query })) : emptyDocument
    this.origin = isShort ? originDocument(origin) : undefined
    this.createdAtMs = origin?.nowMs() ?? 0
    this.works = works
    this.isActive = isActive
  }

  /** About how much memory it takes. */
  get sizeBytes(): number {
    const { shape, key } = this.key
    return (
      400 + 2 * (shape.length + key.length) + this.plan.length + (this.origin?.length ?? 0) + 120 * this.results.length
    )
  }

  forget(): void {
    if (this.#owner.get(this.key.key) === this) this.#owner.delete(this.key.key)
  }
}

const emptyDocument = new Uint8Array([5, 0, 0, 0, 0])

function originDocument({ query, sort, projection }: QueryOrigin): Uint8Array {
  return buildDocument({
    query: rawDocument(query),
    sort: rawDocument(sort ?? emptyDocument),
    projection: rawDocument(projection ?? emptyDocument),
  })
}

const room = new BoundedRoom(entriesMax)

export class PlanCache {
  readonly #entries = new Map<string, CacheEntry>()
  #definitions: readonly IndexDefinition[] = []

  /** The entry whose plan a query of the key is to take. */
  active(source: QuerySource, key: CacheKey): CacheEntry | undefined {
    this.#follow(source)
    const entry = this.#entries.get(key.key)
    if (entry?.isActive !== true) return undefined
    room.use(entry)
    return entry
  }

  /** Whether it holds nothing, so that no key needs to be made. */
  get isEmpty(): boolean {
    return this.#entries.size === 0
  }

  /** `results`: how the candidates did, best first. */
  decided(source: QuerySource, key: CacheKey, results: readonly TrialResult[], origin: QueryOrigin | undefined): void {
    this.#follow(source)
    const { works } = results[0]!
    const old = this.#entries.get(key.key)
    if (old === undefined) this.#put(new CacheEntry(this.#entries, key, results, origin, false))
    else if (works <= old.works) this.#put(new CacheEntry(this.#entries, key, results, origin, true))
    else if (!old.isActive) old.works = Math.max(old.works + 1, old.works * growth)
  }

  /** The entry's plan took far more works than it did when it was tried. */
  deactivate(entry: CacheEntry): void {
    entry.isActive = false
  }

  all(source: QuerySource): readonly CacheEntry[] {
    this.#follow(source)
    return [...this.#entries.values()]
  }

  /** Forgets the plans of one shape, or all. */
  clear(shape?: string): void {
    for (const entry of [...this.#entries.values()]) {
      if (shape !== undefined && entry.key.shape !== shape) continue
      room.leave(entry)
      entry.forget()
    }
  }

  #put(entry: CacheEntry): void {
    const old = this.#entries.get(entry.key.key)
    if (old !== undefined) room.leave(old)
    this.#entries.set(entry.key.key, entry)
    room.use(entry)
  }

  #follow({ indexes }: QuerySource): void {
    const known = this.#definitions
    if (known.length === indexes.length && indexes.every(({ definition }, i) => definition === known[i])) return
    this.clear()
    this.#definitions = indexes.map(({ definition }) => definition)
  }
}
