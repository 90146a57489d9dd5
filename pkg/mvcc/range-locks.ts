/**
 * Read locks on ranges of keys, of transactions that lock what they read. A range grows with the walk that it stands for. Writers ask whether their key lies in
 * one; who widens a range looks for keys that others have locked for writing. Both find nothing to ask while there is no such lock.
 *
 * Keys are the texts of `lockKey`, which sort as their bytes do.
 */
import type { LockOwner } from './lock-table.ts'

/** Beyond so many in one space, all of the space is locked. */
const rangesMax = 1000

/** `undefined`: no bound. Both ends belong to it. */
export interface KeyRange {
  readonly lower: string | undefined
  readonly upper: string | undefined
}

export class RangeLock implements KeyRange {
  readonly owner: LockOwner
  readonly space: number
  lower: string | undefined
  upper: string | undefined
  /** Of a walk that has not come to a key yet there is none. */
  isEmpty = true

  constructor(owner: LockOwner, space: number) {
    this.owner = owner
    this.space = space
  }

  includes(key: string): boolean {
    if (this.isEmpty) return false
    return (this.lower === undefined || key >= this.lower) && (this.upper === undefined || key <= this.upper)
  }
}

export class RangeLocks {
  readonly #spaces = new Map<number, RangeLock[]>()

  get isEmpty(): boolean {
    return this.#spaces.size === 0
  }

  has(space: number): boolean {
    return this.#spaces.has(space)
  }

  /** A range of the owner's, empty at first. */
  add(space: number, owner: LockOwner): RangeLock {
    const lock = new RangeLock(owner, space)
    const locks = this.#spaces.get(space)
    if (locks === undefined) this.#spaces.set(space, [lock])
    else locks.push(lock)
    return lock
  }

  /** Whether the owner has so many that one over the whole space should take their place. */
  areMany(space: number, owner: LockOwner): boolean {
    const locks = this.#spaces.get(space)
    if (locks === undefined || locks.length <= rangesMax) return false
    return locks.reduce((count, lock) => count + Number(lock.owner === owner), 0) > rangesMax
  }

  /** Whether the owner has all of the space. */
  hasWhole(space: number, owner: LockOwner): boolean {
    const locks = this.#spaces.get(space)
    if (locks === undefined) return false
    return locks.some(
      (lock) => lock.owner === owner && !lock.isEmpty && lock.lower === undefined && lock.upper === undefined,
    )
  }

  /** Drops the owner's ranges in the space that lie in `whole`. */
  replace(whole: RangeLock): void {
    const { space, owner } = whole
    const left = this.#spaces.get(space)!.filter((lock) => lock === whole || lock.owner !== owner)
    this.#spaces.set(space, left)
  }

  /** Those but `owner` whose ranges the key is in. */
  holders(space: number, key: string, owner: LockOwner | undefined): LockOwner[] {
    const holders: LockOwner[] = []
    for (const lock of this.#spaces.get(space) ?? [])
      if (lock.owner !== owner && lock.includes(key) && !holders.includes(lock.owner)) holders.push(lock.owner)
    return holders
  }

  blocks(space: number, key: string, owner: LockOwner | undefined): boolean {
    const locks = this.#spaces.get(space)
    return locks?.some((lock) => lock.owner !== owner && lock.includes(key)) === true
  }

  /** Whether one of the owner's own has the key. */
  covers(space: number, key: string, owner: LockOwner): boolean {
    const locks = this.#spaces.get(space)
    return locks?.some((lock) => lock.owner === owner && lock.includes(key)) === true
  }

  count(owner: LockOwner): number {
    let count = 0
    for (const locks of this.#spaces.values()) for (const lock of locks) if (lock.owner === owner) count++
    return count
  }

  all(): RangeLock[] {
    return [...this.#spaces.values()].flat()
  }

  /** Lets go of the owner's; returns the spaces in which there were some. */
  release(owner: LockOwner): number[] {
    const freed: number[] = []
    for (const [space, locks] of this.#spaces) {
      const left = locks.filter((lock) => lock.owner !== owner)
      if (left.length === locks.length) continue
      freed.push(space)
      if (left.length === 0) this.#spaces.delete(space)
      else this.#spaces.set(space, left)
    }
    return freed
  }
}
