/** Worker threads of Node. None keeps the process alive but while it is asked. */
import { Worker } from 'node:worker_threads'
import { type Answer, type Thread, ThreadEnded, type Threads } from '../threads.ts'

/** Of the heap of one thread; bytes of documents lie outside of it. */
const heapMaxMb = 1024

export class HostThreads implements Threads {
  start(entry: URL, _answer: (message: unknown) => Answer): Thread {
    return new HostThread(entry)
  }
}

class HostThread implements Thread {
  readonly #worker: Worker
  #resolve: ((answer: unknown) => void) | undefined
  #reject: ((error: ThreadEnded) => void) | undefined
  #ended: ThreadEnded | undefined

  constructor(entry: URL) {
    this.#worker = new Worker(entry, { execArgv: [], resourceLimits: { maxOldGenerationSizeMb: heapMaxMb } })
    this.#worker.unref()
    this.#worker.on('message', (answer) => {
      this.#worker.unref()
      this.#resolve?.(answer)
    })
    this.#worker.on('error', (error: Error & { code?: string }) => {
      this.#end(new ThreadEnded(`a thread failed: ${error.message}`, error.code === 'ERR_WORKER_OUT_OF_MEMORY'))
    })
    this.#worker.on('exit', () => this.#end(new ThreadEnded('a thread ended before it answered')))
  }

  ask(message: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) {
        reject(this.#ended)
        return
      }
      this.#resolve = resolve
      this.#reject = reject
      this.#worker.ref()
      this.#worker.postMessage(message)
    })
  }

  stop(): void {
    void this.#worker.terminate()
  }

  #end(error: ThreadEnded): void {
    this.#ended ??= error
    this.#reject?.(this.#ended)
  }
}
