/**
 * The versioned map: `(key, timestamp) -> value | tombstone` over one B+ tree (`version-key.ts` has the layout).
 *
 * Records and every ordered index are versioned maps; snapshot reads, covered reads and vacuum are written here, once.
 * An empty value is a tombstone, so values are never empty. Writes carry the timestamp of their log entry.
 *
 * INVARIANTS
 *  (1) Timestamps written to one key only grow; writing again at the same timestamp replaces.
 *  (2) `supersededCount` is exact: the entries that are not the live newest version of their key.
 *  (3) A tombstone is in the tree only above a version that some reader may still need, or until vacuum passes.
 */
import { assert } from '../base/assert.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { timestampMax } from '../base/timestamp.ts'
import type { TreeCursor } from '../storage/cursor.ts'
import type { Tree, ValueRef } from '../storage/tree.ts'
import type { KeyMap } from './key-map.ts'
import { Leftovers, leftoverKeyMax } from './leftovers.ts'
import { lockKey } from './lock-key.ts'
import type { LockTable } from './lock-table.ts'
import type { Snapshots } from './snapshots.ts'
import { VersionCursor } from './version-cursor.ts'
import { readVersion, versionSuffixLength, writeVersion } from './version-key.ts'
import { VersionPrefetch } from './version-prefetch.ts'
import { WriteConflict } from './write-conflict.ts'

/** Versions beneath a new one that its write looks at: so many that what has gathered beneath a key becomes less with each. */
const prunedMax = 4
const leftoversPerWrite = 2

const noValue = new Uint8Array(0)

export class VersionedMap implements KeyMap {
  readonly tree: Tree
  readonly #snapshots: Snapshots
  readonly #locks: LockTable | undefined
  /** Entries that are not the live newest version of their key: superseded versions and tombstones. */
  supersededCount: number
  /** The greatest timestamp in the map; greater than every one in it is harmless, less is not. */
  newest: Timestamp
  readonly #cursor: TreeCursor
  /** undefined as long as nothing was superseded that somebody needed. */
  #leftovers: Leftovers | undefined
  #scratch = new Uint8Array(64)
  #scratchLength = 0
  incomplete = false
  #located = false
  #locatedAt: Timestamp = timestampMax
  #userKeyLength = 0
  /** Each key is looked for from where the cursor is after the change of the one before. */
  #ascends = false

  /** `locks`: of open transactions, which writers must not pass. */
  constructor(
    tree: Tree,
    snapshots: Snapshots,
    supersededCount: number,
    newest: Timestamp,
    locks?: LockTable | undefined,
  ) {
    this.tree = tree
    this.#snapshots = snapshots
    this.#locks = locks
    this.supersededCount = supersededCount
    this.newest = newest
    this.#cursor = tree.cursor()
  }

  /** Reads `key` as of `at`. `into` points into a page until the next call on any map or a yield. */
  get(key: Uint8Array, keyLength: number, at: Timestamp, into: ValueRef): boolean {
    this.#located = false
    const { tree } = this
    const { visible } = this.#snapshots
    if (at > visible) at = visible
    // The key alone sorts before all its versions, so that it leads to the newest.
    if (at === timestampMax) {
      return tree.getFirst(key, keyLength, keyLength, into) && into.end > into.start
    }
    this.#setVersionKey(key, keyLength, at)
    return tree.getFirst(this.#scratch, this.#scratchLength, keyLength, into) && into.end > into.start
  }

  /**
   * Goes to where version (key, at) belongs and reads the newest version of the key: true when it is live, and then
   * `into` is its value. Must be followed by `writeLocated`, `removeLocated` or any other call (which forgets it); nothing else
   * may touch this map in between.
   */
  locate(key: Uint8Array, keyLength: number, at: Timestamp, into: ValueRef): boolean {
    const cursor = this.#cursor
    this.#setVersionKey(key, keyLength, at)
    this.#userKeyLength = keyLength
    this.#locatedAt = at
    this.#located = true
    const isSomewhere = this.#ascends
      ? cursor.seekOnward(this.#scratch, this.#scratchLength)
      : cursor.seek(this.#scratch, this.#scratchLength)
    if (!isSomewhere || !cursor.keyStartsWith(key, keyLength)) {
      into.start = into.end = 0
      this.#found = false
      return false
    }
    this.#found = true
    const value = cursor.readValue()
    into.bytes = value.bytes
    into.start = value.start
    into.end = value.end
    this.#live = value.end > value.start
    return this.#live
  }
  #found = false
  #live = false

  /** Forgets what `locate` found. */
  leave(): void {
    this.#located = false
    this.#cursor.close()
  }

  /** Writes the value of the version that `locate` was asked for. */
  writeLocated(value: Uint8Array, start: number, end: number): void {
    assert(this.#located, 'a versioned map writes only where it has located')
    assert(end > start, 'a value in a versioned map is not empty')
    this.#located = false
    const cursor = this.#cursor
    const at = this.#locatedAt
    if (!this.#found) {
      cursor.insert(this.#scratch, this.#scratchLength, value, start, end)
    } else {
      const previous = this.#timestampAtCursor()
      assert(previous <= at, 'versions of a key only grow')
      if (previous === at || !this.#snapshots.needs(previous, at)) {
        cursor.replace(this.#scratch, this.#scratchLength, value, start, end)
        if (!this.#live) this.supersededCount--
      } else {
        const hadHistory = this.supersededCount > 0
        cursor.insert(this.#scratch, this.#scratchLength, value, start, end)
        if (this.#live) this.supersededCount++
        if (hadHistory) this.#prune()
        this.#leaveBehind(previous)
      }
    }
    if (this.#leftovers !== undefined && this.supersededCount > 0) this.#dropLeftovers(this.#leftovers)
    this.#goOn()
    if (at > this.newest) this.newest = at
    const { recentWrites } = this.#snapshots
    if (recentWrites.isWatched) recentWrites.note(this, this.#scratch, this.#userKeyLength)
  }

  /** Writes the first version of a key that was never in the map. */
  add(key: Uint8Array, keyLength: number, at: Timestamp, value: Uint8Array, start: number, end: number): void {
    assert(end > start, 'a value in a versioned map is not empty')
    this.#located = false
    this.#setVersionKey(key, keyLength, at)
    this.tree.put(this.#scratch, this.#scratchLength, value, start, end)
    if (at > this.newest) this.newest = at
    const { recentWrites } = this.#snapshots
    if (recentWrites.isWatched) recentWrites.note(this, key, keyLength)
  }

  /** Removes the key that `locate` found live. */
  removeLocated(): void {
    assert(this.#located && this.#found && this.#live, 'a versioned map removes only what it has located')
    this.#located = false
    const cursor = this.#cursor
    const at = this.#locatedAt
    const previous = this.#timestampAtCursor()
    if (previous === at || !this.#snapshots.needs(previous, at)) {
      const hadHistory = this.supersededCount > 0
      cursor.remove()
      if (hadHistory && cursor.valid && cursor.keyStartsWith(this.#scratch, this.#userKeyLength)) {
        cursor.insert(this.#scratch, this.#scratchLength, noValue, 0, 0)
        this.supersededCount++
      }
    } else {
      const hadHistory = this.supersededCount > 0
      cursor.insert(this.#scratch, this.#scratchLength, noValue, 0, 0)
      this.supersededCount += 2
      if (hadHistory) this.#prune()
    }
    this.#goOn()
    if (at > this.newest) this.newest = at
    const { recentWrites } = this.#snapshots
    if (recentWrites.isWatched) recentWrites.note(this, this.#scratch, this.#userKeyLength)
  }

  /** After a change: lets go of the leaf, unless the next key is looked for from there. Where versions were dropped the cursor may be beyond it. */
  #goOn(): void {
    if (!this.#ascends || this.supersededCount > 0) this.#cursor.close()
  }

  ascending(body: () => void): void {
    this.#ascends = true
    try {
      body()
    } finally {
      this.#ascends = false
      this.#cursor.close()
    }
  }

  /**
   * Drops what nobody needs of the versions beneath the new one, on which the cursor rests, as far as they are in its leaf. Else a key
   * that is written while there is always some reader, who needs the version before, would keep all there ever were until vacuum comes.
   */
  #prune(): void {
    const cursor = this.#cursor
    let newer = this.#locatedAt
    let isNext = false
    for (let looked = 0; looked < prunedMax; looked++) {
      if (!isNext) {
        if (cursor.countBeside(true) === 0) return
        cursor.next()
      }
      if (!cursor.valid || !cursor.keyStartsWith(this.#scratch, this.#userKeyLength)) return
      const here = this.#timestampAtCursor()
      isNext = !this.#snapshots.needs(here, newer)
      if (isNext) {
        cursor.remove()
        this.supersededCount--
      } else newer = here
    }
  }

  /** Notes that the version of `written` was superseded while somebody could look at it. What a history window keeps is for vacuum. */
  #leaveBehind(written: Timestamp): void {
    if (this.#userKeyLength > leftoverKeyMax || this.#snapshots.historyFrom !== undefined) return
    this.#leftovers ??= new Leftovers()
    this.#leftovers.add(this.#scratch, this.#userKeyLength, written, this.#locatedAt)
  }

  /** Drops what was left because somebody needed it: somewhat more with each write than one leaves. */
  #dropLeftovers(leftovers: Leftovers): void {
    const cursor = this.#cursor
    const { key } = leftovers
    for (let i = 0; i < leftoversPerWrite && leftovers.take(this.#snapshots); i++) {
      const length = writeVersion(key, leftovers.keyLength, leftovers.written)
      if (!cursor.seek(key, length) || !cursor.keyStartsWith(key, length)) continue
      cursor.remove()
      this.supersededCount--
    }
  }

  /** Throws WriteConflict while an open transaction has written the key. */
  claim(key: Uint8Array, keyLength: number): void {
    const locks = this.#locks
    if (locks === undefined || locks.isEmpty) return
    const target = { space: this.tree.root, key: lockKey(key, keyLength), mode: 'write' } as const
    if (!locks.isFree(target.space, target.key, target.mode)) throw new WriteConflict(target)
  }

  get rangesLocked(): boolean {
    return this.#locks?.hasRangesIn(this.tree.root) === true
  }

  cursor(at: Timestamp): VersionCursor {
    const { visible } = this.#snapshots
    return new VersionCursor(this, at > visible ? visible : at)
  }

  prefetch(): VersionPrefetch {
    return new VersionPrefetch(this.tree)
  }

  /** Whether something that begins with `key` was written, or removed and is still remembered, after `at`. */
  changedSince(key: Uint8Array, keyLength: number, at: Timestamp): boolean {
    if (this.newest <= at) return false
    this.#located = false
    const cursor = this.#cursor
    let changed = false
    for (let found = cursor.seek(key, keyLength); found && !changed; found = cursor.next()) {
      if (!cursor.keyStartsWith(key, keyLength)) break
      changed = this.#timestampAtCursor() > at
    }
    cursor.close()
    return changed
  }

  /** Whether every entry of the tree is the one version of its key and visible at `at`: no timestamp needs to be read. */
  isPlainAt(at: Timestamp): boolean {
    return this.supersededCount === 0 && this.newest <= at
  }

  #timestampAtCursor(): Timestamp {
    const cursor = this.#cursor
    const at = cursor.keyEndBeside(0, versionSuffixLength)
    if (at >= 0) return readVersion(cursor.pageBytes, at)
    cursor.readKey()
    return readVersion(cursor.key, cursor.keyLength - versionSuffixLength)
  }

  #setVersionKey(key: Uint8Array, keyLength: number, at: Timestamp): void {
    if (this.#scratch.length < keyLength + versionSuffixLength) this.#scratch = new Uint8Array((keyLength + 64) * 2)
    const scratch = this.#scratch
    for (let i = 0; i < keyLength; i++) scratch[i] = key[i]!
    this.#scratchLength = writeVersion(scratch, keyLength, at)
  }
}
