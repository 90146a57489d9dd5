/** No threads: what one would answer is computed in place, in a turn of its own. */
import type { Clock } from '../io/clock.ts'
import { type Answer, type Thread, ThreadEnded, type Threads } from '../io/threads.ts'

export class SimulatedThreads implements Threads {
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  start(_entry: URL, answer: (message: unknown) => Answer): Thread {
    let stop: (() => void) | undefined
    let stopped = false
    return {
      ask: (message) =>
        new Promise((resolve, reject) => {
          stop = () => reject(new ThreadEnded('a thread ended before it answered'))
          // As between threads, neither side sees what the other does to it afterwards.
          const sent = structuredClone(message)
          this.#clock.defer(() => {
            if (!stopped) resolve(structuredClone(answer(sent).message))
          })
        }),
      stop: () => {
        stopped = true
        stop?.()
      },
    }
  }
}
