// The global of the same name is looked up by a getter each time.
import { performance } from 'node:perf_hooks'
import type { Clock, Timer } from '../clock.ts'

/** What Node's timers can wait: 24.8 days. */
const delayMsMax = 2 ** 31 - 1

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
    let timeout: NodeJS.Timeout
    const wait = (leftMs: number): void => {
      // Less than nothing, as may be left of a deadline, is what Node warns of; what is more than it can wait it takes for nothing.
      if (leftMs > delayMsMax) timeout = setTimeout(() => wait(leftMs - delayMsMax), delayMsMax)
      else timeout = setTimeout(action, Math.max(0, leftMs))
      if (!isAwaited) timeout.unref()
    }
    wait(delayMs)
    return { cancel: () => clearTimeout(timeout) }
  }

  defer(action: () => void): void {
    setImmediate(action)
  }

  yield(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve))
  }
}
