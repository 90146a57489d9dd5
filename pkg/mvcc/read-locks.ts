/**
 * What a transaction that locks what it reads has locked: keys, and ranges as far as its walks have come. Whoever would write there
 * waits for its end.
 *
 * A key that has been written since the moment that is read at is locked, too, but what was read there is old: the WriteConflict names the key,
 * so that the statement is done again at a later moment, with what it has locked by then.
 */
import type { Timestamp } from '../base/timestamp.ts'
import { lockKey } from './lock-key.ts'
import type { LockOwner, LockTable } from './lock-table.ts'
import type { RangeLock } from './range-locks.ts'
import type { ReadRange } from './read-set.ts'
import type { RecentWrites } from './recent-writes.ts'
import type { WalkedRange } from './tracked-cursor.ts'
import type { VersionedMap } from './versioned-map.ts'
import { WriteConflict } from './write-conflict.ts'

/** The first key of the map in the range that another open transaction has written before the range was locked, and which. */
export type PendingIn = (
  map: VersionedMap,
  range: ReadRange,
) => { readonly owner: LockOwner; readonly key: string } | undefined

/** Beyond so many keys of one map, all of it is locked. */
const keysMax = 10_000

export class ReadLocks {
  readonly #locks: LockTable
  readonly #recentWrites: RecentWrites
  readonly #owner: LockOwner
  readonly #pendingIn: PendingIn
  /** Keys locked one by one, by the space they are in. */
  readonly #keyCounts = new Map<number, number>()

  constructor(locks: LockTable, recentWrites: RecentWrites, owner: LockOwner, pendingIn: PendingIn) {
    this.#pendingIn = pendingIn
    this.#locks = locks
    this.#recentWrites = recentWrites
    this.#owner = owner
  }

  /** Before a key is read as of `at`. Throws WriteConflict when somebody else is writing it, or has written it since. */
  point(map: VersionedMap, key: Uint8Array, keyLength: number, at: Timestamp): void {
    const space = map.tree.root
    const text = lockKey(key, keyLength)
    if (!this.#locks.hasWhole(space, this.#owner)) {
      const { length } = this.#owner.locks
      if (!this.#locks.take(space, text, 'read', this.#owner))
        throw new WriteConflict({ space, key: text, mode: 'read' })
      if (this.#owner.locks.length > length) this.#countKey(space)
    }
    if (map.changedSince(key, keyLength, at)) throw new WriteConflict({ space, key: text, mode: 'read' })
  }

  /** A range for a walk of the map as of `at`, which is noted in `noted` as well. */
  range(map: VersionedMap, at: Timestamp, noted: ReadRange): WalkedRange {
    const space = map.tree.root
    const isWhole = this.#locks.hasWhole(space, this.#owner)
    if (!isWhole && this.#locks.hasManyRanges(space, this.#owner)) this.#lockWhole(space)
    const lock = this.#locks.newRange(space, this.#owner)
    return new LockedRange(noted, () => this.#widen(lock, map, at, noted))
  }

  #countKey(space: number): void {
    const count = (this.#keyCounts.get(space) ?? 0) + 1
    this.#keyCounts.set(space, count)
    if (count > keysMax) this.#lockWhole(space)
  }

  #lockWhole(space: number): void {
    const blocked = this.#locks.widenToWhole(space, this.#owner)
    if (blocked !== undefined) throw new WriteConflict({ space, key: blocked, mode: 'read' })
  }

  #widen(lock: RangeLock, map: VersionedMap, at: Timestamp, noted: ReadRange): void {
    const { space } = lock
    const blocked = this.#obstacleIn(map, at, noted, space) ?? this.#locks.widen(lock, noted.lowerKey, noted.upperKey)
    if (blocked === undefined) return
    // What the walk does not come to is not read.
    if (lock.isEmpty) noted.forget()
    else noted.narrow(lock.lower, lock.upper)
    throw new WriteConflict({ space, key: blocked, mode: 'read' })
  }

  /** A key in the range that an open transaction has written, or somebody since `at`. */
  #obstacleIn(map: VersionedMap, at: Timestamp, noted: ReadRange, space: number): string | undefined {
    const pending = this.#pendingIn(map, noted)
    if (pending !== undefined) {
      // Entries that are not unique are not locked by who writes them.
      this.#locks.take(space, pending.key, 'write', pending.owner)
      return pending.key
    }
    if (map.newest <= at) return undefined
    const written = this.#recentWrites.find(
      noted.since,
      (where, key) => where === map && noted.includes(key, key.length),
    )
    return written && lockKey(written, written.length)
  }
}

class LockedRange implements WalkedRange {
  readonly #noted: ReadRange
  readonly #widen: () => void

  constructor(noted: ReadRange, widen: () => void) {
    this.#noted = noted
    this.#widen = widen
  }

  setLower(key: Uint8Array | undefined, length: number): void {
    this.#noted.setLower(key, length)
  }

  setUpper(key: Uint8Array | undefined, length: number): void {
    this.#noted.setUpper(key, length)
  }

  reached(): void {
    this.#widen()
  }
}
