import type { Clock, Timer } from '../io/clock.ts'
import type { SeededRandom } from './random.ts'
import { SimulatedCrash } from './simulated-crash.ts'

interface Scheduled {
  readonly dueMs: number
  readonly order: number
  readonly action: () => void
  cancelled: boolean
}

/**
 * Simulated time. Deferred actions run one at a time, in an order drawn from the seed, and every promise that one of
 * them settles has run its course before the next. When none is left, time jumps to the next timer.
 *
 * Whoever awaits something needs to do nothing for time to pass: actions are pumped from Node's event loop while there
 * are any. `stop` ends a world for good, so that a periodic timer in it does not go on for ever.
 */
export class SimulatedClock implements Clock {
  readonly #random: SeededRandom
  readonly #startMs: number
  #elapsedMs = 0
  #ready: (() => void)[] = []
  /** A binary heap by due time, then by order of setting. */
  #timers: Scheduled[] = []
  #orders = 0
  #pumping = false
  #stopped = false

  constructor(random: SeededRandom, startMs = Date.UTC(2026, 0, 1)) {
    this.#random = random
    this.#startMs = startMs
  }

  nowMs(): number {
    return this.#startMs + Math.floor(this.#elapsedMs)
  }

  monotonicMs(): number {
    return this.#elapsedMs
  }

  /** Nothing is known of Node's own loop: as if there always were something to do. */
  idleMs(): number {
    return 0
  }

  setTimer(delayMs: number, action: () => void): Timer {
    const dueMs = this.#elapsedMs + Math.max(0, delayMs)
    const scheduled: Scheduled = { dueMs, order: this.#orders++, action, cancelled: false }
    push(this.#timers, scheduled)
    this.#pump()
    return {
      cancel: () => {
        scheduled.cancelled = true
      },
    }
  }

  defer(action: () => void): void {
    this.#ready.push(action)
    this.#pump()
  }

  yield(): Promise<void> {
    return new Promise((resolve) => this.defer(resolve))
  }

  /** Lets time pass while synchronous work is done (a slow disk); timers that fall due run afterwards. */
  elapse(durationMs: number): void {
    this.#elapsedMs += durationMs
  }

  /** Resolves once `durationMs` of simulated time have passed. */
  sleep(durationMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.setTimer(durationMs, resolve)
    })
  }

  /** Nothing that is scheduled now or later will run. */
  stop(): void {
    this.#stopped = true
    this.#ready = []
    this.#timers = []
  }

  #pump(): void {
    if (this.#pumping || this.#stopped) return
    this.#pumping = true
    setImmediate(() => this.#turn())
  }

  #turn(): void {
    this.#pumping = false
    const action = this.#takeNext()
    if (action === undefined) return
    if (this.#ready.length > 0 || this.#timers.length > 0) this.#pump()
    try {
      action()
    } catch (error) {
      // The process that the action belonged to is dead, and whoever waits for it will see that at its next operation.
      if (!(error instanceof SimulatedCrash)) throw error
    }
  }

  #takeNext(): (() => void) | undefined {
    while (this.#timers.length > 0 && this.#timers[0]!.cancelled) pop(this.#timers)
    const timer = this.#timers[0]
    if (timer !== undefined && (this.#ready.length === 0 || timer.dueMs <= this.#elapsedMs)) {
      pop(this.#timers)
      this.#elapsedMs = Math.max(this.#elapsedMs, timer.dueMs)
      return timer.action
    }
    if (this.#ready.length === 0) return undefined
    // Work takes time; without it, a loop of yields would keep every timer from falling due.
    this.#elapsedMs += 0.002
    const at = this.#random.integer(this.#ready.length)
    const action = this.#ready[at]!
    this.#ready[at] = this.#ready[this.#ready.length - 1]!
    this.#ready.pop()
    return action
  }
}

function before(a: Scheduled, b: Scheduled): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order)
}

function push(heap: Scheduled[], item: Scheduled): void {
  let at = heap.length
  heap.push(item)
  while (at > 0) {
    const parent = (at - 1) >>> 1
    if (!before(item, heap[parent]!)) break
    heap[at] = heap[parent]!
    at = parent
  }
  heap[at] = item
}

function pop(heap: Scheduled[]): void {
  const item = heap.pop()!
  if (heap.length === 0) return
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
    if (!before(heap[child]!, item)) break
    heap[at] = heap[child]!
    at = child
  }
  heap[at] = item
}
