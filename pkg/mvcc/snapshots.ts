/**
 * Which moments readers may still look at, and so which superseded versions must be kept.
 *
 * INVARIANTS
 *  (1) A version written at `from` and superseded at `until` is kept while some open snapshot S has
 *      from <= S < until, or `until` lies inside the history window.
 *  (2) What is kept for nobody is dropped by the next write to the key, or by vacuum.
 */
import { assert } from '../base/assert.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { timestampMax, timestampMin } from '../base/timestamp.ts'
import { RecentWrites } from './recent-writes.ts'

/** A moment at which a reader looks; the versions it needs stay until `release`. */
export interface Snapshot {
  readonly timestamp: Timestamp
  /** Safe to call twice. */
  release(): void
}

export class Snapshots {
  /** What is written while serializable transactions are open. */
  readonly recentWrites = new RecentWrites()
  /** Timestamps of open snapshots, ascending, with repeats. */
  readonly #open: Timestamp[] = []
  #historyFrom: Timestamp | undefined
  /** What is newer is not to be seen yet: a commit that is applied in slices. */
  visible: Timestamp = timestampMax
  /** Grows with every release: vacuum has something new to look at. */
  releaseCount = 0

  get openCount(): number {
    return this.#open.length
  }

  /** The oldest open snapshot's timestamp. */
  get oldest(): Timestamp | undefined {
    return this.#open[0]
  }

  open(timestamp: Timestamp): Snapshot {
    let at = this.#open.length
    while (at > 0 && this.#open[at - 1]! > timestamp) at--
    if (at === this.#open.length) this.#open.push(timestamp)
    else this.#open.splice(at, 0, timestamp)
    return new OpenSnapshot(timestamp, this)
  }

  /** One of that moment is open no more. */
  release(timestamp: Timestamp): void {
    const open = this.#open
    const place = open.lastIndexOf(timestamp)
    assert(place >= 0, 'a released snapshot is open')
    if (place === open.length - 1) open.pop()
    else open.splice(place, 1)
    this.releaseCount++
  }

  /** Versions superseded after `timestamp` are history that may still be asked for; `undefined`: no history window. */
  keepHistorySince(timestamp: Timestamp | undefined): void {
    if (timestamp !== undefined && this.#historyFrom !== undefined && timestamp < this.#historyFrom) return
    this.#historyFrom = timestamp
  }

  /** Whether a version written at `from` and superseded at `until` may still be read. */
  needs(from: Timestamp, until: Timestamp): boolean {
    if (this.#historyFrom !== undefined && until > this.#historyFrom) return true
    const open = this.#open
    if (open.length === 0) return false
    let low = 0
    let high = open.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (open[middle]! < from) low = middle + 1
      else high = middle
    }
    return low < open.length && open[low]! < until
  }

  /** What `keepHistorySince` was told last. */
  get historyFrom(): Timestamp | undefined {
    return this.#historyFrom
  }

  /** Every version superseded at or before this moment is needed by nobody. */
  get horizon(): Timestamp {
    return this.#open[0] ?? this.#historyFrom ?? timestampMin
  }
}

class OpenSnapshot implements Snapshot {
  readonly timestamp: Timestamp
  /** undefined: it was released. */
  #snapshots: Snapshots | undefined

  constructor(timestamp: Timestamp, snapshots: Snapshots) {
    this.timestamp = timestamp
    this.#snapshots = snapshots
  }

  release(): void {
    this.#snapshots?.release(this.timestamp)
    this.#snapshots = undefined
  }
}
