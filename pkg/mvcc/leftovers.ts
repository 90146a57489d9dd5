/**
 * Versions that were superseded while somebody could look at them, in the order in which that happened: so that the writes that follow drop
 * them as soon as nobody can, and a map that is written by many at once has next to none. Vacuum is for what is forgotten here: what comes
 * when there is no more room, and what was there before the process began.
 */
import type { Timestamp } from '../base/timestamp.ts'
import type { Snapshots } from './snapshots.ts'
import { versionSuffixLength } from './version-key.ts'

/** Longer keys, of some indexes, are left to vacuum. */
const leftoverKeyMax = 8
const capacity = 1024

export class Leftovers {
  /** A ring of `#count` from `#first` on. */
  readonly #keys = new Uint8Array(capacity * leftoverKeyMax)
  readonly #keyLengths = new Uint8Array(capacity)
  readonly #written = new Float64Array(capacity)
  readonly #superseded = new Float64Array(capacity)
  #first = 0
  #count = 0
  /** The version that `take` found: its key, with room for the version behind it, and when it was written. */
  readonly key = new Uint8Array(leftoverKeyMax + versionSuffixLength)
  keyLength = 0
  written = 0 as Timestamp

  /** The version of `key` that was written at `written` and superseded at `superseded`. When there is no room, the oldest is forgotten. */
  add(key: Uint8Array, keyLength: number, written: Timestamp, superseded: Timestamp): void {
    if (keyLength > leftoverKeyMax) return
    if (this.#count === capacity) this.#drop()
    const at = (this.#first + this.#count++) % capacity
    const start = at * leftoverKeyMax
    for (let i = 0; i < keyLength; i++) this.#keys[start + i] = key[i]!
    this.#keyLengths[at] = keyLength
    this.#written[at] = written
    this.#superseded[at] = superseded
  }

  /** Takes out the oldest, unless it is needed still. */
  take(snapshots: Snapshots): boolean {
    if (this.#count === 0) return false
    const at = this.#first
    const written = this.#written[at]! as Timestamp
    if (snapshots.needs(written, this.#superseded[at]! as Timestamp)) return false
    const start = at * leftoverKeyMax
    this.keyLength = this.#keyLengths[at]!
    for (let i = 0; i < this.keyLength; i++) this.key[i] = this.#keys[start + i]!
    this.written = written
    this.#drop()
    return true
  }

  #drop(): void {
    this.#first = (this.#first + 1) % capacity
    this.#count--
  }
}
