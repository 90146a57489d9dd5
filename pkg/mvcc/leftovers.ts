/**
 * Versions that were superseded while somebody could look at them, in the order in which that happened: so that the writes that follow drop
 * them as soon as nobody can, and a map that is written by many at once has next to none. Vacuum is for what is forgotten here: what comes
 * when there is no more room, and what was there before the process began.
 */
import type { Timestamp } from '../base/timestamp.ts'
import { copyBytes } from '../storage/copy.ts'
import type { Snapshots } from './snapshots.ts'
import { versionSuffixLength } from './version-key.ts'

/** Longer keys, of some indexes, are left to vacuum. */
export const leftoverKeyMax = 8
const capacityMin = 64
const capacityMax = 1024
const growth = 4

/** A ring of versions: key, its length, when it was written and when superseded. */
class Ring {
  readonly keys: Uint8Array
  readonly keyLengths: Uint8Array
  readonly written: Float64Array
  readonly superseded: Float64Array
  readonly capacity: number
  first = 0
  count = 0

  constructor(capacity: number) {
    this.capacity = capacity
    this.keys = new Uint8Array(capacity * leftoverKeyMax)
    this.keyLengths = new Uint8Array(capacity)
    this.written = new Float64Array(capacity)
    this.superseded = new Float64Array(capacity)
  }

  add(key: Uint8Array, keyStart: number, keyLength: number, written: number, superseded: number): void {
    const at = (this.first + this.count++) % this.capacity
    copyBytes(key, keyStart, keyStart + keyLength, this.keys, at * leftoverKeyMax)
    this.keyLengths[at] = keyLength
    this.written[at] = written
    this.superseded[at] = superseded
  }

  drop(): void {
    this.first = (this.first + 1) % this.capacity
    this.count--
  }

  /** The same versions with more room. */
  grown(): Ring {
    const ring = new Ring(this.capacity * growth)
    for (; this.count > 0; this.drop()) {
      const at = this.first
      ring.add(this.keys, at * leftoverKeyMax, this.keyLengths[at]!, this.written[at]!, this.superseded[at]!)
    }
    return ring
  }
}

export class Leftovers {
  #ring = new Ring(capacityMin)
  /** The version that `take` found: its key, with room for the version behind it, and when it was written. */
  readonly key = new Uint8Array(leftoverKeyMax + versionSuffixLength)
  keyLength = 0
  written = 0 as Timestamp

  /**
   * The version of `key`, which is no longer than `leftoverKeyMax`, that was written at `written` and superseded at `superseded`. When there is
   * no room, the oldest is forgotten.
   */
  add(key: Uint8Array, keyLength: number, written: Timestamp, superseded: Timestamp): void {
    if (this.#ring.count === this.#ring.capacity) {
      if (this.#ring.capacity < capacityMax) this.#ring = this.#ring.grown()
      else this.#ring.drop()
    }
    this.#ring.add(key, 0, keyLength, written, superseded)
  }

  /** Takes out the oldest, unless it is needed still. */
  take(snapshots: Snapshots): boolean {
    const ring = this.#ring
    if (ring.count === 0) return false
    const at = ring.first
    const written = ring.written[at]! as Timestamp
    if (snapshots.needs(written, ring.superseded[at]! as Timestamp)) return false
    this.keyLength = ring.keyLengths[at]!
    copyBytes(ring.keys, at * leftoverKeyMax, at * leftoverKeyMax + this.keyLength, this.key, 0)
    this.written = written
    ring.drop()
    return true
  }
}
