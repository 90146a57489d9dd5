/**
 * When nobody may write: while a commit is being applied in slices, or everything is being checked. Others read.
 *
 * INVARIANT: there is one at a time. Whoever begins one has seen in the same turn that there is none.
 */
import { assert } from '../base/assert.ts'
import type { LogIndex } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import type { Clock } from '../io/clock.ts'
import type { SlicedCommit } from './sliced-commit.ts'

/** How long a slice takes. */
export const sliceMs = 4

/** What it needs of the engine around it. */
export interface StandstillHost {
  readonly clock: Clock
  readonly sliceOperations: number
  readonly sliceBytes: number
  /** Throws once nothing is acknowledged any more. */
  refuseFailed(): void
  fail(error: unknown): void
}

export class Standstill {
  readonly #host: StandstillHost
  #commit: Timestamp | undefined
  #over: Promise<void> | undefined

  constructor(host: StandstillHost) {
    this.#host = host
  }

  /** When it is over; undefined: there is none. */
  get over(): Promise<void> | undefined {
    return this.#over
  }

  /** The timestamp of the commit that is being applied. */
  get commit(): Timestamp | undefined {
    return this.#commit
  }

  /** Nobody writes until `work` is done. */
  async during<Result>(work: () => Promise<Result>): Promise<Result> {
    assert(this.#over === undefined, 'there is one standstill at a time')
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#over = promise
    try {
      return await work()
    } finally {
      this.#over = undefined
      this.#commit = undefined
      resolve()
    }
  }

  /** Applies the commit, and appends its entry in the turn in which it is seen. `begun`: its first turn is over. */
  apply(commit: SlicedCommit, append: () => LogIndex, begun: boolean): Promise<LogIndex> {
    this.#commit = commit.timestamp
    return this.during(async () => {
      try {
        await this.#applySlices(commit, begun)
        commit.publish()
        return append()
      } catch (error) {
        this.#host.fail(error)
        throw error
      }
    })
  }

  async #applySlices(commit: SlicedCommit, begun: boolean): Promise<void> {
    const { clock, sliceOperations: operations, sliceBytes: bytes } = this.#host
    const nowMs = () => clock.monotonicMs()
    for (let yields = begun; ; yields = true) {
      if (yields) {
        await clock.yield()
        this.#host.refuseFailed()
      }
      if (commit.slice({ operations, bytes, endMs: nowMs() + sliceMs, nowMs })) return
    }
  }
}
