/**
 * Where work goes that would keep the thread too long (`Detour`): at most two other threads, started when the first such work comes and
 * ended when there has been none for a while.
 *
 * A thread has one task at a time and nothing of the database but what the task brings. A task whose operation was killed, or ran out of
 * its time, ends with the thread that it is on: nothing else could stop it.
 */

import { errorOf, type Outcome, type Task } from '../base/detour.ts'
import { DatabaseError } from '../base/errors.ts'
import type { Clock, Timer } from '../io/clock.ts'
import { type Thread, ThreadEnded, type Threads } from '../io/threads.ts'
import { answerTask, type TaskAnswer } from './detour-tasks.ts'

const threadsMax = 2
/** Starting one takes some tenths of a second. */
const idleMs = 30_000
/** Nothing runs for ever, whoever has forgotten to say how long it may. */
const taskTimeMaxMs = 10 * 60_000

/** Node runs the sources as they are; built, they are JavaScript. */
const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js'
const entry = new URL(`./detour-thread${extension}`, import.meta.url)

/** A task under way. */
export interface Errand {
  /** Rejects with DatabaseError when there can be no outcome, with `ThreadEnded` when the errand was cancelled. */
  readonly done: Promise<Outcome>
  cancel(): void
}

interface Waiting {
  readonly task: Task
  readonly resolve: (outcome: Outcome) => void
  readonly reject: (error: unknown) => void
  thread: Thread | undefined
}

export class Detours {
  readonly #threads: Threads
  readonly #clock: Clock
  readonly #idle: Thread[] = []
  readonly #busy = new Set<Thread>()
  readonly #waiting: Waiting[] = []
  #rest: Timer | undefined
  /** Tasks that were sent away since the start. */
  count = 0

  constructor(threads: Threads, clock: Clock) {
    this.#threads = threads
    this.#clock = clock
  }

  run(task: Task): Errand {
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>()
    const waiting: Waiting = { task, resolve, reject, thread: undefined }
    this.count++
    this.#waiting.push(waiting)
    this.#startNext()
    return { done: promise, cancel: () => this.#cancel(waiting) }
  }

  close(): void {
    this.#rest?.cancel()
    for (const thread of [...this.#idle, ...this.#busy]) thread.stop()
    this.#idle.length = 0
    for (const waiting of this.#waiting.splice(0)) waiting.reject(new ThreadEnded('the database is closed'))
  }

  #cancel(waiting: Waiting): void {
    const at = this.#waiting.indexOf(waiting)
    if (at >= 0) this.#waiting.splice(at, 1)
    waiting.reject(new ThreadEnded('the work was given up'))
    waiting.thread?.stop()
  }

  #startNext(): void {
    while (this.#busy.size < threadsMax) {
      const waiting = this.#waiting.shift()
      if (waiting === undefined) return
      const thread = this.#idle.pop() ?? this.#threads.start(entry, answerTask)
      this.#busy.add(thread)
      void this.#work(thread, waiting)
    }
  }

  async #work(thread: Thread, waiting: Waiting): Promise<void> {
    waiting.thread = thread
    const limit = this.#clock.setTimer(taskTimeMaxMs, () => {
      waiting.reject(new DatabaseError('ExceededTimeLimit', `Work on one document took more than ${taskTimeMaxMs} ms`))
      thread.stop()
    })
    try {
      const answer = (await thread.ask(waiting.task)) as TaskAnswer
      this.#idle.push(thread)
      this.#restLater()
      if (answer.defect !== undefined) waiting.reject(new Error(answer.defect))
      else waiting.resolve(outcomeOf(answer))
    } catch (error) {
      waiting.reject(error instanceof ThreadEnded && error.outOfMemory ? tooMuchMemory() : error)
    } finally {
      waiting.thread = undefined
      limit.cancel()
      this.#busy.delete(thread)
      this.#startNext()
    }
  }

  #restLater(): void {
    this.#rest?.cancel()
    this.#rest = this.#clock.setTimer(idleMs, () => {
      for (const thread of this.#idle.splice(0)) thread.stop()
    })
  }
}

function outcomeOf({ result, failure }: TaskAnswer): Outcome {
  return failure === undefined ? { result } : { error: errorOf(failure) }
}

function tooMuchMemory(): DatabaseError {
  return new DatabaseError('ExceededMemoryLimit', 'Work on one document needed more memory than there may be for it')
}
