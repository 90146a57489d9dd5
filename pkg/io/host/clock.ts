// The global of the same name is looked up by a getter each time.
import { performance } from 'node:perf_hooks'
import type { Clock, Timer } from '../clock.ts'

/** The machine's clock and Node's event loop. */
export class HostClock implements Clock {
  nowMs(): number {
    return Date.now()
  }

  monotonicMs(): number {
    return performance.now()
  }

  idleMs(): number {
    return performance.eventLoopUtilization().idle
  }

  setTimer(delayMs: number, action: () => void, isAwaited = false): Timer {
    // What is left of a deadline may be less than nothing, which Node warns of.
    const timeout = setTimeout(action, Math.max(0, delayMs))
    if (!isAwaited) timeout.unref()
    return { cancel: () => clearTimeout(timeout) }
  }

  defer(action: () => void): void {
    setImmediate(action)
  }

  yield(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve))
  }
}
