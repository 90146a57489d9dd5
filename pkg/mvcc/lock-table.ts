/**
 * Locks of open transactions: on records, on keys of unique indexes, on collections and on names. A lock is there only while a
 * transaction holds it or somebody waits for it; without open transactions the table is empty, and writers ask only that.
 *
 *   free ──take──> held ──take by others──> refused ──wait──> queued ──release of the holder──> held by the first in the queue
 *
 * INVARIANTS
 *  (1) A lock is held by any number of readers or by one writer.
 *  (2) The queue is served in its order, but for a holder that wants more of what it has: it goes first.
 *  (3) No wait begins that would close a circle of owners waiting for each other: one of the circle is refused instead.
 */
import { assert } from '../base/assert.ts'
import { DatabaseError } from '../base/errors.ts'
import type { Clock } from '../io/clock.ts'

export type LockMode = 'read' | 'write'

export interface LockOwner {
  readonly id: number
  /** What is lost when it is aborted, in any unit: of a circle the cheapest one goes. */
  readonly cost: number
}

/** `space`: whose keys these are (the root page of a map, or one of `lockSpace`). */
export interface LockTarget {
  readonly space: number
  readonly key: string
  readonly mode: LockMode
}

/** Spaces that are no map's. */
export const lockSpace = { namespaces: -1, collections: -2 } as const

export interface LockInfo extends LockTarget {
  readonly holders: readonly { readonly owner: LockOwner; readonly mode: LockMode }[]
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

interface Lock {
  readonly holders: Map<LockOwner, LockMode>
  readonly queue: Waiter[]
}

/** The text that stands for key bytes in the table. */
export function lockKey(bytes: Uint8Array, length: number): string {
  let key = ''
  for (let i = 0; i < length; i++) key += String.fromCharCode(bytes[i]!)
  return key
}

export class LockTable {
  readonly #spaces = new Map<number, Map<string, Lock>>()
  readonly #held = new Map<LockOwner, LockTarget[]>()
  readonly #waiting = new Map<LockOwner, Waiter>()
  /** Counts since the start, for serverStatus. */
  waitCount = 0
  timeoutCount = 0
  deadlockCount = 0

  get isEmpty(): boolean {
    return this.#spaces.size === 0
  }

  /** Whether the lock is the owner's from now on; false: others are in the way. */
  take(space: number, key: string, mode: LockMode, owner: LockOwner): boolean {
    const lock = this.#lock(space, key)
    const mine = lock.holders.get(owner)
    if (mine === 'write' || mine === mode) return true
    const free = mine === undefined ? lock.queue.length === 0 && fits(lock, mode, owner) : lock.holders.size === 1
    if (!free) return false
    this.#grant(lock, { space, key, mode }, owner)
    return true
  }

  /** Whether one who holds nothing may go ahead: nobody has the lock in a way that forbids `mode`. */
  isFree(space: number, key: string, mode: LockMode): boolean {
    const lock = this.#spaces.get(space)?.get(key)
    return lock === undefined || fits(lock, mode, undefined)
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
          : clock.setTimer(timeoutMs, () => {
              this.timeoutCount++
              this.#refuse(waiter, lockTimeout(timeoutMs))
            })
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
      if (owner !== undefined && lock.holders.has(owner)) lock.queue.unshift(waiter)
      else lock.queue.push(waiter)
      if (owner !== undefined) this.#breakCircle(owner)
      this.#serve(space, key)
    })
  }

  /** Ends an owner's wait, if it waits. */
  interrupt(owner: LockOwner, error: DatabaseError): void {
    const waiter = this.#waiting.get(owner)
    if (waiter !== undefined) this.#refuse(waiter, error)
  }

  /** Lets go of all that the owner holds; those who waited for it go on. */
  release(owner: LockOwner): void {
    const targets = this.#held.get(owner)
    if (targets === undefined) return
    this.#held.delete(owner)
    for (const { space, key } of targets) {
      const lock = this.#spaces.get(space)?.get(key)
      lock?.holders.delete(owner)
    }
    for (const { space, key } of targets) this.#serve(space, key)
  }

  heldCount(owner: LockOwner): number {
    return this.#held.get(owner)?.length ?? 0
  }

  /** What the owner waits for. */
  waitOf(owner: LockOwner): LockTarget | undefined {
    return this.#waiting.get(owner)?.target
  }

  /** Every lock with its holders and waiters. */
  *all(): Generator<LockInfo> {
    for (const [space, locks] of this.#spaces) {
      for (const [key, lock] of locks) {
        const mode = [...lock.holders.values()].includes('write') ? 'write' : 'read'
        const holders = [...lock.holders].map(([owner, held]) => ({ owner, mode: held }))
        yield { space, key, mode, holders, waiters: lock.queue }
      }
    }
  }

  #lock(space: number, key: string): Lock {
    let locks = this.#spaces.get(space)
    if (locks === undefined) {
      locks = new Map()
      this.#spaces.set(space, locks)
    }
    let lock = locks.get(key)
    if (lock === undefined) {
      lock = { holders: new Map(), queue: [] }
      locks.set(key, lock)
    }
    return lock
  }

  #grant(lock: Lock, target: LockTarget, owner: LockOwner): void {
    if (!lock.holders.has(owner)) {
      const targets = this.#held.get(owner)
      if (targets === undefined) this.#held.set(owner, [target])
      else targets.push(target)
    }
    lock.holders.set(owner, target.mode)
  }

  /** Gives the lock to those first in its queue, as far as they fit, and forgets a lock that nobody wants. */
  #serve(space: number, key: string): void {
    const locks = this.#spaces.get(space)
    const lock = locks?.get(key)
    if (locks === undefined || lock === undefined) return
    for (let first = lock.queue[0]; first !== undefined; first = lock.queue[0]) {
      if (!fits(lock, first.mode, first.owner)) break
      lock.queue.shift()
      if (first.owner !== undefined) {
        this.#waiting.delete(first.owner)
        this.#grant(lock, first.target, first.owner)
      }
      first.settle(undefined)
    }
    if (lock.holders.size > 0 || lock.queue.length > 0) return
    locks.delete(key)
    if (locks.size === 0) this.#spaces.delete(space)
  }

  #refuse(waiter: Waiter, error: DatabaseError): void {
    const { space, key } = waiter.target
    const queue = this.#spaces.get(space)?.get(key)?.queue
    const at = queue?.indexOf(waiter) ?? -1
    if (queue === undefined || at < 0) return
    queue.splice(at, 1)
    if (waiter.owner !== undefined) this.#waiting.delete(waiter.owner)
    waiter.settle(error)
    this.#serve(space, key)
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
    const blockers: LockOwner[] = []
    for (const [holder, mode] of lock.holders) {
      if (holder !== owner && (mode === 'write' || waiter.mode === 'write')) blockers.push(holder)
    }
    for (const before of lock.queue) {
      if (before === waiter) break
      if (before.owner !== undefined && (before.mode === 'write' || waiter.mode === 'write'))
        blockers.push(before.owner)
    }
    return blockers
  }
}

/** Whether the holders other than `owner` allow `mode`. */
function fits(lock: Lock, mode: LockMode, owner: LockOwner | undefined): boolean {
  for (const [holder, held] of lock.holders) {
    if (holder !== owner && (held === 'write' || mode === 'write')) return false
  }
  return true
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
