/**
 * Locks of open transactions: on records, on keys of unique indexes, on collections and on names; of those that lock what they read, on
 * the keys and ranges that they have read, too. A lock is there only while a
 * transaction holds it or somebody waits for it; without open transactions the table is empty, and writers ask only that.
 *
 *   free ──take──> held ──take by others──> refused ──wait──> queued ──release of the holder──> held by the first in the queue
 *
 * INVARIANTS
 *  (1) A lock is held by any number of readers or by one writer.
 *  (2) The queue is served in its order, but for a holder, of the key or of a range with it, that wants more of what it has: it goes first.
 *  (3) A lock in an owner's store is held by it alone, for writing, and nobody waits for it: it comes back into the table when
 *      somebody else asks for it.
 *  (4) No key is locked for writing by one owner in a range that another has locked, unless it was before.
 *  (5) No wait begins that would close a circle of owners waiting for each other: one of the circle is refused instead.
 */
import { assert } from '../base/assert.ts'
import { DatabaseError } from '../base/errors.ts'
import { TransientMap } from '../base/transient-map.ts'
import type { Clock } from '../io/clock.ts'
import type { LockStore } from './lock-store.ts'
import { type KeyRange, type RangeLock, RangeLocks } from './range-locks.ts'

export type LockMode = 'read' | 'write'

export interface LockOwner {
  readonly id: number
  /** What is lost when it is aborted, in any unit: of a circle the cheapest one goes. */
  readonly cost: number
  /** What it holds: kept by the table. */
  readonly locks: Lock[]
  /** Makes a place for more locks than are kept one by one; undefined: the owner has none, and has few locks. */
  newLockStore?(): LockStore
}

/** An owner with more locks than these puts those on keys of maps into its store. */
const heldMaxDefault = 20_000

/** `space`: whose keys these are (the root page of a map, or one of `lockSpace`). */
export interface LockTarget {
  readonly space: number
  readonly key: string
  readonly mode: LockMode
}

/** Spaces that are no map's. */
export const lockSpace = { namespaces: -1, collections: -2, commits: -3 } as const

export interface LockInfo extends LockTarget {
  /** Of a lock on a range, which has no key. */
  readonly range?: KeyRange
  readonly holders: readonly Holder[]
  readonly waiters: readonly {
    readonly owner: LockOwner | undefined
    readonly mode: LockMode
    readonly sinceMs: number
  }[]
}

interface Waiter {
  readonly owner: LockOwner | undefined
  readonly mode: LockMode
  readonly sinceMs: number
  readonly target: LockTarget
  readonly settle: (error: DatabaseError | undefined) => void
}

export interface Holder {
  readonly owner: LockOwner
  readonly mode: LockMode
}

/** Most locks ever have one holder. */
export class Lock {
  readonly space: number
  readonly key: string
  readonly holders: Holder[] = []
  readonly queue: Waiter[] = []

  constructor(space: number, key: string) {
    this.space = space
    this.key = key
  }

  /** How `owner` holds it; undefined: not at all. */
  modeOf(owner: LockOwner): LockMode | undefined {
    const at = this.#placeOf(owner)
    return at < 0 ? undefined : this.holders[at]!.mode
  }

  /** Whether the holders other than `owner` allow `mode`. */
  fits(mode: LockMode, owner: LockOwner | undefined): boolean {
    for (const { owner: holder, mode: held } of this.holders) {
      if (holder !== owner && (held === 'write' || mode === 'write')) return false
    }
    return true
  }

  grant(owner: LockOwner, mode: LockMode): void {
    const at = this.#placeOf(owner)
    if (at >= 0) {
      this.holders[at] = { owner, mode }
      return
    }
    this.holders.push({ owner, mode })
    owner.locks.push(this)
  }

  leave(owner: LockOwner): void {
    const { holders } = this
    const at = this.#placeOf(owner)
    // Most are the only one.
    if (at === holders.length - 1) holders.pop()
    else if (at >= 0) holders.splice(at, 1)
  }

  #placeOf(owner: LockOwner): number {
    const { holders } = this
    for (let i = 0; i < holders.length; i++) if (holders[i]!.owner === owner) return i
    return -1
  }
}

/** Spaces without a lock that are kept at most, once there is no lock at all. */
const emptySpacesMax = 1000

/** Whether it is a lock on a collection, a name or the commits, not on what is in a map. */
export function isOfCatalog({ space }: LockTarget): boolean {
  return space < 0
}

export class LockTable {
  /** By their space, which stays, and their key. */
  readonly #spaces = new Map<number, TransientMap<string, Lock>>()
  #lockCount = 0
  readonly #stores = new Map<LockOwner, LockStore>()
  readonly #waiting = new Map<LockOwner, Waiter>()
  readonly #heldMax: number
  readonly #ranges = new RangeLocks()
  /** Grows whenever somebody gets or loses a lock for writing. */
  #writeVersion = 0
  /** Counts since the start, for serverStatus. */
  waitCount = 0
  timeoutCount = 0
  deadlockCount = 0

  constructor(heldMax = heldMaxDefault) {
    this.#heldMax = heldMax
  }

  get isEmpty(): boolean {
    return this.#lockCount === 0 && this.#stores.size === 0 && this.#ranges.isEmpty
  }

  /** Whether anybody has locked ranges: then writers say every key that they write, wherever it is. */
  get hasRanges(): boolean {
    return !this.#ranges.isEmpty
  }

  /** Whether the lock is the owner's from now on; false: others are in the way. */
  take(space: number, key: string, mode: LockMode, owner: LockOwner): boolean {
    if (this.#stores.size > 0 && this.#takeStored(space, key, mode, owner)) return true
    const lock = this.#lock(space, key)
    const mine = lock.modeOf(owner)
    if (mine === 'write' || mine === mode) return true
    const free = mine === undefined ? this.#isFirst(lock, owner) && lock.fits(mode, owner) : lock.holders.length === 1
    if (!free || (mode === 'write' && this.#ranges.blocks(space, key, owner))) {
      this.#forgetUnused(lock)
      return false
    }
    this.#grant(lock, owner, mode)
    if (owner.locks.length > this.#heldMax && owner.newLockStore !== undefined && !this.#stores.has(owner))
      this.#store(owner, owner.newLockStore())
    return true
  }

  /** Whether one who holds nothing may go ahead: nobody has the lock in a way that forbids `mode`. */
  isFree(space: number, key: string, mode: LockMode): boolean {
    if (mode === 'write' && this.#ranges.blocks(space, key, undefined)) return false
    const lock = this.#spaces.get(space)?.get(key)
    if (lock === undefined) return this.#storedBy(space, key) === undefined
    return lock.fits(mode, undefined)
  }

  /** Whether somebody but `owner` has locked a range with the key. */
  isInRange(space: number, key: string, owner: LockOwner): boolean {
    return this.#ranges.blocks(space, key, owner)
  }

  /** Whether the owner has locked a range with the key. */
  hasInRange(space: number, key: string, owner: LockOwner): boolean {
    return this.#ranges.covers(space, key, owner)
  }

  /** Whether there are ranges of anybody in the space. */
  hasRangesIn(space: number): boolean {
    return this.#ranges.has(space)
  }

  /** A range that the owner locks for reading, empty until `widen`. */
  newRange(space: number, owner: LockOwner): RangeLock {
    return this.#ranges.add(space, owner)
  }

  /** Whether the owner has locked all keys of the space. */
  hasWhole(space: number, owner: LockOwner): boolean {
    return this.#ranges.hasWhole(space, owner)
  }

  /**
   * Makes the range, which may only grow by that, one from `lower` to `upper`. Returns a key that somebody else has locked for writing in it; the
   * range stays as it is then.
   */
  widen(range: RangeLock, lower: string | undefined, upper: string | undefined): string | undefined {
    const blocked = this.#writtenIn(range, lower, upper)
    if (blocked !== undefined) return blocked
    range.lower = lower
    range.upper = upper
    range.isEmpty = false
    return undefined
  }

  /** Locks all of the space in place of many ranges and keys; returns what `widen` does. */
  widenToWhole(space: number, owner: LockOwner): string | undefined {
    const whole = this.#ranges.add(space, owner)
    const blocked = this.widen(whole, undefined, undefined)
    if (blocked === undefined) this.#ranges.replace(whole)
    return blocked
  }

  /** Whether the owner has more ranges in the space than should be kept one by one. */
  hasManyRanges(space: number, owner: LockOwner): boolean {
    return this.#ranges.areMany(space, owner)
  }

  /** The first key from `lower` to `upper` that somebody but the range's owner has locked for writing. */
  #writtenIn({ space, owner }: RangeLock, lower: string | undefined, upper: string | undefined): string | undefined {
    const keys = this.#writtenKeys(space, owner)
    let at = 0
    if (lower !== undefined)
      for (let high = keys.length; at < high; ) {
        const middle = (at + high) >>> 1
        if (keys[middle]! < lower) at = middle + 1
        else high = middle
      }
    let first = keys[at]
    for (const [holder, store] of this.#stores) {
      if (holder === owner) continue
      const stored = store.firstFrom(space, lower ?? '')
      if (stored !== undefined && (first === undefined || stored < first)) first = stored
    }
    return first !== undefined && (upper === undefined || first <= upper) ? first : undefined
  }

  /** Sorted. Those who walk far ask again and again. */
  #writtenKeys(space: number, owner: LockOwner): readonly string[] {
    const known = this.#written
    if (known.space === space && known.owner === owner && known.version === this.#writeVersion) return known.keys
    const keys: string[] = []
    for (const { key, holders } of this.#spaces.get(space)?.values() ?? [])
      if (holders.some((holder) => holder.mode === 'write' && holder.owner !== owner)) keys.push(key)
    keys.sort(byCharacters)
    this.#written = { space, owner, version: this.#writeVersion, keys }
    return keys
  }
  #written: { space: number; owner: LockOwner | undefined; version: number; keys: readonly string[] } = {
    space: 0,
    owner: undefined,
    version: -1,
    keys: [],
  }

  #grant(lock: Lock, owner: LockOwner, mode: LockMode): void {
    if (mode === 'write') this.#writeVersion++
    lock.grant(owner, mode)
  }

  #isFirst(lock: Lock, owner: LockOwner): boolean {
    return lock.queue.length === 0 || this.#hasClaim(lock, owner)
  }

  /** Whether those who want the key for writing wait for the owner already: it has the lock, or a range with the key. */
  #hasClaim(lock: Lock, owner: LockOwner): boolean {
    return lock.modeOf(owner) !== undefined || this.#ranges.covers(lock.space, lock.key, owner)
  }

  #fits(lock: Lock, mode: LockMode, owner: LockOwner | undefined): boolean {
    return lock.fits(mode, owner) && (mode === 'read' || !this.#ranges.blocks(lock.space, lock.key, owner))
  }

  /**
   * Resolves when the lock is the owner's; without an owner, when it has become free for a moment. Rejects with LockTimeout after
   * `timeoutMs`, or with WriteConflict when the owner is the one that a circle of waiting costs least. `onWaiting` is given a way to
   * stop waiting at once, as if the time were over: who only went away would keep others from the lock.
   */
  wait(
    target: LockTarget,
    owner: LockOwner | undefined,
    timeoutMs: number,
    clock: Clock,
    onWaiting?: (withdraw: () => void) => void,
  ): Promise<void> {
    const { space, key, mode } = target
    const lock = this.#lock(space, key)
    return new Promise<void>((resolve, reject) => {
      const timer =
        timeoutMs === Number.POSITIVE_INFINITY
          ? undefined
          : clock.setTimer(
              timeoutMs,
              () => {
                this.timeoutCount++
                this.#refuse(waiter, lockTimeout(timeoutMs))
              },
              true,
            )
      const waiter: Waiter = {
        owner,
        mode,
        sinceMs: clock.monotonicMs(),
        target,
        settle: (error) => {
          timer?.cancel()
          if (error === undefined) resolve()
          else reject(error)
        },
      }
      onWaiting?.(() => this.#refuse(waiter, lockTimeout(timeoutMs)))
      this.waitCount++
      if (owner !== undefined) {
        assert(!this.#waiting.has(owner), 'an owner waits for one lock at a time')
        this.#waiting.set(owner, waiter)
      }
      if (owner !== undefined && this.#hasClaim(lock, owner)) lock.queue.unshift(waiter)
      else lock.queue.push(waiter)
      if (owner !== undefined) this.#breakCircle(owner)
      this.#serve(lock)
    })
  }

  /** Ends an owner's wait, if it waits, with the error that `reason` makes. */
  interrupt(owner: LockOwner, reason: () => DatabaseError): void {
    const waiter = this.#waiting.get(owner)
    if (waiter !== undefined) this.#refuse(waiter, reason())
  }

  /** Lets go of all that the owner holds; those who waited for it go on. */
  release(owner: LockOwner): void {
    this.#stores.delete(owner)
    this.#writeVersion++
    const { locks } = owner
    for (const lock of locks) lock.leave(owner)
    const freed = this.#ranges.isEmpty ? [] : this.#ranges.release(owner)
    for (const lock of locks) this.#serve(lock)
    locks.length = 0
    for (const space of freed)
      for (const lock of [...(this.#spaces.get(space)?.values() ?? [])]) if (lock.queue.length > 0) this.#serve(lock)
  }

  heldCount(owner: LockOwner): number {
    const ranges = this.#ranges.isEmpty ? 0 : this.#ranges.count(owner)
    return owner.locks.length + (this.#stores.get(owner)?.count ?? 0) + ranges
  }

  /** What the owner waits for. */
  waitOf(owner: LockOwner): LockTarget | undefined {
    return this.#waiting.get(owner)?.target
  }

  /** Every lock with its holders and waiters, but for those in stores. */
  *all(): Generator<LockInfo> {
    for (const locks of this.#spaces.values()) {
      for (const { space, key, holders, queue } of locks.values()) {
        const mode = holders.some((holder) => holder.mode === 'write') ? 'write' : 'read'
        yield { space, key, mode, holders, waiters: queue }
      }
    }
    for (const { space, owner, lower, upper, isEmpty } of this.#ranges.all())
      if (!isEmpty)
        yield { space, key: '', mode: 'read', holders: [{ owner, mode: 'read' }], waiters: [], range: { lower, upper } }
  }

  /** How many wait. */
  get waiterCount(): number {
    let count = 0
    for (const locks of this.#spaces.values()) for (const { queue } of locks.values()) count += queue.length
    return count
  }

  #lock(space: number, key: string): Lock {
    let locks = this.#spaces.get(space)
    if (locks === undefined) {
      locks = new TransientMap()
      this.#spaces.set(space, locks)
    }
    let lock = locks.get(key)
    if (lock === undefined) {
      lock = new Lock(space, key)
      locks.set(key, lock)
      this.#lockCount++
      const holder = this.#storedBy(space, key)
      if (holder !== undefined) {
        this.#stores.get(holder)!.remove(space, key)
        this.#grant(lock, holder, 'write')
      }
    }
    return lock
  }

  #storedBy(space: number, key: string): LockOwner | undefined {
    for (const [owner, store] of this.#stores) if (store.has(space, key)) return owner
    return undefined
  }

  /** Takes a lock that nobody has into the owner's store, if it has one; true when it is there. */
  #takeStored(space: number, key: string, mode: LockMode, owner: LockOwner): boolean {
    const store = this.#stores.get(owner)
    if (store === undefined || this.#spaces.get(space)?.has(key)) return false
    const holder = this.#storedBy(space, key)
    if (holder !== undefined) return holder === owner
    if (mode === 'read' || space < 0 || this.#ranges.blocks(space, key, owner)) return false
    store.add(space, key)
    return true
  }

  /** Moves the locks that nobody else wants into the owner's store. */
  #store(owner: LockOwner, store: LockStore): void {
    this.#stores.set(owner, store)
    for (const lock of owner.locks.splice(0)) {
      const { space, key } = lock
      if (space < 0 || lock.modeOf(owner) !== 'write' || lock.queue.length > 0) {
        owner.locks.push(lock)
        continue
      }
      store.add(space, key)
      this.#spaces.get(space)!.delete(key)
      this.#lockCount--
    }
  }

  /** Gives the lock to those first in its queue, as far as they fit, and forgets a lock that nobody wants. */
  #serve(lock: Lock): void {
    for (let first = lock.queue[0]; first !== undefined; first = lock.queue[0]) {
      if (!this.#fits(lock, first.mode, first.owner)) break
      lock.queue.shift()
      if (first.owner !== undefined) {
        this.#waiting.delete(first.owner)
        this.#grant(lock, first.owner, first.mode)
      }
      first.settle(undefined)
    }
    this.#forgetUnused(lock)
  }

  #forgetUnused(lock: Lock): void {
    if (lock.holders.length > 0 || lock.queue.length > 0) return
    // Who began to wait may have been refused at once, and that was the end of the lock.
    if (this.#spaces.get(lock.space)?.delete(lock.key) !== true) return
    this.#lockCount--
    // Maps that were dropped leave spaces that nobody asks for again.
    if (this.#lockCount === 0 && this.#spaces.size > emptySpacesMax) this.#spaces.clear()
  }

  #refuse(waiter: Waiter, error: DatabaseError): void {
    const { space, key } = waiter.target
    const lock = this.#spaces.get(space)?.get(key)
    const at = lock?.queue.indexOf(waiter) ?? -1
    if (lock === undefined || at < 0) return
    lock.queue.splice(at, 1)
    if (waiter.owner !== undefined) this.#waiting.delete(waiter.owner)
    waiter.settle(error)
    this.#serve(lock)
  }

  /** `owner` has begun to wait: if that closed a circle, its cheapest member is refused. */
  #breakCircle(owner: LockOwner): void {
    for (let circle = this.#circleOf(owner); circle !== undefined; circle = this.#circleOf(owner)) {
      let victim = circle[0]!
      for (const member of circle) if (member.cost < victim.cost) victim = member
      this.deadlockCount++
      this.#refuse(this.#waiting.get(victim)!, deadlock(circle, victim))
    }
  }

  /** The owners that wait for each other, from `owner` back to it. */
  #circleOf(owner: LockOwner): LockOwner[] | undefined {
    const seen = new Set<LockOwner>()
    const path: LockOwner[] = []
    const visit = (current: LockOwner): boolean => {
      path.push(current)
      for (const blocker of this.#blockersOf(current)) {
        if (blocker === owner) return true
        if (seen.has(blocker)) continue
        seen.add(blocker)
        if (visit(blocker)) return true
      }
      path.pop()
      return false
    }
    return visit(owner) ? path : undefined
  }

  /** Whom an owner waits for: holders that forbid what it wants, and those before it in the queue. */
  #blockersOf(owner: LockOwner): LockOwner[] {
    const waiter = this.#waiting.get(owner)
    if (waiter === undefined) return []
    const { space, key } = waiter.target
    const lock = this.#spaces.get(space)!.get(key)!
    const blockers = this.#holdersAgainst(lock, waiter.mode, owner)
    for (const before of lock.queue) {
      if (before === waiter) break
      if (before.mode === 'read' && waiter.mode === 'read') continue
      if (before.owner !== undefined) blockers.push(before.owner)
      // Who holds nothing in passing waits for this lock only: in its place those count whom it waits for.
      else blockers.push(...this.#holdersAgainst(lock, before.mode, undefined))
    }
    return blockers
  }

  /** Those but `owner` who have the lock, or a range with its key, in a way that forbids `mode`. */
  #holdersAgainst(lock: Lock, mode: LockMode, owner: LockOwner | undefined): LockOwner[] {
    const holders = mode === 'write' ? this.#ranges.holders(lock.space, lock.key, owner) : []
    for (const holder of lock.holders)
      if (holder.owner !== owner && (holder.mode === 'write' || mode === 'write')) holders.push(holder.owner)
    return holders
  }
}

function lockTimeout(timeoutMs: number): DatabaseError {
  return new DatabaseError(
    'LockTimeout',
    `Unable to acquire lock within a max lock request timeout of '${timeoutMs}ms' milliseconds.`,
  )
}

function deadlock(circle: readonly LockOwner[], victim: LockOwner): DatabaseError {
  const chain = [...circle, circle[0]!].map(({ id }) => `transaction ${id}`).join(' waits for ')
  return new DatabaseError(
    'WriteConflict',
    `deadlock: ${chain}; transaction ${victim.id} is aborted. Please retry your operation or multi-document transaction.`,
  )
}

/** Of texts whose characters are bytes. */
function byCharacters(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
